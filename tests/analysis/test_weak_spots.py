"""Weak spots: found where they are, named nowhere else."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np
import pytest

from proxy.analysis.sample import Half, SampledPair, halves
from proxy.analysis.weak_spots import _Tested, weak_spots

TARGET, ALPHA = 0.95, 0.05
LANGUAGES, TURNS = ("en", "de", "fr", "es"), ("first", "later", "after_tool")
TOPICS = (
    "book a flight seat",
    "bake a butter cake",
    "transfer my savings",
    "rain forecast tomorrow",
    "play some music",
)


def sample(agreement, *, pairs=6_000, seed=1, **fields):
    """Pairs of 20 tenants, 4 languages, 3 turns and 5 topics; ``agreement`` by (tenant, language, turn, topic)."""
    random = np.random.default_rng(seed)
    told = []
    for number in range(pairs):
        tenant = f"t{int(20 * random.random() ** 2)}"
        language = LANGUAGES[int(4 * random.random() ** 2)]
        turn, topic = (str(random.choice(each)) for each in (TURNS, TOPICS))
        agree = bool(random.random() < agreement(tenant, language, turn, topic))
        told.append(
            SampledPair(
                f"{number:05}",
                agree,
                {"tenant": tenant, "language": language, "turn": turn},
                f"please {topic} number {number}",
                () if agree else (str(random.choice(["label", "format"], p=[0.8, 0.2])),),
                **fields,
            )
        )
    return told


def found(pairs, **options):
    return weak_spots(pairs, **{"target": TARGET, "alpha": ALPHA} | options)


def test_a_bad_segment_value_is_named_with_its_numbers():
    pairs = sample(lambda tenant, *_: 0.65 if tenant == "t12" else 0.98)
    [spot] = found(pairs)

    inside = [pair for pair in pairs if pair.segments["tenant"] == "t12"]
    confirmed = [pair for pair in halves(pairs)[1].pairs if pair.segments["tenant"] == "t12"]
    assert spot.name == "tenant=t12"
    assert spot.conditions == {"tenant": "t12"}
    assert (spot.word, spot.cluster, spot.cluster_terms) == (None, None, ())
    assert (spot.units, spot.confirmed_on) == (len(inside), len(confirmed))
    assert spot.share == pytest.approx(len(inside) / len(pairs))
    assert spot.agreement.estimate == pytest.approx(np.mean([pair.agree for pair in confirmed]))
    assert spot.agreement.lower < 0.65 < spot.agreement.upper < TARGET < spot.elsewhere.lower < 0.98
    assert spot.alpha == ALPHA
    assert spot.agreement.alpha == ALPHA / 2  # the first search, and nothing else was suspected


def test_it_shows_its_kinds_and_three_disagreements_by_id():
    pairs = sample(lambda tenant, *_: 0.65 if tenant == "t12" else 0.98)
    [spot] = found(pairs)

    by_id = {pair.id: pair for pair in pairs}
    assert len(set(spot.examples)) == 3
    assert all(by_id[id_].agree is False and by_id[id_].segments["tenant"] == "t12" for id_ in spot.examples)
    assert list(spot.kinds) == ["label", "format"]
    assert sum(spot.kinds.values()) == sum(pair.agree is False and pair.segments["tenant"] == "t12" for pair in pairs)


def test_two_values_that_are_bad_together_are_named_together():
    [spot] = found(sample(lambda _, language, turn, __: 0.6 if (language, turn) == ("fr", "later") else 0.98))

    assert spot.conditions == {"language": "fr", "turn": "later"}


def test_a_bad_topic_is_named_by_its_words():
    spots = found(sample(lambda _, __, ___, topic: 0.7 if topic == TOPICS[1] else 0.98))

    words = {word for spot in spots for term in spot.cluster_terms for word in term.split()}
    assert all(spot.conditions == {} and spot.cluster is not None for spot in spots)
    assert words <= {*TOPICS[1].split(), "please", "number"}
    assert sum(spot.share for spot in spots) == pytest.approx(0.2, abs=0.02)


def test_a_bad_word_is_named():
    pairs = sample(lambda *_: 0.98)
    bad = {pair.id for pair in pairs[::50]}
    random = np.random.default_rng(2)
    told = [
        replace(pair, text=f"{pair.text} Refund!", agree=bool(random.random() < 0.6)) if pair.id in bad else pair
        for pair in pairs
    ]
    [spot] = found(told)

    assert (spot.name, spot.word, spot.conditions) == ('prompts with "refund"', "refund", {})
    assert spot.units == len(bad)


def test_several_are_all_named_and_each_once():
    def agreement(tenant, language, turn, _):
        return 0.6 if tenant == "t12" or (language, turn) == ("fr", "later") else 0.98

    assert sorted(spot.name for spot in found(sample(agreement))) == ["language=fr and turn=later", "tenant=t12"]


@pytest.mark.parametrize("everywhere", [0.97, 0.95, 0.8])
def test_where_agreement_is_the_same_everywhere_nothing_is_named(everywhere):
    assert found(sample(lambda *_: everywhere)) == ()


def test_a_slice_that_is_worse_than_others_and_good_enough_is_none():
    assert found(sample(lambda tenant, *_: 0.965 if tenant == "t0" else 0.998)) == ()


def test_missing_pairs_count_as_agreements_in_the_slice_and_as_disagreements_elsewhere():
    pairs = sample(lambda tenant, *_: 0.65 if tenant == "t12" else 0.98)

    slice_missing = [replace(pair, agree=pair.agree or None) for pair in pairs]
    others_missing = [
        replace(pair, agree=None) if pair.segments["tenant"] != "t12" and pair.id[-1] in "012" else pair
        for pair in pairs
    ]
    assert found(slice_missing) == ()
    assert found(others_missing, target=0.6) == ()


def test_one_bad_conversation_is_one_unit():
    pairs = sample(lambda tenant, *_: 0.65 if tenant == "t12" else 0.98)

    assert found([replace(pair, unit="talk" if pair.segments["tenant"] == "t12" else "") for pair in pairs]) == ()


def test_conversations_count_with_their_means():
    pairs = sample(lambda tenant, *_: 0.65 if tenant == "t1" else 0.98)
    [spot] = found([replace(pair, unit=f"{pair.segments['tenant']}-{int(pair.id) // 50}") for pair in pairs])

    conversations = len({int(pair.id) // 50 for pair in pairs if pair.segments["tenant"] == "t1"})
    turns = sum(pair.segments["tenant"] == "t1" for pair in pairs)
    assert spot.conditions == {"tenant": "t1"}
    assert spot.units == conversations < turns
    assert spot.agreement.estimate == pytest.approx(0.65, abs=0.06)


def test_uneven_sampling_is_weighted():
    """A third of tenant t1 is bad, and was sampled ten times as often as the rest of it."""
    pairs = sample(lambda tenant, _, turn, __: (0.55 if turn == "later" else 0.995) if tenant == "t1" else 0.99)

    def weighted(pair):
        return 1.0 if pair.segments["turn"] == "later" else 10.0

    unweighted = [replace(pair, segments={"tenant": pair.segments["tenant"]}, text="") for pair in pairs]
    reweighted = [replace(pair, weight=weighted(old)) for pair, old in zip(unweighted, pairs, strict=True)]
    assert [spot.name for spot in found(unweighted)] == ["tenant=t1"]
    assert found(reweighted) == ()


def test_the_same_sample_in_any_order_gives_the_same():
    pairs = sample(lambda tenant, _, __, topic: 0.6 if tenant == "t12" or topic == TOPICS[0] else 0.98)

    shuffled = [pairs[place] for place in np.random.default_rng(0).permutation(len(pairs))]
    assert found(pairs) == found(shuffled) != ()


def test_later_searches_share_alpha():
    pairs = sample(lambda tenant, *_: 0.65 if tenant == "t12" else 0.98)

    levels = [found(pairs, search=number)[0].agreement.alpha for number in range(1, 5)]
    assert levels == [pytest.approx(ALPHA / (n * (n + 1))) for n in range(1, 5)]
    assert found(pairs, search=1_000_000) == ()


def test_a_few_pairs_or_none_name_nothing():
    assert found([]) == ()
    assert found(sample(lambda *_: 0.5, pairs=40)) == ()


def test_what_is_found_turns_into_json():
    [spot] = found(sample(lambda tenant, *_: 0.65 if tenant == "t12" else 0.98))

    told = msgspec.json.decode(msgspec.json.encode(spot))
    assert told["conditions"] == {"tenant": "t12"}
    assert told["agreement"]["upper"] == spot.agreement.upper


@pytest.mark.parametrize(("inside", "elsewhere"), [(0.9, 0.99), (0.85, 0.85), (0.9, 0.9)])
def test_a_slice_that_is_none_is_named_with_at_most_the_level(inside, elsewhere):
    """At the boundary: at the target of 0.9, or as good as elsewhere. The line is where it is easiest to pass."""
    random, level, runs = np.random.default_rng(3), 0.2, 400
    rows = np.arange(2_000) < 400
    blank = Half.of([SampledPair(str(row), True, {}) for row in range(rows.size)])
    named = 0
    for _ in range(runs):
        agreed = (random.random(rows.size) < np.where(rows, inside, elsewhere)).astype(float)
        half = replace(blank, low=agreed, high=agreed)
        tested = _Tested(searched=half, found_in=rows, other=half, inside=rows, elsewhere=~rows, level=level)
        named += tested.is_weak(min(0.9, elsewhere), np.ones_like(rows))
    assert named / runs <= level
    assert named > 0 or inside == elsewhere
