"""Quantiles from log-spaced bins."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.analysis.latency import quantile_ms

STEP = 0.02


@given(st.lists(st.floats(1, 1e6), min_size=1, max_size=200), st.sampled_from([0.5, 0.95]))
def test_a_quantile_is_within_half_a_bin_of_the_measured_one(measured, share):
    histogram = Counter(max(0, round(math.log(each) / STEP)) for each in measured)
    exact = np.quantile(measured, share, method="inverted_cdf")

    assert quantile_ms(histogram, share, step=STEP) == pytest.approx(exact, rel=STEP / 2 + 1e-3)


def test_nothing_measured_has_no_quantile():
    assert quantile_ms({}, 0.5, step=STEP) is None
    assert quantile_ms({300: 0}, 0.5, step=STEP) is None


def test_counts_may_be_weights():
    assert quantile_ms({100: 0.1, 200: 10.0}, 0.05, step=STEP) == math.exp(200 * STEP)
