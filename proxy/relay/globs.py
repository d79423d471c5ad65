"""Globs, as ``match`` and ``sample`` have them."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable

Glob = Callable[[str], bool]
_WILDCARDS = frozenset("*?[")


def glob(pattern: str) -> Glob:
    """A case-sensitive glob; ``*`` also spans slashes."""
    if not _WILDCARDS & set(pattern):
        return pattern.__eq__
    expression = re.compile(fnmatch.translate(pattern))
    return lambda text: expression.match(text) is not None
