"""Which verdicts come to which scores, and what the judge is told."""

import json
from pathlib import Path

import pytest

from comparators.base import Answer, ComparatorError, Request, ToolCall
from comparators.judge import JudgeCannotTellError
from comparators.judge_prompt import RUBRIC
from comparators.judge_verdict import VerdictUnreadableError
from tests.comparators.judge_asking import BAD, GOOD, REQUEST, ask, ask_one, judge
from tests.comparators.pairs import DEFAULTING, LEFT_OUT, SPELLED_OUT
from tests.fakes.judges import data_of, fair, judging, plainly, position_biased, saying, undecided
from tests.fakes.upstream import Upstream


@pytest.mark.parametrize(
    ("teacher", "student", "better", "kinds"),
    [
        (GOOD, BAD, "teacher", ("judged_worse",)),
        (BAD, GOOD, "student", ()),
        (GOOD, "Also right.", "equal", ()),
        (BAD, "Also wrong.", "equal", ()),
    ],
)
@pytest.mark.parametrize("both_orders", [False, True])
def test_a_fair_judge_finds_the_student_worse_or_not(teacher, student, better, kinds, both_orders):
    with Upstream(judging(fair)) as upstream:
        score = ask_one(judge(upstream.url, both_orders=both_orders), teacher, student)

    assert (score.agree, score.score, score.kinds) == (not kinds, float(not kinds), kinds)
    assert score.detail["better"] == better
    assert score.detail["teacher"] == teacher
    assert score.detail["student"] == student
    assert score.detail["asked"][0]["reason"].startswith("I say ")
    assert score.detail.get("inconsistent") is (False if both_orders else None)
    assert len(upstream.seen) == (2 if both_orders else 1)


def test_a_biased_judge_shows_as_one_that_contradicts_itself_and_promotes_nobody():
    pairs = [(f"one {number}", f"two {number}") for number in range(10)]
    with Upstream(judging(position_biased)) as upstream:
        scores = ask(judge(upstream.url, both_orders=True), *pairs)

    assert {(score.score, score.agree, score.kinds) for score in scores} == {(0.5, False, ("judge_inconsistent",))}
    for score in scores:
        assert score.detail["inconsistent"]
        assert score.detail["better"] == "tie"
        assert {tuple(asked[side] for side in "AB") for asked in score.detail["asked"]} == {
            ("teacher", "student"),
            ("student", "teacher"),
        }


def test_a_biased_judge_that_is_asked_once_is_right_half_the_time():
    """The order is drawn anew for each pair, so that a bias is noise and no favour."""
    pairs = [(f"one {number}", f"two {number}") for number in range(200)]
    with Upstream(judging(position_biased)) as upstream:
        scores = ask(judge(upstream.url), *pairs)

    assert 70 <= sum(score.agree for score in scores) <= 130


def test_a_fair_judge_says_the_same_in_whatever_order():
    with Upstream(judging(fair)) as upstream:
        scores = [ask_one(judge(upstream.url, seed=seed), GOOD, BAD) for seed in range(8)]

    assert {score.detail["asked"][0]["A"] for score in scores} == {"teacher", "student"}
    assert {score.kinds for score in scores} == {("judged_worse",)}


def test_ties_are_agreement_where_that_is_wished():
    with Upstream(judging(position_biased)) as upstream:
        score = ask_one(judge(upstream.url, both_orders=True, ties_agree=True), "one", "two")

    assert (score.score, score.agree, score.kinds) == (0.5, True, ())
    assert score.detail["inconsistent"]


def test_a_student_found_better_once_and_as_good_once_is_no_worse():
    def generous(data):
        return "A" if data["A"]["text"] == "of the student" else "equal"

    with Upstream(judging(generous)) as upstream:
        score = ask_one(judge(upstream.url, both_orders=True), "of the teacher", "of the student")

    assert (score.score, score.agree, score.kinds) == (1.0, True, ())
    assert score.detail["inconsistent"]


def test_the_order_is_drawn_by_seed_and_pair_and_stays():
    pairs = [(f"one {number}", f"two {number}") for number in range(30)]

    def orders(**options):
        return [score.detail["asked"][0]["A"] for score in ask(judge(upstream.url, **options), *pairs)]

    with Upstream(judging(fair)) as upstream:
        drawn = orders()
        assert set(drawn) == {"teacher", "student"}
        assert orders() == drawn
        assert orders(seed=7) != drawn


def test_the_judge_is_told_what_was_asked_and_not_who_answered():
    teacher = Answer(content=GOOD, model="gpt-4o", finish_reason="stop", response={"id": "chatcmpl-from-gpt"})
    student = Answer(content=BAD, model="tiny-3b", finish_reason="eos", response={"id": "cmpl-from-vllm"})
    with Upstream(judging(fair)) as upstream:
        ask_one(judge(upstream.url, rubric="Which names the depot?", api_key="sk-judge"), teacher, student)

    [seen] = upstream.seen
    sent = seen.body.decode()
    assert data_of(seen)["request"] == {"messages": REQUEST.body["messages"]}
    assert "Which names the depot?" in sent
    assert not [word for word in ("teacher", "student", "gpt", "tiny", "eos", "vllm", "u-17") if word in sent.lower()]
    assert seen.header("authorization") == "Bearer sk-judge"
    assert seen.json["model"] == "judge-1"
    assert seen.json["temperature"] == 0
    assert seen.json["response_format"]["json_schema"]["schema"]["required"] == ["reason", "verdict"]


def test_pictures_and_sound_are_not_sent():
    parts = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
        {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
    ]
    request = Request(surface="chat/completions", body={"messages": [{"role": "user", "content": parts}]})
    with Upstream(judging(fair)) as upstream:
        ask_one(judge(upstream.url), GOOD, BAD, request=request)

    assert "AAAA" not in upstream.seen[0].body.decode()
    [message] = data_of(upstream.seen[0])["request"]["messages"]
    assert message["content"][0] == parts[0]
    assert message["content"][1] == {"type": "image_url", "note": "not shown"}


def in_prose(verdict):
    return f"Answer A is long and answer B has more on parcels.\n\nSo: {plainly(verdict)}\n\nI hope this helps."


def in_a_fence(verdict):
    return f"Here is my verdict:\n```json\n{json.dumps(json.loads(plainly(verdict)), indent=2)}\n```"


@pytest.mark.parametrize("say", [in_prose, in_a_fence])
def test_a_verbose_judge_is_understood(say):
    with Upstream(judging(fair, say)) as upstream:
        scores = ask(judge(upstream.url), (GOOD, BAD), (BAD, GOOD), (GOOD, "right too"))

    assert [score.detail["better"] for score in scores] == ["teacher", "student", "equal"]


@pytest.mark.parametrize("text", ["I'd rather not say.", '{"verdict": "both"}', "", None, '{"verdict": "A"'[:-1]])
def test_an_unreadable_verdict_is_an_error_and_no_tie(text):
    with Upstream(lambda _: saying(text)) as upstream:
        with pytest.raises(VerdictUnreadableError):
            ask_one(judge(upstream.url, both_orders=True), GOOD, BAD)


def test_a_judge_that_is_sometimes_unreadable_costs_those_pairs_alone_and_is_asked_anew_for_them():
    def sometimes(seen):
        return saying("Hm.") if "2" in data_of(seen)["A"]["text"] + data_of(seen)["B"]["text"] else judging(fair)(seen)

    with Upstream(sometimes) as upstream:
        comparator = judge(upstream.url)
        pairs = [(f"right {number}", f"wrong {number}") for number in range(4)]
        said = ask(comparator, *pairs)
        assert [type(each).__name__ for each in said] == ["Score", "Score", "VerdictUnreadableError", "Score"]
        upstream.handler = judging(fair)
        assert ask_one(comparator, *pairs[2]).kinds == ("judged_worse",)


def test_one_who_cannot_tell_has_said_nothing_unless_that_is_to_count():
    with Upstream(judging(undecided)) as upstream:
        with pytest.raises(JudgeCannotTellError):
            ask_one(judge(upstream.url), GOOD, BAD)
        score = ask_one(judge(upstream.url, cannot_tell="disagree"), GOOD, BAD)

    assert (score.score, score.agree, score.kinds) == (0.0, False, ("judge_undecided",))
    assert score.detail["better"] == "cannot tell"


@pytest.mark.parametrize(
    ("teacher", "student"),
    [
        (Answer(content="Sure."), Answer(content="Sure.", refusal="No.")),
        (Answer(refusal="No."), Answer(content="Sure.")),
        (Answer(content="Sure."), Answer(content=" \n")),
        (Answer(content="Sure."), Answer()),
        (Answer(content="Sure."), Answer(tool_calls=(ToolCall(name="f", arguments="{}"),))),
        (Answer(tool_calls=(ToolCall(name="f", arguments="{}"),)), Answer(content="Sure.")),
    ],
    ids=["refused", "not refused", "blank", "nothing", "called", "not called"],
)
def test_another_form_is_a_disagreement_without_a_judge(teacher, student):
    with Upstream(judging(position_biased)) as upstream:
        score = ask_one(judge(upstream.url), teacher, student)

    assert not score.agree
    assert upstream.seen == []


def test_embeddings_are_refused():
    with pytest.raises(ComparatorError, match="embeddings"):
        ask_one(judge("http://127.0.0.1:9/v1"), Answer(embeddings=((1.0,),)), Answer(embeddings=((1.0,),)))


def test_the_documented_rubric_is_the_one_that_is_used():
    page = (Path(__file__).parents[2] / "docs" / "comparators.md").read_text("utf-8")

    assert RUBRIC in " ".join(page.split())


def test_calls_are_compared_by_the_schemas_of_the_request():
    with Upstream(judging(fair)) as upstream:
        assert ask_one(judge(upstream.url), SPELLED_OUT, LEFT_OUT, request=DEFAULTING).agree
    assert not upstream.seen
