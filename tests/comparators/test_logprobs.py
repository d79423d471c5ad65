"""``logprobs``: bounds from lists cut out of distributions that the test knows whole."""

import json
import math
import re

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon

from comparators.base import Answer, TokenLogprob
from comparators.logprobs import LogprobsMissingError, TokenizersDifferError
from comparators.logprobs_bounds import bounds, kl_lower, masses
from comparators.registry import build
from tests.comparators.pairs import DEFAULTING, LEFT_OUT, SPELLED_OUT, calling, compare

VOCABULARY = 7
WEIGHTS = st.lists(
    st.one_of(st.integers(0, 3), st.floats(0, 1e-3), st.sampled_from([100, 1000])),
    min_size=VOCABULARY,
    max_size=VOCABULARY,
).filter(any)
DISTRIBUTIONS = WEIGHTS.map(lambda weights: np.array(weights) / sum(weights))


def top(distribution, count, *others):
    """The best ``count`` of a distribution, and some others (the token that was sampled)."""
    listed = {*np.argsort(-distribution, kind="stable")[:count].tolist(), *others}
    return {f"t{token}": float(distribution[token]) for token in sorted(listed)}


def true_distances(p, q):
    return abs(p - q).sum() / 2, jensenshannon(p, q, base=2) ** 2


@given(p=DISTRIBUTIONS, q=DISTRIBUTIONS, counts=st.tuples(*[st.integers(1, VOCABULARY)] * 2), data=st.data())
def test_the_bounds_contain_the_true_distances_whatever_the_lists_leave_out(p, q, counts, data):
    sampled = [data.draw(st.integers(0, VOCABULARY - 1)) for _ in range(2)]
    lists = [top(side, count, token) for side, count, token in zip((p, q), counts, sampled, strict=True)]
    tv, js = true_distances(p, q)

    found = bounds(*lists)

    assert found.tv_lower - 1e-9 <= tv <= found.tv_upper + 1e-9
    assert found.js_lower - 1e-9 <= js <= found.js_upper + 1e-9
    assert all(0 <= bound <= 1 for bound in found)
    assert found == pytest.approx(bounds(*reversed(lists)), abs=1e-12)


@given(p=DISTRIBUTIONS, q=DISTRIBUTIONS)
def test_whole_lists_give_the_distances_themselves(p, q):
    tv, js = true_distances(p, q)

    found = bounds(top(p, VOCABULARY), top(q, VOCABULARY))

    assert found == pytest.approx((tv, tv, js, js), abs=1e-9)


@given(p=DISTRIBUTIONS, q=DISTRIBUTIONS, counts=st.tuples(*[st.integers(1, VOCABULARY)] * 2))
def test_the_bounds_are_at_least_as_narrow_as_those_of_the_statistics_page(p, q, counts):
    """STATISTICS.md, section e, word for word: I the tokens in both lists, and one rest."""
    ours, theirs = (top(side, count) for side, count in zip((p, q), counts, strict=True))
    both = [token for token in ours if token in theirs]
    pi, qi = (np.array([side[token] for token in both] or [0.0]) for side in (ours, theirs))
    rest_p, rest_q = max(0.0, 1 - pi.sum()), max(0.0, 1 - qi.sum())

    def terms(a, b):
        middle = (a + b) / 2
        with np.errstate(divide="ignore", invalid="ignore"):
            return sum(np.nansum(np.where(x > 0, x * np.log2(x / middle), 0.0)) for x in (a, b)) / 2

    found = bounds(ours, theirs)

    tv_common, js_common = abs(pi - qi).sum() / 2, terms(pi, qi)
    assert found.tv_lower >= tv_common + abs(rest_p - rest_q) / 2 - 1e-9
    assert found.js_lower >= js_common + terms(np.array([rest_p]), np.array([rest_q])) - 1e-9
    assert found.tv_upper <= tv_common + (rest_p + rest_q) / 2 + 1e-9
    assert found.js_upper <= js_common + (rest_p + rest_q) / 2 + 1e-9


def true_divergence(p, q):
    """KL(p || q) in nats; infinite where q has nothing of what p has."""
    return sum(math.inf if b == 0 else a * math.log(a / b) for a, b in zip(p, q, strict=True) if a > 0)


@given(p=DISTRIBUTIONS, q=DISTRIBUTIONS, counts=st.tuples(*[st.integers(1, VOCABULARY)] * 2), data=st.data())
def test_the_lower_bound_of_kl_is_one_whatever_the_lists_leave_out(p, q, counts, data):
    sampled = [data.draw(st.integers(0, VOCABULARY - 1)) for _ in range(2)]
    lists = [top(side, count, token) for side, count, token in zip((p, q), counts, sampled, strict=True)]

    assert 0.0 <= kl_lower(*lists) <= true_divergence(p, q) + 1e-9
    assert kl_lower(lists[0], lists[0]) == pytest.approx(0.0, abs=1e-9)


@given(p=DISTRIBUTIONS, q=DISTRIBUTIONS)
def test_whole_lists_give_kl_itself_as_far_as_it_is_finite(p, q):
    if all(b > 1e-5 for b in q):
        assert kl_lower(top(p, VOCABULARY), top(q, VOCABULARY)) == pytest.approx(true_divergence(p, q), abs=1e-9)


def test_what_the_student_cannot_have_kept_for_the_teachers_own_tokens_counts():
    found = kl_lower({"yes": 0.9, "Yes": 0.05}, {"no": 0.8, "No": 0.1})

    # At best all that the student does not list, a tenth, is on the teacher's two, and the teacher's rest on its own.
    assert found == pytest.approx(0.95 * math.log(0.95 / 0.1) + 0.05 * math.log(0.05 / 0.9))


def test_a_token_that_the_student_gives_nothing_is_finitely_far():
    assert kl_lower(masses({"a": 0.0}), masses({"a": -9999.0, "b": 0.0})) == pytest.approx(math.log(1e6))


def test_lists_without_a_common_token_are_far_apart_by_what_they_cover():
    found = bounds({"yes": 0.9, "Yes": 0.05}, {"no": 0.8, "No": 0.1})

    assert found.tv_lower == pytest.approx(0.95 - 0.1)  # the student may have put its last tenth on the teacher's two
    assert found.tv_upper == 1


def test_distances_of_a_large_vocabulary_lie_between_bounds_that_narrow_with_longer_lists():
    dice = np.random.default_rng(3)
    logits = dice.normal(size=5000) * 3
    p, q = (np.exp(each) / np.exp(each).sum() for each in (logits, logits + dice.normal(size=5000) * 0.5))
    tv, js = true_distances(p, q)

    widths = []
    for count in (1, 5, 20, 200, 5000):
        found = bounds(top(p, count), top(q, count))
        assert found.tv_lower - 1e-9 <= tv <= found.tv_upper + 1e-9
        assert found.js_lower - 1e-9 <= js <= found.js_upper + 1e-9
        widths.append(found.tv_upper - found.tv_lower)
    assert widths == sorted(widths, reverse=True)
    assert widths[-1] < 1e-9
    assert widths[0] > 0.3


def test_masses_that_rounding_lets_exceed_one_are_scaled_and_what_is_no_token_is_left_out():
    assert masses({"a": math.log(0.6), "b": math.log(0.6)}) == pytest.approx({"a": 0.5, "b": 0.5})
    assert masses({"a": 3.0, "b": -9999.0}) == {"a": 1.0, "b": 0.0}
    assert masses({"a": math.nan, "\ufffd": -1.0, "b": -math.inf}) == {"b": 0.0}


def said(*tokens, **more) -> Answer:
    """An answer of tokens: a word taken with 0.9, or (word, {word: probability})."""
    read = []
    for token in tokens:
        word, listed = token if isinstance(token, tuple) else (token, {token: 0.9})
        logs = {each: math.log(mass) for each, mass in listed.items()}
        read.append(TokenLogprob(token=word, logprob=logs[word], top=logs))
    return Answer(content="".join(entry.token for entry in read), logprobs=tuple(read), **more)


def test_the_score_is_one_less_the_mean_distance_that_is_certain():
    teacher = said(("yes", {"yes": 0.8, "no": 0.2}), (".", {".": 1.0}))
    student = said(("yes", {"yes": 0.6, "no": 0.4}), (".", {".": 1.0}))

    score = compare("logprobs", teacher, student)

    assert score.score == pytest.approx(1 - 0.2 / 2)
    assert score.detail["total_variation"] == {"lower": 0.1, "upper": 0.1}
    assert score.detail["probability_listed"] == {"teacher": 1.0, "student": 1.0}
    assert score.detail["same_first_choice"] == 1.0
    assert score.detail["farthest"] == {"position": 0, "total_variation": 0.2}
    assert "parted" not in score.detail
    assert not compare("logprobs", teacher, student, agree_at=0.95).agree


def test_answers_are_compared_up_to_where_they_part_and_no_further():
    teacher = said("The ", ("cat", {"cat": 0.6, "dog": 0.4}), " far", " and", " wide")
    student = said("The ", ("dog", {"cat": 0.4, "dog": 0.6}), " something", " else")

    score = compare("logprobs", teacher, student)

    assert score.detail["tokens"] == 2
    assert score.score == pytest.approx(1 - 0.2 / 2)
    assert score.detail["same_first_choice"] == 0.5
    assert score.detail["parted"] == {"position": 1, "teacher": "cat far and wide", "student": "dog something else"}


def test_a_disagreement_has_its_kind_and_shows_both_sides_in_whole_words():
    teacher, student = said("your key is sk-", "abc", "def now"), said("your key is sk-", "xyz", "uvw later")

    score = compare("logprobs", teacher, student)

    assert (score.agree, score.kinds) == (False, ("distribution",))
    assert score.detail["parted"] == {"position": 1, "teacher": "sk-abcdef now", "student": "sk-xyzuvw later"}


def test_one_answer_that_ends_where_the_other_goes_on_has_parted_there():
    score = compare("logprobs", said("yes"), said("yes", " indeed"))

    assert (score.score, score.detail["tokens"]) == (1.0, 1)
    assert score.detail["parted"] == {"position": 1, "teacher": "yes", "student": "yes indeed"}


def test_a_sampled_token_that_is_not_among_the_best_counts_as_known():
    entry = TokenLogprob(token="maybe", logprob=math.log(0.1), top={"yes": math.log(0.5), "no": math.log(0.3)})
    answer = Answer(content="maybe", logprobs=(entry,))

    assert compare("logprobs", answer, answer).detail["probability_listed"]["teacher"] == pytest.approx(0.9)


def test_chosen_tokens_alone_already_tell_something():
    teacher, student = (
        Answer(content=word, logprobs=(TokenLogprob(token=word, logprob=math.log(0.97)),)) for word in ("yes", "no")
    )

    assert compare("logprobs", teacher, student).score == pytest.approx(0.06)


@pytest.mark.parametrize(
    ("teacher", "student", "lacking"),
    [
        (Answer(content="yes"), said("yes"), "the teacher"),
        (said("yes"), Answer(content="yes"), "the student"),
        (Answer(content="yes", logprobs=()), Answer(content="yes"), "the teacher and the student"),
        (calling(("f", "{}")), calling(("f", "{}")), "the teacher and the student"),
    ],
)
def test_a_side_without_log_probabilities_leaves_the_pair_unscored(teacher, student, lacking):
    with pytest.raises(LogprobsMissingError, match=f"answer of {lacking}$"):
        compare("logprobs", teacher, student)


def test_another_form_is_a_disagreement_all_the_same():
    assert compare("logprobs", said("yes"), Answer(refusal="I can't.")).kinds
    assert compare("logprobs", said("yes"), calling(("f", "{}"))).kinds


@pytest.mark.parametrize(
    ("teacher", "student"),
    [
        (("un", "believ", "able"), ("unbel", "iev", "able")),
        (("Hello", " world"), ("Hell", "o", " world")),
        (("a", "b c", "d"), ("a", "b", " c", "d")),
    ],
)
def test_the_same_text_in_other_tokens_leaves_the_pair_unscored(teacher, student):
    for sides in ((teacher, student), (student, teacher)):
        with pytest.raises(TokenizersDifferError, match=re.escape("cut the same text into other tokens")):
            compare("logprobs", said(*sides[0]), said(*sides[1]))


def test_words_that_only_begin_alike_are_no_other_tokenizer():
    assert compare("logprobs", said("pre", "fix"), said("prefer", "ence")).detail["parted"]["position"] == 0
    assert compare("logprobs", said("pre"), said("prefer")).detail["parted"]["position"] == 0


TOKENS = st.sampled_from(["a", "b", " a", "ab", "", "\ufffd", "\ud800", "日"])
LOGS = st.one_of(st.floats(-20, 0), st.floats(), st.sampled_from([0.0, -9999.0, math.nan, math.inf, -math.inf]))
ENTRIES = st.builds(TokenLogprob, token=TOKENS, logprob=LOGS, top=st.dictionaries(TOKENS, LOGS, max_size=5))
ANSWERS = st.lists(ENTRIES, min_size=1, max_size=5).map(lambda entries: Answer(content="x", logprobs=tuple(entries)))


@given(teacher=ANSWERS, student=ANSWERS)
def test_any_log_probabilities_get_a_sound_score_whoever_is_the_teacher(teacher, student):
    try:
        there = compare("logprobs", teacher, student)
    except TokenizersDifferError:
        with pytest.raises(TokenizersDifferError):
            compare("logprobs", student, teacher)
        return
    back = compare("logprobs", student, teacher)

    assert 0 <= there.score <= 1
    assert (there.score, there.agree) == (back.score, back.agree)
    assert bool(there.kinds) != there.agree
    json.loads(msgspec.json.encode(there.detail))
    assert there == compare("logprobs", teacher, student)
    assert compare("logprobs", teacher, teacher).score == 1.0


def test_long_answers_are_compared_by_their_first_tokens_and_long_tokens_are_cut_for_people():
    long = said(*["word "] * 3000)
    assert compare("logprobs", long, long).detail["tokens"] == 2000

    detail = compare("logprobs", said("x" * 1_000_000), said("y" * 1_000_000)).detail
    assert len(msgspec.json.encode(detail)) < 2000


def test_calls_are_compared_by_the_schemas_of_the_request():
    """Calls that are the same leave it to the log-probabilities, which these answers do not have."""
    with pytest.raises(LogprobsMissingError):
        build("logprobs", {}).compare(DEFAULTING, SPELLED_OUT, LEFT_OUT)
