"""What the processes of one running Understudy share: where its configuration is, and a directory for small state."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from proxy.config.checks import check_config
from proxy.config.load import load_checked, load_config, quick_config
from proxy.config.model import Config


class ConfigSource(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where the configuration comes from: a file, or the flags of ``understudy serve``."""

    file: str | None = None
    teacher: str | None = None
    student: str | None = None
    student_model: str | None = None
    comparator: str | None = None

    def load(self) -> Config:
        """Read and validate it. Raises ConfigurationError."""
        return self._from_flags() if self.file is None else load_config(Path(self.file), os.environ)

    def load_checked(self) -> Config:
        """The same with the checks of ``understudy check``: dearer, and only needed before processes start."""
        if self.file is not None:
            return load_checked(Path(self.file), os.environ)
        config = self._from_flags()
        check_config(config)
        return config

    def _from_flags(self) -> Config:
        return quick_config(
            teacher=self.teacher or "",
            student=self.student,
            student_model=self.student_model,
            comparator=self.comparator,
        )


def metrics_directory(runtime: Path) -> Path:
    """Where the processes keep the values of their metrics (PROMETHEUS_MULTIPROC_DIR)."""
    return runtime / "metrics"


def write_paused(runtime: Path, routes: frozenset[str | None]) -> None:
    """Tell the relays which routes a person paused (None: all of them)."""
    scratch = runtime / "paused.new"
    scratch.write_bytes(msgspec.json.encode(sorted(routes, key=lambda route: route or "")))
    scratch.replace(runtime / "paused.json")


def read_paused(runtime: Path) -> frozenset[str | None]:
    """The routes that are paused; none when nobody has said so yet."""
    try:
        return frozenset(msgspec.json.decode((runtime / "paused.json").read_bytes(), type=list[str | None]))
    except FileNotFoundError:
        return frozenset()
