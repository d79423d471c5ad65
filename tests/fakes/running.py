"""A whole Understudy as a user runs it: processes, ports and files of its own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, TypeVar

import yaml
from prometheus_client.parser import text_string_to_metric_families

T = TypeVar("T")

PATIENCE = 30.0


def wait_for(condition: Callable[[], T], *, what: str, seconds: float = PATIENCE) -> T:
    """Poll until the condition gives something true."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds:g} s in vain: {what}")
        time.sleep(0.02)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def understudy(*arguments: str, cwd: Path, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "proxy.cli", *arguments],
        cwd=cwd,
        env={**os.environ, **(env or {})},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@dataclass
class Running:
    """``understudy serve`` (or one role) in ``directory``.  Use it as a context manager."""

    directory: Path
    config: dict[str, Any]
    command: str = "serve"
    env: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.config.setdefault("listen", f"127.0.0.1:{free_port()}")
        self.config.setdefault("admin", {"listen": f"127.0.0.1:{free_port()}"})
        self.config.setdefault("store", f"sqlite:///{self.directory}/understudy.db")
        self.file = self.directory / "understudy.yaml"
        self.log = self.directory / "understudy.log"
        self.write_config()

    def write_config(self) -> None:
        scratch = self.file.with_suffix(".new")
        scratch.write_text(yaml.safe_dump(self.config))
        scratch.replace(self.file)

    @property
    def url(self) -> str:
        return f"http://{self.config['listen']}/v1"

    @property
    def admin_url(self) -> str:
        return f"http://{self.config['admin']['listen']}"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.stop()

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "proxy.cli", self.command, "--config", str(self.file)],
                cwd=self.directory,
                env={**os.environ, **self.env},
                stdout=log,
                stderr=log,
            )
        wait_for(self.ready, what=f"{self.command} is ready; its log: {self.log}")

    def ready(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        try:
            return self.admin("/readyz")["status"] == "ready"
        except OSError:
            return False

    def stop(self) -> int:
        """SIGTERM, and the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)

    def admin(self, path: str) -> Any:
        with urllib.request.urlopen(self.admin_url + path, timeout=20) as answer:
            return json.load(answer)

    def metrics(self) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
        """Every sample, by name and sorted labels."""
        with urllib.request.urlopen(self.admin_url + "/metrics", timeout=20) as answer:
            text = answer.read().decode()
        return {
            (sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    def total(self, name: str, **labels: str) -> float:
        """The sum of a metric's samples that have these labels."""
        wanted = set(labels.items())
        return sum(value for (found, has), value in self.metrics().items() if found == name and wanted <= set(has))

    def by(self, name: str, label: str, **labels: str) -> dict[str, float]:
        """A metric's samples added up by one label."""
        wanted, sums = set(labels.items()), dict[str, float]()
        for (found, has), value in self.metrics().items():
            if found == name and wanted <= set(has):
                key = dict(has)[label]
                sums[key] = sums.get(key, 0.0) + value
        return {key: value for key, value in sums.items() if value}

    def settled(self, captures: int) -> None:
        """Wait until so many requests are captured (whatever the outcome) and the journal is empty."""
        wait_for(
            lambda: self.total("understudy_captures_total") >= captures and self.total("understudy_journal_depth") == 0,
            what=f"{captures} captures and an empty journal",
            seconds=60,
        )

    def report(self, *arguments: str) -> dict[str, Any]:
        """``understudy report --format json``."""
        done = understudy("report", "--config", str(self.file), "--format", "json", *arguments, cwd=self.directory)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def pairs(self, *arguments: str) -> list[dict[str, Any]]:
        """``understudy pairs``."""
        done = understudy("pairs", "--config", str(self.file), *arguments, cwd=self.directory)
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def children(self, role: str) -> list[int]:
        """Process ids of a role's children, from the process table."""
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, IndexError):
                continue
            if parent == self.process.pid and words[2:4] == [b"proxy.child", role.encode()]:
                found.append(int(entry.name))
        return found
