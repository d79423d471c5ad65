"""What a shadow worker allows itself: bounds and times that no configuration sets."""

from __future__ import annotations

import msgspec

from proxy.shadow.breaker import BreakerPolicy


class WorkerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker allows itself.  Times are seconds."""

    lease_seconds: float = 30.0
    most_leased: int = 64  # at a time
    most_in_flight: int = 256  # exchanges; more where the students' concurrency needs it
    most_bytes: int = 64 * 2**20  # of bodies in flight; in memory they take several times as much
    most_parked: int = 20_000  # exchanges whose leases are held for a slow student, or for their route
    route_grace: float = 300.0  # from its capture, for which an exchange of an unknown route waits for a reload
    most_attempts: int = 5  # deliveries never given back, after which it is given up: it may be what kills workers
    careful_seconds: float = 60.0  # after its start, in which it takes alone what other workers may have died of
    scoring_seconds: float = 10.0  # for one score, until the comparator is given up
    scoring_processes: int = 2  # for comparators that may hang or crash
    frozen_seconds: float = 30.0  # without a turn of the event loop, after which the process ends
    longest_idle: float = 0.25
    poll_seconds: float = 1.0  # paused routes, the journal's tallies
    retention_seconds: float = 600.0
    units_seconds: float = 10.0  # between looks at which conversations have ended
    stop_seconds: float = 5.0
    breaker: BreakerPolicy = BreakerPolicy()
