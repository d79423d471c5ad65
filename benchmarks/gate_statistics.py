"""How the gate does on students whose agreement is known: run `python benchmarks/gate_statistics.py` (seconds).

Whoever watches looks after every pair, up to 20,000.  Exact figures come from a chain over the number of
disagreements; simulated ones, from real sequences, check the chain.
"""

from __future__ import annotations

import math
import time

import numpy as np
from numpy.typing import NDArray

from proxy.analysis.bounds import UnitCounts, log_e_value, lower_bound

TARGET, ALPHA, PAIRS, RUNS, SEED = 0.95, 0.05, 20_000, 400, 20261124
GOALS = {0.96: 3100, 0.97: 650, 0.98: 260, 0.99: 140}  # median pairs to promote
FALSE_PROMOTION_GOALS = {0.95: 0.05, 0.94: 0.01}


def units(pairs: int, disagreed: int) -> UnitCounts:
    return UnitCounts.of([(1.0, 1.0, pairs - disagreed), (1.0, 0.0, disagreed)])


def pairs_to_promote() -> NDArray[np.int64]:
    """By number of disagreements: from how many pairs on the lower bound is at the target."""
    least: list[int] = []
    pairs = 0
    while pairs <= PAIRS:
        while (
            log_e_value(units(pairs, len(least)), TARGET, probability_floor=1.0) < math.log(1 / ALPHA)
            and pairs <= PAIRS
        ):
            pairs += 1
        least.append(pairs)
    return np.array(least)


def exactly(least: NDArray[np.int64], agreement: float) -> NDArray[np.float64]:
    """The probability of having been promoted, after each number of pairs."""
    still = np.zeros(least.size)
    still[0] = 1.0
    promoted = np.zeros(PAIRS)
    for pairs in range(1, PAIRS + 1):
        still[1:] = still[1:] * agreement + still[:-1] * (1 - agreement)
        still[0] *= agreement
        leaving = least <= pairs
        promoted[pairs - 1] = still[leaving].sum()
        still[leaving] = 0.0
    return promoted.cumsum()


def simulated(least: NDArray[np.int64], agreement: float) -> float:
    """The share of runs that were promoted at some time."""
    random = np.random.default_rng(SEED)
    looks = np.arange(1, PAIRS + 1)
    promoted = 0
    for _ in range(RUNS):
        disagreed = np.minimum((random.random(PAIRS) >= agreement).cumsum(), least.size - 1)
        promoted += bool((least[disagreed] <= looks).any())
    return promoted / RUNS


def first(promoted: NDArray[np.float64], share: float) -> str:
    return f"{int(np.argmax(promoted >= share)) + 1:,}" if promoted[-1] >= share else f"over {PAIRS:,}"


def microseconds(action, times: int) -> float:
    begins = time.perf_counter()
    for _ in range(times):
        action()
    return (time.perf_counter() - begins) / times * 1e6


def main() -> int:
    least = pairs_to_promote()
    failed = 0
    print(f"Target {TARGET:.0%}, alpha {ALPHA}, a look after every pair up to {PAIRS:,}\n")
    print("truth   promoted, exact   simulated   goal")
    for agreement, goal in FALSE_PROMOTION_GOALS.items():
        exact, seen = exactly(least, agreement)[-1], simulated(least, agreement)
        failed += exact > goal
        print(f"{agreement:.2f}    {exact:.4f}            {seen:.4f}      {goal}")
    print("\ntruth   pairs to promote: median   90%        goal (median)")
    for agreement, goal in GOALS.items():
        promoted = exactly(least, agreement)
        failed += promoted[goal - 1] < 0.5
        print(f"{agreement:.2f}    {first(promoted, 0.5):>24}   {first(promoted, 0.9):<10} {goal:,}")
    many = units(100_000, 5_000)
    gate = microseconds(lambda: log_e_value(many, TARGET, probability_floor=1.0), 1000)
    bound = microseconds(lambda: lower_bound(many, ALPHA, probability_floor=1.0), 50)
    print(f"\none e-value {gate:.0f} us, one bound {bound / 1000:.2f} ms")
    print("goals missed" if failed else "all goals met")
    return int(failed > 0)


if __name__ == "__main__":
    raise SystemExit(main())
