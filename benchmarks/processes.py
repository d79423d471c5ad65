"""The processes of a benchmark: upstreams, relays as a user runs them, load; and what the relays cost."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.messages import chat_answer, chat_request
from tests.fakes.running import free_port

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Load:
    requests: int
    seconds: float
    errors: int
    p50_us: float
    p99_us: float
    events: int = 0


@dataclass(frozen=True)
class Measured:
    """A server whose process is what costs are counted of, a relay's writer thread included."""

    port: int
    pid: int

    def cpu_seconds(self) -> float:
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def idle_cpu_seconds(self) -> float:
        """Once it rests: what the journal's writer still has to do belongs to the requests before."""
        spent = self.cpu_seconds()
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            time.sleep(0.3)
            now = self.cpu_seconds()
            if now - spent <= 0.02:
                return now
            spent = now
        return spent


@dataclass(frozen=True)
class RelayProcess(Measured):
    """One relay."""

    admin_port: int

    def captures(self) -> dict[str, int]:
        """understudy_captures_total by outcome."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.admin_port}/metrics", timeout=10) as answer:
            text = answer.read().decode()
        found = re.findall(r'^understudy_captures_total\{[^}]*outcome="(\w+)"[^}]*\} (\S+)$', text, re.MULTILINE)
        return {outcome: int(float(n)) for outcome, n in found}


@contextlib.contextmanager
def python_upstream() -> Iterator[int]:
    """Port of the bundled upstream, which streams as well."""
    with _own("benchmarks.upstream") as server:
        yield server.port


@contextlib.contextmanager
def uvicorn_alone() -> Iterator[Measured]:
    """The server that the relay stands on, giving the same answer to everything."""
    with _own("benchmarks.bare") as server:
        yield server


@contextlib.contextmanager
def _own(module: str) -> Iterator[Measured]:
    with subprocess.Popen([sys.executable, "-m", module], stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Measured(int(process.stdout.readline()), process.pid)
        finally:
            process.kill()


@contextlib.contextmanager
def nginx_upstream(directory: Path) -> Iterator[int]:
    """Port of an nginx, one worker, that gives the same whole answer to everything."""
    port = free_port()
    text = chat_answer().decode().replace("'", "\\'")
    configuration = directory / "nginx.conf"
    configuration.write_text(
        f"worker_processes 1; daemon off; pid {directory}/nginx.pid; error_log {directory}/error.log;\n"
        "events { worker_connections 1024; }\n"
        "http { access_log off; keepalive_requests 100000000;\n"
        + "".join(
            f"{kind}_temp_path {directory}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        + f"server {{ listen 127.0.0.1:{port}; default_type application/json;\n"
        f"location / {{ return 200 '{text}'; }} }} }}\n"
    )
    command = [
        shutil.which("nginx"),
        "-c",
        str(configuration),
        "-p",
        str(directory),
        "-e",
        str(directory / "error.log"),
    ]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            wait_for_port(port)
            yield port
        finally:
            process.terminate()


@contextlib.contextmanager
def relay(directory: Path, configuration: dict[str, object]) -> Iterator[RelayProcess]:
    """``understudy relay`` with this configuration."""
    port, admin_port = free_port(), free_port()
    directory.mkdir()
    file = directory / "understudy.yaml"
    complete = {"listen": f"127.0.0.1:{port}", "admin": {"listen": f"127.0.0.1:{admin_port}"}, **configuration}
    file.write_text(json.dumps(complete))  # JSON is YAML
    command = [sys.executable, "-m", "proxy.cli", "relay", "--config", str(file)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    with (
        (directory / "log").open("wb") as log,
        subprocess.Popen(command, cwd=directory, env=environment, stdout=log, stderr=log) as process,
    ):
        try:
            wait_until_ready(admin_port, log=directory / "log")
            yield RelayProcess(port, _relay_child(process.pid), admin_port)
        finally:
            process.terminate()


def _relay_child(parent: int) -> int:
    for child in Path(f"/proc/{parent}/task/{parent}/children").read_text().split():
        if b"\0proxy.child\0relay\0" in Path(f"/proc/{child}/cmdline").read_bytes():
            return int(child)
    raise SystemExit("the relay's process is not to be found")


def wrk(port: int, connections: int, seconds: int, directory: Path) -> Load:
    script = directory / "post.lua"
    body = chat_request(stream=False).decode()
    script.write_text(
        f"wrk.method='POST' wrk.path='/v1/chat/completions' wrk.body=[==[{body}]==]\n"
        "wrk.headers['content-type']='application/json' wrk.headers['authorization']='Bearer sk-benchmark'\n"
        "function done(s, l, r) local e = s.errors io.write(string.format('RESULT %d %d %d %f %f\\n', s.requests,"
        " s.duration, e.connect + e.read + e.write + e.status + e.timeout, l:percentile(50), l:percentile(99))) end\n"
    )
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(script), f"http://127.0.0.1:{port}"]
    output = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 30, check=True).stdout
    requests, duration, errors, p50, p99 = map(float, re.search(r"RESULT (.*)", output)[1].split())
    return Load(int(requests), duration / 1e6, int(errors), p50, p99)


def python_load(port: int, connections: int, seconds: int, *, stream: bool) -> Load:
    command = [sys.executable, "-m", "benchmarks.load", "--port", str(port), "--connections", str(connections)]
    command += ["--seconds", str(seconds)] + (["--stream"] if stream else [])
    found = json.loads(subprocess.run(command, capture_output=True, timeout=seconds + 30, check=True).stdout)
    return Load(**found)


def wait_for_port(port: int) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise SystemExit(f"nothing listens on port {port}")


def wait_until_ready(admin_port: int, *, log: Path) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with (
            contextlib.suppress(OSError),
            urllib.request.urlopen(f"http://127.0.0.1:{admin_port}/readyz", timeout=1),
        ):
            return
        time.sleep(0.05)
    raise SystemExit(f"the relay did not become ready:\n{log.read_text()[-2000:]}")
