"""An independent copy of the reference that the bounds are held against (STATISTICS.md, section l)."""

import numpy as np
from scipy.special import logsumexp

TAIL = 2.0 ** -np.arange(1, 9)
LOWER = np.r_[np.arange(1, 20) / 20, 0.05 * TAIL], np.log(np.r_[np.full(19, 0.9 / 19), np.full(8, 0.1 / 8)])
_G = 0.99 * 2.0 ** (-np.arange(14) / 1.5)
UPPER = np.r_[_G, _G[-1] * TAIL], np.log(np.r_[np.full(14, 0.9 / 14), np.full(8, 0.1 / 8)])


def gate_log_e(values, counts, m, lo=0.0, bets=LOWER):
    fractions, log_weights = bets
    lam = fractions / (m - lo)
    ll = np.log1p(lam[:, None] * (np.asarray(values, float)[None, :] - m)) @ np.asarray(counts, float)
    return logsumexp(log_weights + ll)


def lower_bound(values, counts, alpha, lo=0.0):
    n = counts.sum()
    if n == 0:
        return lo
    a, b = lo + 1e-9, float((values * counts).sum() / n)
    for _ in range(40):
        c = (a + b) / 2
        a, b = (c, b) if gate_log_e(values, counts, c, lo) >= np.log(1 / alpha) else (a, c)
    return a


def upper_bound(values, counts, alpha, hi=1.0):
    v = hi - np.asarray(values, float)
    n = counts.sum()
    if n == 0:
        return hi
    a, b = 1e-9, float((v * counts).sum() / n)
    for _ in range(40):
        c = (a + b) / 2
        a, b = (c, b) if gate_log_e(v, counts, c, 0.0, UPPER) >= np.log(1 / alpha) else (a, c)
    return hi - a


def weighted_log_e(pi, values, counts, m, pi_min, bets=LOWER):  # noqa: PLR0917 - as the reference has it
    fractions, log_weights = bets
    lam = fractions * pi_min / m
    ll = np.log1p(lam[:, None] / np.asarray(pi, float) * (np.asarray(values, float) - m)) @ np.asarray(counts, float)
    return logsumexp(log_weights + ll)


class SRDetector:
    GAPS = np.array([0.005, 0.01, 0.02, 0.03, 0.04, 0.05, 0.075, 0.10, 0.15, 0.25, 0.45])

    def __init__(self, A):  # noqa: N803 - as the reference has it
        self.A, self.logM = A, np.full(len(self.GAPS), -np.inf)

    def block(self, values, counts, m):
        lam = np.minimum(self.GAPS / (m * (1 - m)), 0.99 / (1 - m))
        ll = np.log1p(lam[:, None] * (m - np.asarray(values, float)[None, :])) @ np.asarray(counts, float)
        self.logM = np.logaddexp(self.logM, 0.0) + ll
        return logsumexp(self.logM) - np.log(len(self.GAPS)) >= np.log(self.A)
