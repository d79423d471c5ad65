"""Exchanges to put into journals, and a clock that tests move."""

from __future__ import annotations

from dataclasses import dataclass

from proxy.journal.base import Exchange

NOON = 1_790_000_000.0


@dataclass
class Clock:
    now: float = NOON

    def __call__(self) -> float:
        return self.now


def exchange(number: int, *, size: int = 100, at: float | None = None, route: str = "intents") -> Exchange:
    return Exchange(
        id=f"exchange-{number}",
        route=route,
        surface="chat/completions",
        path="/v1/chat/completions",
        arrived_at=NOON + number - 0.5,
        captured_at=NOON + number if at is None else at,
        request=b"q" * (size // 2),
        response=b"a" * (size - size // 2),
        status=200,
        tags={"tenant": "acme"},
        probability=0.5,
    )


def exchanges(first: int, last: int, *, size: int = 100) -> list[Exchange]:
    return [exchange(number, size=size) for number in range(first, last + 1)]
