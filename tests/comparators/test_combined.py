import asyncio

import pytest

from comparators.base import TEXT_SURFACES, Answer, Comparator, ComparatorError, ComparatorOptions, Score
from comparators.checking import InvalidScoreError
from comparators.registry import build
from tests.comparators.pairs import REQUEST, compare

HERE = "tests.comparators.test_combined"
LABEL_AND_NUMBER = [{"use": "label"}, {"use": "number"}]


class SaysOptions(ComparatorOptions):
    score: float = 1.0
    agree: bool = True
    kind: str = "wording"
    how: str = "light"


class Says(Comparator):
    """Agreement is what the options say."""

    name = "says"
    version = "1"
    Options = SaysOptions
    asked = 0

    def __init__(self, options):
        super().__init__(options)
        self.runs = options.how

    def compare(self, request, teacher, student):
        options = self.options
        return Score(score=options.score, agree=options.agree, kinds=() if options.agree else (options.kind,))

    async def ask(self, request, teacher, student, run):
        Says.asked += 1
        return self.compare(request, teacher, student)

    def keep_accounts(self, ledger):
        ledger.append(self.options.score)


class Fails(Says):
    """Agreement is an error."""

    name = "fails"

    def compare(self, request, teacher, student):
        raise ZeroDivisionError(teacher.content)


class Vectors(Says):
    """Agreement is of vectors."""

    name = "vectors"
    surfaces = frozenset({"embeddings"})


def says(score, agree, **options):
    return {"use": f"{HERE}:Says", "score": score, "agree": agree, **options}


FAILS = {"use": f"{HERE}:Fails"}
YES, NO = says(0.9, agree=True), says(0.2, agree=False)


@pytest.mark.parametrize(
    ("use", "parts", "expected"),
    [
        ("all_of", [YES, says(0.8, agree=True)], (0.8, True, ())),
        ("all_of", [YES, NO], (0.2, False, ("wording",))),
        ("all_of", [says(0.1, agree=False, kind="meaning"), NO], (0.1, False, ("meaning", "wording"))),
        ("all_of", [YES, says(0.1, agree=True)], (0.1, True, ())),
        ("any_of", [YES, NO], (0.9, True, ())),
        ("any_of", [NO, says(0.3, agree=False, kind="meaning")], (0.3, False, ("meaning", "wording"))),
        ("weighted", [says(1.0, agree=True, weight=3), says(0.4, agree=False)], (0.85, True, ())),
        ("weighted", [says(1.0, agree=True), says(0.4, agree=False)], (0.7, False, ("wording",))),
        ("weighted", [says(0.5, agree=True), says(0.5, agree=True)], (0.5, False, ("score_too_low",))),
        ("weighted", [says(1.0, agree=True, weight=weight) for weight in (0.1, 0.2, 0.3)], (1.0, True, ())),
    ],
)
def test_one_word_of_several(use, parts, expected):
    score = compare(use, "a", "b", comparators=parts)

    assert (pytest.approx(score.score), score.agree, score.kinds) == expected


def test_weighted_agrees_from_its_own_score_on():
    parts = [says(1.0, agree=True), says(0.4, agree=False)]

    assert compare("weighted", "a", "b", comparators=parts, agree_at=0.7).agree
    assert not compare("weighted", "a", "b", comparators=parts, agree_at=0.71).agree


def test_detail_shows_what_each_said_under_a_name_of_its_own():
    parts = [{"use": "label"}, {"use": "text", "name": "wording"}, {"use": "label"}]

    detail = compare("all_of", "refund", "billing", comparators=parts).detail

    assert list(detail) == ["label", "wording", "label 2"]
    assert (detail["label"]["score"], detail["label"]["agree"]) == (0.0, False)
    assert detail["label"]["kinds"]
    assert detail["label"]["detail"] == {"teacher": "refund", "student": "billing"}
    assert "kinds" not in compare("all_of", "refund", "Refund", comparators=parts).detail["label"]


@pytest.mark.parametrize(("use", "decided"), [("all_of", NO), ("any_of", YES)])
def test_a_failure_counts_for_nothing_where_another_decides(use, decided):
    score = compare(use, "a", "b", comparators=[FAILS, decided])

    assert score.agree is decided["agree"]
    assert score.detail[FAILS["use"]] == {"error": "ZeroDivisionError"}


@pytest.mark.parametrize(
    ("use", "others"), [("all_of", [YES]), ("any_of", [NO]), ("weighted", [YES, NO]), ("all_of", []), ("any_of", [])]
)
def test_otherwise_a_failure_is_the_failure_of_all(use, others):
    with pytest.raises(ZeroDivisionError):
        compare(use, "a", "b", comparators=[*others, FAILS])


@pytest.mark.parametrize("score", [1.5, -0.1, float("nan")])
def test_a_score_that_is_none_is_a_failure(score):
    with pytest.raises(InvalidScoreError, match="must lie in"):
        compare("all_of", "a", "b", comparators=[YES, says(score, agree=True)])


class Mumbles(Says):
    """Agreement is no truth value."""

    name = "mumbles"

    def compare(self, request, teacher, student):
        return Score(score=0.0, agree="no")


@pytest.mark.parametrize("use", ["all_of", "any_of"])
def test_a_word_that_is_no_truth_value_is_no_agreement(use):
    with pytest.raises(InvalidScoreError, match="`agree` must be True or False"):
        compare(use, "a", "b", comparators=[{"use": f"{HERE}:Mumbles"}])


def ask(use, parts):
    async def run(comparator, *pair):
        if comparator.runs == "awaited":
            return await comparator.ask(*pair, run)
        return comparator.compare(*pair)

    Says.asked = 0
    score = asyncio.run(build(use, {"comparators": parts}).ask(REQUEST, Answer(content="a"), Answer(content="b"), run))
    return score, Says.asked


@pytest.mark.parametrize(
    ("use", "others", "asked"),
    [("all_of", NO, 0), ("all_of", YES, 1), ("any_of", YES, 0), ("any_of", NO, 1), ("weighted", NO, 1)],
)
def test_what_costs_is_asked_last_and_only_while_it_matters(use, others, asked):
    asking = says(0.5, agree=True, how="awaited", name="judge")

    score, count = ask(use, [asking, others])

    assert count == asked
    assert list(score.detail) == ["judge", others["use"]]
    assert (score.detail["judge"] == {"asked": False}) == (not asked)


@pytest.mark.parametrize("use", ["all_of", "any_of", "weighted"])
def test_it_is_what_those_are_that_it_uses(use):
    def built(*parts):
        return build(use, {"comparators": list(parts)})

    assert built(*LABEL_AND_NUMBER).runs == "light"
    assert built(says(1, agree=True, how="heavy"), YES).runs == "heavy"
    assert built(says(1, agree=True, how="awaited"), YES).runs == "awaited"
    assert built(*LABEL_AND_NUMBER).surfaces == TEXT_SURFACES
    assert built({"use": "auto"}, {"use": "embedding"}).surfaces == {"embeddings"}
    assert built({"use": "embedding"}).symmetric
    assert not built({"use": "embedding"}, {"use": "auto"}).symmetric
    assert f"label {build('label', {}).version}" in built(*LABEL_AND_NUMBER).version

    accounts: list[float] = []
    built(says(0.25, agree=True), says(0.5, agree=True)).keep_accounts(accounts)
    assert accounts == [0.25, 0.5]


@pytest.mark.parametrize("use", ["all_of", "any_of", "weighted"])
@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ([], "at least 1"),
        ([{"use": "lable"}], "comparator 'lable' is not known (did you mean 'label'?)"),
        ([{"use": "text", "agre_at": 1}], "'agre_at' is not an option of comparator 'text'"),
        ([{"use": "text"}, {"use": f"{HERE}:Vectors"}], f"there is no surface that all of text and {HERE}:Vectors"),
    ],
)
def test_what_cannot_be_used_is_said_at_once(use, parts, message):
    with pytest.raises(ComparatorError) as refused:
        build(use, {"comparators": parts})

    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("use", "part", "message"),
    [
        ("weighted", {"wieght": 2}, "(did you mean 'weight'?); its options are agree_at, measure; beside them may"),
        ("weighted", {"wieght": 2}, "stand name, weight"),
        ("all_of", {"nmae": "wording"}, "(did you mean 'name'?)"),
    ],
)
def test_a_misspelt_key_of_a_part_is_told_the_parts_own_keys_too(use, part, message):
    with pytest.raises(ComparatorError) as refused:
        build(use, {"comparators": [{"use": "text", **part}]})

    assert message in str(refused.value)


def test_a_weight_must_count():
    with pytest.raises(ComparatorError, match="weight"):
        build("weighted", {"comparators": [{"use": "text", "weight": 0}]})
