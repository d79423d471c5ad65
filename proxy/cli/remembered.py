"""The flags of ``understudy serve --teacher …``, written down for the commands that read what it stored.

They lie in the working directory, as the store does that is served with them.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from proxy.errors import UsageError
from proxy.runtime import ConfigSource

FILE = Path("understudy.flags.json")


@contextlib.contextmanager
def remembering(source: ConfigSource) -> Iterator[None]:
    """Write the flags down; when they turn out to be such that cannot be served, what was there comes back."""
    before = _written()
    _write(msgspec.json.encode(source))
    try:
        yield
    except UsageError:
        _write(before)
        raise


def remembered() -> ConfigSource | None:
    """The flags that were served last in this directory. Raises UsageError when they cannot be read."""
    written = _written()
    try:
        return None if written is None else msgspec.json.decode(written, type=ConfigSource)
    except msgspec.DecodeError:
        raise UsageError(f"{FILE} cannot be read; delete it, and give --config FILE or serve again") from None


def _written() -> bytes | None:
    try:
        return FILE.read_bytes()
    except OSError:
        return None


def _write(content: bytes | None) -> None:
    with contextlib.suppress(OSError):  # where nothing can be written the store cannot be either, and that is said
        if content is None:
            FILE.unlink()
            return
        scratch = FILE.with_suffix(".new")
        with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(content)
        scratch.replace(FILE)
