"""``embedding``: vectors by their direction, or by who is nearest to whom."""

import math

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from comparators.base import Answer, ComparatorError, Request
from comparators.embedding import NeighboursError
from comparators.registry import build
from tests.comparators.pairs import compare


def vectors(rows) -> Answer:
    return Answer(embeddings=tuple(tuple(float(value) for value in row) for row in rows))


def at(*degrees) -> Answer:
    return vectors([(math.cos(math.radians(angle)), math.sin(math.radians(angle))) for angle in degrees])


def seen(*degrees, axes=3) -> Answer:
    """The same directions as ``at`` gives, in a space of more axes, turned."""
    turn = np.linalg.qr(np.random.default_rng(5).normal(size=(axes, axes)))[0]
    return vectors([np.array([*row, *[0.0] * (axes - 2)]) @ turn * 7 for row in at(*degrees).embeddings])


def test_the_score_is_the_mean_cosine_and_detail_names_the_worst_input():
    score = compare("embedding", at(0, 90, 180), at(0, 90, 120))

    assert score.score == pytest.approx((1 + 1 + 0.5) / 3)
    assert (score.agree, score.kinds) == (False, ("vector_changed",))
    assert score.detail["cosine"] == {"mean": 0.833333, "lowest": 0.5, "lowest_at_input": 2}
    assert compare("embedding", at(0, 90, 180), at(0, 90, 120), agree_at=0.8).agree


def test_lengths_of_vectors_say_nothing():
    rows = np.random.default_rng(0).normal(size=(4, 50))

    for factor in (1e-300, 1e-3, 1e300):
        assert compare("embedding", vectors(rows), vectors(rows * factor)).score == pytest.approx(1)


def test_opposite_vectors_score_nothing():
    assert compare("embedding", at(0), at(180)).score == 0


@pytest.mark.parametrize("nothing", [0.0, math.nan, math.inf, -math.inf])
def test_vectors_without_a_direction_are_like_no_other_and_like_themselves(nothing):
    empty, full = vectors([[nothing, 0.0]]), vectors([[1.0, 0.0]])

    assert compare("embedding", full, empty).score == compare("embedding", empty, full).score == 0
    assert compare("embedding", empty, empty).score == 1
    assert compare("embedding", vectors([[nothing, 0.0], [1, 0]]), vectors([[0.0, 0.0], [0, 1]])).score == 0.5


def test_other_dimensions_are_compared_by_their_neighbours():
    degrees = (0, 5, 12, 90, 97, 107, 200)

    score = compare("embedding", at(*degrees), seen(*degrees))

    assert (score.agree, score.score) == (True, 1.0)
    assert score.detail["dimension"] == {"teacher": 2, "student": 3}


def test_other_neighbours_are_a_disagreement_that_says_where():
    score = compare("embedding", at(0, 10, 100, 111), seen(0, 100, 10, 90))

    assert (score.agree, score.kinds, score.score) == (False, ("neighbours_changed",), 0.0)
    assert score.detail["common_neighbours"] == {"mean": 0.0, "of_nearest": 1, "compared_inputs": 4}
    assert score.detail["fewest_at_input"] == {"input": 0, "teacher": [1], "student": [2]}


def test_inputs_that_occur_twice_are_tied_and_cost_nothing():
    degrees = (0, 0, 0, 90, 100)
    jittered = vectors(np.array(seen(*degrees).embeddings) * (1 + np.arange(5)[:, None] * 1e-9))

    assert compare("embedding", at(*degrees), jittered, neighbours=1).score == 1


def test_a_student_that_gives_the_same_vector_to_everything_does_not_agree():
    score = compare("embedding", at(*range(0, 360, 20)), vectors([[1.0, 2.0, 3.0]] * 18), neighbours=2)

    assert score.score < 0.2
    assert score.kinds == ("neighbours_changed",)


def test_random_vectors_have_few_neighbours_in_common():
    dice = np.random.default_rng(1)

    score = compare("embedding", vectors(dice.normal(size=(100, 32))), vectors(dice.normal(size=(100, 16))))

    assert score.score == pytest.approx(5 / 99, abs=0.05)


def test_projections_keep_more_neighbours_the_more_dimensions_they_keep():
    dice = np.random.default_rng(2)
    rows = dice.normal(size=(60, 8)) @ dice.normal(size=(8, 64))

    shares = [
        compare("embedding", vectors(rows), vectors(rows @ dice.normal(size=(64, width)))).score
        for width in (2, 8, 32, 512)
    ]

    assert shares == sorted(shares)
    assert shares[-1] > 0.8


@pytest.mark.parametrize("inputs", [1, 2])
def test_too_few_inputs_for_neighbours_leave_the_pair_unscored(inputs):
    with pytest.raises(NeighboursError, match=f"at least 3 inputs in a request, not {inputs}"):
        compare("embedding", at(*range(inputs)), seen(*range(inputs)))


def test_neighbours_may_be_asked_for_where_dimensions_are_equal_and_vectors_where_not():
    turned = compare("embedding", at(0, 10, 100, 111), at(50, 60, 150, 161), by="neighbours")
    other = compare("embedding", at(0, 10, 100, 111), seen(0, 10, 100, 111), by="vectors")

    assert turned.score == 1
    assert (other.score, other.kinds) == (0, ("vector_changed",))
    assert not compare("embedding", at(0, 10), at(50, 60)).agree


def test_another_number_of_vectors_or_ragged_ones_are_another_form():
    ragged = vectors([[1.0, 0.0], [1.0]])

    assert compare("embedding", at(0, 1), at(0)).kinds == ("other_form",)
    assert compare("embedding", at(0, 1), ragged).kinds == ("other_form",)
    assert compare("embedding", ragged, ragged).agree


def test_only_embeddings_are_compared():
    assert build("embedding", {}).surfaces == {"embeddings"}
    with pytest.raises(ComparatorError, match="embeddings alone"):
        compare("embedding", at(0), "text")


ROWS = st.integers(0, 4).flatmap(
    lambda width: st.lists(
        st.lists(st.one_of(st.floats(), st.sampled_from([0.0, 1.0, 5e-324, 1e308])), min_size=width, max_size=width),
        max_size=6,
    )
)
RAGGED = st.lists(st.lists(st.floats(), max_size=3), max_size=4)
ANSWERS = st.one_of(ROWS, RAGGED).map(vectors)


@given(teacher=ANSWERS, student=ANSWERS, by=st.sampled_from(["auto", "vectors", "neighbours"]))
def test_any_vectors_get_a_sound_score_whoever_is_the_teacher(teacher, student, by):
    comparator = build("embedding", {"by": by})
    request = Request(surface="embeddings", body={})

    def say(one, other):
        try:
            return comparator.compare(request, one, other)
        except NeighboursError:
            return None

    there, back = say(teacher, student), say(student, teacher)

    assert say(teacher, teacher).score == 1.0
    assert there == say(teacher, student)
    if there is None or back is None:
        assert there is back
        return
    assert 0 <= there.score <= 1
    assert (there.score, there.agree) == (back.score, back.agree)
    assert bool(there.kinds) != there.agree
    assert len(msgspec.json.encode(there.detail)) < 2000


def test_of_many_inputs_the_first_are_each_others_neighbours():
    rows = np.random.default_rng(4).normal(size=(400, 8))

    score = compare("embedding", vectors(rows), vectors(np.hstack([rows, np.zeros((400, 1))])))

    assert score.detail["common_neighbours"] == {"mean": 1.0, "of_nearest": 5, "compared_inputs": 256}
