"""How durations, sizes and secrets are written in the configuration."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_SIZE = re.compile(r"(\d+)(B|KiB|MiB|GiB)?")
_BYTES = {None: 1, "B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}


def parse_duration(value: Any) -> float:
    """Seconds of ``500ms``, ``30s``, ``5m``, ``12h`` or ``30d``. Raises ValueError that says what is allowed."""
    match = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ValueError("must be a duration such as 500ms, 30s, 5m, 12h or 30d")
    return float(match[1]) * _SECONDS[match[2]]


def format_duration(seconds: float) -> str:
    """The shortest way to write a duration that ``parse_duration`` reads back."""
    for unit in ("d", "h", "m", "s"):
        if seconds >= _SECONDS[unit] and seconds % _SECONDS[unit] == 0:
            return f"{seconds / _SECONDS[unit]:.0f}{unit}"
    return f"{seconds * 1000:g}ms"


def parse_size(value: Any) -> int:
    """Bytes of ``64KiB``, ``32MiB`` or ``10GiB``. Raises ValueError that says what is allowed."""
    match = _SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ValueError("must be a size such as 64KiB, 32MiB or 10GiB")
    return int(match[1]) * _BYTES[match[2]]


def format_size(size: int) -> str:
    """The shortest way to write a size that ``parse_size`` reads back."""
    for unit in ("GiB", "MiB", "KiB"):
        if size >= _BYTES[unit] and size % _BYTES[unit] == 0:
            return f"{size // _BYTES[unit]}{unit}"
    return f"{size}B"


def _duration(value: Any) -> Any:
    return value if isinstance(value, float) else parse_duration(value)


def _size(value: Any) -> Any:
    return value if isinstance(value, int) and not isinstance(value, bool) else parse_size(value)


Duration = Annotated[float, BeforeValidator(_duration), PlainSerializer(format_duration)]
Size = Annotated[int, BeforeValidator(_size), PlainSerializer(format_size)]
