"""Distances of samples: near 0 where nothing changed, what the definitions say where something did."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon

from proxy.analysis.distances import (
    Sample,
    bins_in_common,
    jensen_shannon,
    mean_discrepancy,
    novel_share,
    stability_index,
)

HISTOGRAMS = st.integers(2, 12).flatmap(
    lambda bins: st.tuples(*[st.lists(st.integers(0, 500), min_size=bins, max_size=bins).filter(any)] * 2)
)


def sample(sums, *, weight=1.0, each=1) -> Sample:
    """Of exchanges that all have this weight, each of which adds ``each``."""
    sums = np.asarray(sums, float)
    number = sums.sum(axis=-1) / each
    return Sample(weight * sums, weight * number, weight**2 * number)


def drawn(rng, shares, n, times=400) -> Sample:
    return sample(rng.multinomial(n, shares, size=times))


@given(HISTOGRAMS)
def test_jensen_shannon_is_scipys_less_its_bias(histograms):
    some, others = (np.array(each, float) for each in histograms)
    used = np.count_nonzero(some + others)
    bias = (used - 1) / (8 * math.log(2)) * (1 / some.sum() + 1 / others.sum())

    found = jensen_shannon(sample(some), sample(others))

    assert found == pytest.approx(max(0.0, jensenshannon(some, others, base=2) ** 2 - bias), abs=1e-9)
    assert found == pytest.approx(jensen_shannon(sample(others), sample(some)), abs=1e-12)


def test_what_shares_no_bin_is_a_bit_apart():
    found = jensen_shannon(sample([1e9, 0]), sample([0, 1e9]))

    assert found == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("distance", [jensen_shannon, stability_index])
@pytest.mark.parametrize("bins", [10, 30])
def test_samples_of_one_distribution_are_no_distance_apart_on_average(distance, bins):
    rng = np.random.default_rng(1)
    shares = rng.dirichlet(np.full(bins, 5.0))

    found = distance(drawn(rng, shares, 1_000), drawn(rng, shares, 1_000))

    without_correction = (bins - 1) * 2 / 1_000 / (8 * math.log(2) if distance is jensen_shannon else 1)
    assert found.mean() < 0.5 * without_correction
    assert np.median(found) < 0.2 * without_correction


def test_psi_is_what_the_definition_gives():
    p, q = np.array([0.5, 0.3, 0.2]), np.array([0.4, 0.3, 0.3])

    found = stability_index(sample(1e9 * p), sample(1e9 * q))

    assert found == pytest.approx(((p - q) * np.log(p / q)).sum(), rel=0.01)


def test_psi_of_a_small_shift_is_eight_times_jensen_shannon_in_nats():
    p, q = np.array([0.5, 0.3, 0.2]), np.array([0.48, 0.3, 0.22])
    some, others = sample(1e9 * p), sample(1e9 * q)

    assert stability_index(some, others) == pytest.approx(8 * math.log(2) * jensen_shannon(some, others), rel=0.02)


@given(HISTOGRAMS, st.sampled_from([0.05, 0.5, 1.0]))
def test_what_was_sampled_evenly_is_as_if_all_had_been_of_fewer(histograms, probability):
    some, others = (np.array(each, float) for each in histograms)
    for distance in (jensen_shannon, stability_index):
        whole = distance(sample(some), sample(others))
        assert distance(sample(some, weight=1 / probability), sample(others)) == pytest.approx(whole, abs=1e-9)


def test_uneven_weights_tell_less():
    even, uneven = sample([50, 50]), Sample(np.array([550.0, 550.0]), np.array(1100.0), np.array(50 + 50 * 441.0))

    assert even.n == 100
    assert uneven.n < 60


def features(rng, n, shift=0.0) -> Sample:
    """Random features of points in a plane: cosines, then sines, of 64 angles."""
    frequencies = np.random.default_rng(0).normal(size=(2, 64))
    angles = (rng.normal(size=(n, 2)) + shift) @ frequencies
    return Sample(np.concatenate([np.cos(angles), np.sin(angles)], axis=1).sum(axis=0), np.array(n), np.array(n))


def test_mean_discrepancy_is_that_of_all_pairs_of_points():
    rng = np.random.default_rng(2)
    frequencies = rng.normal(size=(2, 64))
    points = [rng.normal(size=(40, 2)), rng.normal(size=(50, 2)) + 0.7]
    turned = [np.concatenate([np.cos(x @ frequencies), np.sin(x @ frequencies)], axis=1) for x in points]
    gram = [[a @ b.T / 64 for b in turned] for a in turned]
    within = [(k.sum() - np.trace(k)) / (len(k) * (len(k) - 1)) for k in (gram[0][0], gram[1][1])]

    some, others = (Sample(each.sum(axis=0), np.array(len(each)), np.array(len(each))) for each in turned)

    assert mean_discrepancy(some, others) == pytest.approx(sum(within) - 2 * gram[0][1].mean(), abs=1e-9)


def test_mean_discrepancy_of_one_distribution_is_near_zero_and_of_another_is_not():
    rng = np.random.default_rng(3)
    same = [float(mean_discrepancy(features(rng, 2_000), features(rng, 2_000))) for _ in range(30)]

    assert np.mean(same) < 0.0005
    assert mean_discrepancy(features(rng, 2_000), features(rng, 2_000, shift=0.3)) > 5 * max(same)


@pytest.mark.parametrize("vocabulary", [300, 60_000])
@pytest.mark.parametrize("new", [0.0, 0.02, 0.1])
def test_the_share_of_new_words_is_told_however_full_the_reference_is(vocabulary, new):
    """So many words in 4,096 bins, most of them used seldom: of 60,000 there are some in every bin."""
    rng, bins, n = np.random.default_rng(4), 4_096, 4_000_000
    usage = 1 / np.arange(1, vocabulary + 1)
    known = np.bincount(rng.integers(0, bins, vocabulary), usage / usage.sum(), minlength=bins)
    reference = sample(rng.multinomial(20 * n, known))
    unknown = rng.binomial(n, new)
    window = rng.multinomial(n - unknown, known) + rng.multinomial(unknown, np.full(bins, 1 / bins))

    usual = novel_share(sample(rng.multinomial(n, known)), reference)

    assert novel_share(sample(window), reference) - usual == pytest.approx(new, abs=0.1 * new + 0.005)


def test_of_few_bins_that_are_all_full_nobody_can_tell():
    assert math.isnan(novel_share(sample([5, 5]), sample([500, 500])))


@given(st.lists(st.integers(0, 400), min_size=1, max_size=40).filter(any), st.integers(20, 3_000))
def test_every_bin_goes_somewhere_and_those_that_stand_alone_are_full_enough(counts, smallest):
    whole = np.array(counts, float)
    groups, number = bins_in_common(whole, smallest)

    assert number <= max(2, smallest / 20)
    assert groups.min() >= 0
    assert groups.max() == number - 1
    for group in range(1, number):
        [alone] = np.flatnonzero(groups == group)
        assert whole[alone] / whole.sum() * smallest >= 10
