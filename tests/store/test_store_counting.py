"""The pure part of counting."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.store.counting import latency_bin, round_to_bin
from proxy.store.records import BINS, LATENCY_STEP


@given(st.floats(0, 1), st.text())
def test_a_value_goes_to_one_of_the_two_bins_it_lies_between(value, unit):
    assert abs(round_to_bin(value, unit) / (BINS - 1) - value) < 1 / (BINS - 1)
    assert round_to_bin(value, unit) == round_to_bin(value, unit)


@given(st.integers(0, BINS - 1), st.text())
def test_what_lies_on_a_bin_stays_there(bin_, unit):
    assert round_to_bin(bin_ / (BINS - 1), unit) == bin_


@pytest.mark.parametrize("value", [0.001, 0.0333, 0.123456, 0.5, 0.6666, 0.9995])
def test_rounding_by_the_unit_keeps_the_mean(value):
    units = 20_000
    mean = sum(round_to_bin(value, f"unit {n}") for n in range(units)) / units / (BINS - 1)

    assert abs(mean - value) < 5 * 0.005 / math.sqrt(units)


@given(st.floats(1, 1e7))
def test_a_latency_bin_is_two_percent_wide(milliseconds):
    assert abs(math.log(milliseconds) - latency_bin(milliseconds) * LATENCY_STEP) <= LATENCY_STEP / 2 + 1e-9


def test_no_latency_is_below_the_first_bin():
    assert latency_bin(0.0) == latency_bin(0.5) == latency_bin(1.0) == 0
