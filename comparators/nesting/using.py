"""What all comparators do alike that decide by others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from comparators.base import SURFACES, Comparator, ComparatorOptions, Ledger, Observer
from comparators.nesting.options import version_with


class Using(Comparator):
    """Base of comparators that decide by others: what those are is part of its version; what it is told, they are."""

    surfaces = SURFACES

    def __init__(self, options: ComparatorOptions | None, used: Iterable[Comparator]) -> None:
        super().__init__(options)
        self.used = tuple(used)
        self.version = version_with(self.version, self.used)

    def be_like_them(self, surfaces: frozenset[str]) -> None:
        """Serve these surfaces, and be symmetric if all that are used are."""
        self.surfaces = surfaces
        self.symmetric = all(each.symmetric for each in self.used)

    def keep_accounts(self, ledger: Ledger) -> None:
        for each in self.used:
            each.keep_accounts(ledger)

    def report_to(self, observer: Observer) -> None:
        for each in self.used:
            each.report_to(observer)

    async def close(self) -> None:
        for each in self.used:
            await each.close()


def asks_others(comparator: Comparator) -> bool:
    """Whether it asks other machines itself, or uses one that does."""
    used: Sequence[Comparator] = getattr(comparator, "used", ())
    return any(map(asks_others, used)) if used else comparator.runs == "awaited"
