"""What the processes of one running Understudy share: where its configuration is, and a directory for small state."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import msgspec

from proxy.config.checks import check_config
from proxy.config.load import checked_config_of, config_of, quick_config, text_of
from proxy.config.model import Config


class ConfigSource(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where the configuration comes from: a file, or the flags of ``understudy serve``."""

    file: str | None = None
    kept: str | None = None  # where the file's text that is in force lies, for children
    teacher: str | None = None
    student: str | None = None
    student_model: str | None = None
    comparator: str | None = None

    def load(self, *, with_keys: bool = True) -> Config:
        """Read and validate it. Raises ConfigurationError.

        Without keys, those that the environment lacks stay as they are written, for commands that need none.
        """
        if self.file is None:
            return self._from_flags()
        return config_of(self._text(self.file), os.environ, file=self.file, with_keys=with_keys)

    def load_checked(self) -> Config:
        """The same with the checks of ``understudy check``: dearer, and only needed before processes start."""
        if self.file is not None:
            return checked_config_of(self._text(self.file), os.environ, file=self.file)
        config = self._from_flags()
        check_config(config)
        return config

    def in_force(self, runtime: Path) -> ConfigSource:
        """The source that children have: what ``put_in_force`` kept, whatever is in the file meanwhile."""
        return self if self.file is None else msgspec.structs.replace(self, kept=str(_kept(runtime)))

    def _text(self, file: str) -> str:
        if self.kept is not None:
            with contextlib.suppress(FileNotFoundError):  # someone cleared the runtime directory
                return Path(self.kept).read_text(encoding="utf-8")
        return text_of(Path(file))

    def _from_flags(self) -> Config:
        return quick_config(
            teacher=self.teacher or "",
            student=self.student,
            student_model=self.student_model,
            comparator=self.comparator,
        )


def put_in_force(source: ConfigSource, runtime: Path) -> Config:
    """The configuration as it is now, checked; from here on children read this one.

    Its text is kept as written: variables in it are replaced where it is read, so that no value of one is on disk.

    Raises:
        ConfigurationError, OSError: what was in force stays so.
    """
    if source.file is None:
        return source.load_checked()
    text = text_of(Path(source.file))
    config = checked_config_of(text, os.environ, file=source.file)
    scratch = _kept(runtime).with_suffix(".new")
    with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as written:
        written.write(text)
    scratch.replace(_kept(runtime))
    return config


def _kept(runtime: Path) -> Path:
    return runtime / "configuration.yaml"


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
