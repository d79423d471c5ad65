"""Starting and ending the demonstration's processes: two model servers and Understudy between them."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import msgspec
import yaml

from proxy.demo.task import INTENTS
from proxy.errors import UnderstudyError

TEACHER, STUDENT = "demo-teacher", "demo-student"
ROUTE = "intents"
_TEACHER_SECONDS, _STUDENT_SECONDS = 0.04, 0.005  # a large model takes its time
_START_SECONDS = 60.0
_STOP_SECONDS = 20.0
_POLL_SECONDS = 0.1


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """Where everything is while it runs."""

    config: Path
    teacher_url: str
    student_url: str
    url: str  # where an application sends its requests
    admin_url: str
    processes: tuple[subprocess.Popen[bytes], ...]

    def check(self) -> None:
        """Raises UnderstudyError when one of the processes has ended."""
        for process in self.processes:
            if process.poll() is not None:
                raise UnderstudyError(f"a process of the demonstration ended: {_last_words(self.config.parent)}")


@contextlib.contextmanager
def running(directory: Path, *, mended: bool) -> Iterator[Running]:
    """Everything started and answering; ended again on the way out."""
    with contextlib.ExitStack() as stack:
        log = stack.enter_context((directory / "understudy.log").open("wb"))
        teacher, teacher_url = _start_model("teacher", TEACHER, _TEACHER_SECONDS, log.fileno())
        stack.callback(_stop, teacher)
        student, student_url = _start_model("mended" if mended else "student", STUDENT, _STUDENT_SECONDS, log.fileno())
        stack.callback(_stop, student)
        port, admin_port = _free_ports(2)
        config = directory / "understudy.yaml"
        config.write_text(_configuration(directory, teacher_url, student_url, port, admin_port), encoding="utf-8")
        command = [sys.executable, "-m", "proxy.cli", "serve", "--config", str(config)]
        # An HTTP proxy that the environment names is not for this machine's own addresses.
        environment = {**os.environ, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
        proxy = subprocess.Popen(command, stdout=log, stderr=log, env=environment, start_new_session=True)  # noqa: S603 -- our own
        stack.callback(_stop, proxy)
        started = Running(
            config=config,
            teacher_url=teacher_url,
            student_url=student_url,
            url=f"http://127.0.0.1:{port}/v1",
            admin_url=f"http://127.0.0.1:{admin_port}",
            processes=(teacher, student, proxy),
        )
        deadline = time.monotonic() + _START_SECONDS
        for probe in (f"{teacher_url}/models", f"{student_url}/models", f"{started.admin_url}/readyz"):
            _wait_for(probe, started, deadline)
        yield started


def get(url: str) -> str:
    """The text at one of the demonstration's own addresses. Raises OSError."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # whatever the environment says
    with opener.open(url, timeout=30) as answer:
        text: str = answer.read().decode()
        return text


def _start_model(recipe: str, name: str, seconds: float, log: int) -> tuple[subprocess.Popen[bytes], str]:
    """Requests wait in the socket's queue until the model is trained."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(128)
        descriptor = listening.fileno()
        command = [sys.executable, "-m", "proxy.demo.server", recipe, "--name", name, "--seconds", str(seconds)]
        process = subprocess.Popen(  # noqa: S603 -- our own
            [*command, "--fd", str(descriptor)],
            stdout=log,
            stderr=log,
            pass_fds=(descriptor,),
            start_new_session=True,
            # Small matrices: threads would only get in each other's way.
            env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        )
        return process, f"http://127.0.0.1:{listening.getsockname()[1]}/v1"


def _configuration(directory: Path, teacher_url: str, student_url: str, port: int, admin_port: int) -> str:
    teacher = {"url": teacher_url, "price": {"input": 2.5, "output": 10.0}}
    student = {"name": STUDENT, "url": student_url, "model": STUDENT, "price": {"input": 0.1, "output": 0.2}}
    route = {
        "name": ROUTE,
        "match": {"path": "/v1/chat/completions"},
        "teacher": teacher,
        "students": [student],
        "comparators": [{"use": "label", "labels": list(INTENTS)}],
        "gate": {"agreement": 0.95, "min_days": 0},
    }
    whole = {
        "listen": f"127.0.0.1:{port}",
        "admin": {"listen": f"127.0.0.1:{admin_port}"},
        "store": f"sqlite:///{directory.absolute() / 'understudy.db'}",
        "teacher": {"url": teacher_url},
        "routes": [route],
    }
    return yaml.safe_dump(whole, sort_keys=False)


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def _wait_for(url: str, started: Running, deadline: float) -> None:
    while True:
        started.check()
        try:
            get(url)
        except OSError as error:
            if time.monotonic() > deadline:
                raise UnderstudyError(f"{url} did not answer in time: {error}") from error
            time.sleep(_POLL_SECONDS)
        else:
            return


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _last_words(directory: Path) -> str:
    lines = (directory / "understudy.log").read_text(encoding="utf-8", errors="replace").splitlines()
    return lines[-1] if lines else "it said nothing"
