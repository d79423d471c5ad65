"""How durations, sizes, addresses and secrets are written in the configuration."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, SecretStr, ValidationInfo

from proxy.config.addresses import check_url, parse_listen

WRITTEN = {"written": True}
"""Validation context of values that a person wrote: numbers there need their unit, in code they do not."""

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", re.ASCII)
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_SIZE = re.compile(r"(\d+)(B|KiB|MiB|GiB)?", re.ASCII)
_BYTES = {None: 1, "B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
_TRUTH = {"true": True, "false": False}
_SECRET = re.compile(r"[!-~]+")
_LARGEST = 2**53
"""Beyond this neither seconds nor bytes are exact any more, and nobody means it."""


def parse_duration(value: Any) -> float:
    """Seconds of ``500ms``, ``30s``, ``5m``, ``12h`` or ``30d``. Raises ValueError that says what is allowed."""
    match = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    seconds = float(match[1]) * _SECONDS[match[2]] if match else _LARGEST
    if seconds >= _LARGEST:
        raise ValueError("must be a duration such as 500ms, 30s, 5m, 12h or 30d")
    return seconds


def format_duration(seconds: float) -> str:
    """The shortest way to write a duration that ``parse_duration`` reads back."""
    for unit in ("d", "h", "m", "s"):
        if seconds >= _SECONDS[unit] and seconds % _SECONDS[unit] == 0:
            return f"{seconds / _SECONDS[unit]:.0f}{unit}"
    return f"{seconds * 1000:.12f}".rstrip("0").rstrip(".") + "ms"


def parse_size(value: Any) -> int:
    """Bytes of ``64KiB``, ``32MiB`` or ``10GiB``. Raises ValueError that says what is allowed."""
    match = _SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
    size = int(match[1]) * _BYTES[match[2]] if match else _LARGEST
    if size >= _LARGEST:
        raise ValueError("must be a size such as 64KiB, 32MiB or 10GiB")
    return size


def format_size(size: int) -> str:
    """The shortest way to write a size that ``parse_size`` reads back."""
    for unit in ("GiB", "MiB", "KiB"):
        if size >= _BYTES[unit] and size % _BYTES[unit] == 0:
            return f"{size // _BYTES[unit]}{unit}"
    return f"{size}B"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _duration(value: Any, info: ValidationInfo) -> Any:
    return value if _is_number(value) and info.context is not WRITTEN else parse_duration(value)


def _size(value: Any) -> Any:
    return value if isinstance(value, int) and not isinstance(value, bool) else parse_size(value)


def _no_boolean(value: Any) -> Any:
    """Without this `workers: true` would be 1."""
    if isinstance(value, bool):
        raise ValueError("must be a number")  # noqa: TRY004 -- pydantic turns ValueError alone into its errors
    return value


def _truth(value: Any) -> bool:
    """Pydantic takes `yes`, `on` and 1 too, which are words and numbers in YAML 1.2."""
    truth = value if isinstance(value, bool) else _TRUTH.get(value.lower()) if isinstance(value, str) else None
    if truth is None:
        raise ValueError("must be true or false")
    return truth


def _listen(value: Any) -> str:
    parse_listen(value)
    return str(value)


def is_key(text: str) -> bool:
    """Whether a text can be a key or token as it is put into a header."""
    return _SECRET.fullmatch(text) is not None


def _secret(value: SecretStr) -> SecretStr:
    if not is_key(value.get_secret_value()):
        raise ValueError("must be the key alone: at least one character, no spaces or line breaks, only ASCII")
    return value


Duration = Annotated[float, BeforeValidator(_duration), PlainSerializer(format_duration)]
PositiveDuration = Annotated[Duration, Field(gt=0)]
Size = Annotated[int, BeforeValidator(_size), Field(ge=1), PlainSerializer(format_size)]
Whole = Annotated[int, BeforeValidator(_no_boolean)]
Number = Annotated[float, BeforeValidator(_no_boolean)]
Truth = Annotated[bool, BeforeValidator(_truth)]
Listen = Annotated[str, BeforeValidator(_listen)]
Url = Annotated[str, AfterValidator(check_url)]
Secret = Annotated[SecretStr, AfterValidator(_secret)]
