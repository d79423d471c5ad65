"""The counts can be made again from the pairs."""

from __future__ import annotations

import random

import pytest

from proxy.store.records import TEACHER_REPLAY, Settlement
from tests.store.store_builders import DAY, T0, exchange, pair, tallied

OUTCOMES = ["agreed", "disagreed", "unavailable", "paused", "unscored"]


@pytest.fixture
def full(store, open_again):
    """A store in which all that counts occurs, written by two replicas in some order."""
    draw = random.Random(5)
    settlements = []
    for number in range(150):
        kind = draw.choice(["request", "repeat", "talk"])
        fields = {
            "request": {},
            "repeat": {"repeat_key": draw.choice("ab")},
            "talk": {"unit_kind": "conversation", "unit": draw.choice("xyz")},
        }[kind]
        asked = exchange(
            f"e{number:03}",
            T0 + draw.random() * 6000,
            segments={"language": draw.choice(["de", "en"]), "turn": "later" if kind == "talk" else "first"},
            probability=draw.choice([1.0, 0.5]),
            **fields,
        )
        pairs = [pair(draw.choice(OUTCOMES)), pair(draw.choice(OUTCOMES), student="other")]
        if draw.random() < 0.3:
            pairs.append(pair(draw.choice(["agreed", "disagreed"]), student=TEACHER_REPLAY))
        settlements.append(Settlement(exchange=asked, pairs=tuple(pairs)))
    draw.shuffle(settlements)
    other = open_again("other")
    for start in range(0, 150, 10):
        (store, other)[start // 10 % 2].record(settlements[start : start + 10])
    while store.close_units(T0 + DAY):
        pass
    return store


def all_counts(store):
    return {who: {key: n for key, n in tallied(store, who).items() if n} for who in ("small", "other", TEACHER_REPLAY)}


def test_they_are_what_the_pairs_come_to(full):
    before = all_counts(full)

    assert full.recount(lambda _: None, check=True).wrong == 0
    found = full.recount(lambda _: None, check=False)

    assert (found.exchanges, found.wrong) == (150, 0)
    assert all_counts(full) == before


def test_what_is_wrong_is_found_and_mended(full):
    before = all_counts(full)
    with full._connection.writing():
        full._connection.execute("UPDATE counts SET n = n + 3 WHERE measure = 'low' AND bin = 100", {})
        full._connection.execute("UPDATE daily_counts SET n = n + 3 WHERE measure = 'low' AND bin = 100", {})
    assert all_counts(full) != before

    assert full.recount(lambda _: None, check=True).wrong
    assert all_counts(full) != before

    assert full.recount(lambda _: None, check=False).wrong
    assert all_counts(full) == before
    assert not full.recount(lambda _: None, check=True).wrong


def test_counts_that_were_folded_stay_so(full):
    later = T0 + 40 * DAY
    while full.fold_counts(later):
        pass
    before = all_counts(full)

    assert not full.recount(lambda _: None, check=False).wrong

    assert all_counts(full) == before
    [evidence] = full.evidences("intents", "small")
    assert full.blocks(evidence.id, "label", "low", since=0, until=later) == []


def test_counting_goes_on_after_it(full):
    full.recount(lambda _: None, check=False)
    full.record([Settlement(exchange=exchange("new", T0 + 9000), pairs=(pair("agreed"),))])

    assert not full.recount(lambda _: None, check=True).wrong
