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
