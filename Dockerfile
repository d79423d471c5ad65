# Small, non-root, with a root file system that may be read-only: everything it writes is under /data and /tmp.
#   docker build -t understudy .
#   docker run --read-only --tmpfs /tmp -v understudy:/data -v ./understudy.yaml:/etc/understudy/understudy.yaml:ro \
#       -p 8080:8080 -p 127.0.0.1:8081:8081 understudy
FROM python:3.13-slim AS build
WORKDIR /build
COPY requirements.lock ./
RUN python -m venv /opt/understudy \
    && /opt/understudy/bin/pip install --no-cache-dir --require-hashes --requirement requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY comparators ./comparators
COPY proxy ./proxy
RUN /opt/understudy/bin/pip install --no-cache-dir --no-deps .

FROM python:3.13-slim
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /data understudy \
    && install -d -o understudy -g understudy /data /etc/understudy
COPY --from=build /opt/understudy /opt/understudy
ENV PATH=/opt/understudy/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    UNDERSTUDY_CONFIG=/etc/understudy/understudy.yaml
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8080 8081
STOPSIGNAL SIGTERM
# The port of the default `admin.listen`; change both together.
HEALTHCHECK --interval=10s --timeout=5s --start-period=15s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8081/readyz', timeout=4)"]
ENTRYPOINT ["understudy"]
CMD ["serve"]
