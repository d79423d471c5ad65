"""Optional dependencies: whether they are there, said when a comparator is made and not when it is first needed."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable

from comparators.base import ComparatorError


def need(extra: str, modules: Iterable[str], *, so_that: str) -> None:
    """Raises ComparatorError with the command that installs the extra, unless its modules are there."""
    if not all(map(_is_installed, modules)):
        raise ComparatorError(f"{so_that}: pip install 'understudy[{extra}]'")


def _is_installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ValueError:  # there is a module of that name that came from nowhere
        return False
