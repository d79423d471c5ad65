"""A student that is down is left alone for a while: a circuit breaker as a pure state machine.

Closed, it admits everyone.  It opens when so many failures follow one another, or when most of a window failed; then
it admits nobody until a wait is over, and after that one probe at a time.  A probe that succeeds closes it; one that
fails opens it again for twice as long.
"""

from __future__ import annotations

from collections import deque

import msgspec


class BreakerPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """When a breaker opens, and for how long (seconds)."""

    consecutive: int = 5
    window: int = 20  # results among which ``share`` of failures opens it, too
    share: float = 0.8
    first_wait: float = 1.0
    longest_wait: float = 60.0


class Breaker:
    """One student's breaker.  The clock is passed in, in seconds; it must not run backwards."""

    def __init__(self, policy: BreakerPolicy | None = None) -> None:
        self._policy = policy or BreakerPolicy()
        self._results: deque[bool] = deque(maxlen=self._policy.window)
        self._consecutive = 0
        self._generation = 0
        self._opened_until: float | None = None
        self._wait = self._policy.first_wait
        self._probe: int | None = None

    @property
    def open(self) -> bool:
        """Whether ordinary requests are turned away at present."""
        return self._opened_until is not None

    def admit(self, now: float) -> int | None:
        """A ticket for one request, to be reported or abandoned; None where it must not be sent."""
        if self._opened_until is None:
            return self._generation
        if self._probe is not None or now < self._opened_until:
            return None
        self._generation += 1
        self._probe = self._generation
        return self._probe

    def report(self, ticket: int, *, failed: bool, now: float) -> None:
        """What became of an admitted request.  Results from before the last opening or closing say nothing now."""
        if ticket != self._generation:
            return
        if self._opened_until is not None:
            self._conclude_probe(failed=failed, now=now)
            return
        self._results.append(failed)
        self._consecutive = self._consecutive + 1 if failed else 0
        if self._consecutive >= self._policy.consecutive or self._mostly_failed():
            self._wait = self._policy.first_wait
            self._start_over(opened_until=now + self._wait)

    def abandon(self, ticket: int) -> None:
        """The request was given up without a result: somebody else may probe."""
        if self._probe == ticket:
            self._probe = None

    def _mostly_failed(self) -> bool:
        results = self._results
        return len(results) == results.maxlen and sum(results) >= self._policy.share * len(results)

    def _conclude_probe(self, *, failed: bool, now: float) -> None:
        if failed:
            self._wait = min(self._policy.longest_wait, self._wait * 2)
            self._start_over(opened_until=now + self._wait)
        else:
            self._start_over(opened_until=None)

    def _start_over(self, *, opened_until: float | None) -> None:
        self._generation += 1
        self._opened_until = opened_until
        self._probe = None
        self._results.clear()
        self._consecutive = 0
