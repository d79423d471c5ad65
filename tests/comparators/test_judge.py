import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from hypothesis import given

from comparators.asking.budget import BudgetSpentError, MemoryLedger
from comparators.asking.client import (
    EndpointAnswerError,
    EndpointFailedError,
    EndpointOverloadedError,
    EndpointRefusedError,
    EndpointTimeoutError,
    EndpointUnreachableError,
)
from comparators.base import Answer, ComparatorError, Request, ToolCall
from comparators.judge import JudgeCannotTellError
from comparators.judge_prompt import RUBRIC
from comparators.judge_verdict import VerdictUnreadableError
from comparators.kinds import KINDS
from comparators.registry import build
from tests.comparators.pairs import DEFAULTING, LEFT_OUT, SPELLED_OUT
from tests.comparators.test_what_all_comparators_promise import ANSWERS, is_sound
from tests.fakes.chat import chat_completion
from tests.fakes.judges import data_of, fair, judging, plainly, position_biased, saying, undecided
from tests.fakes.upstream import Reply, Upstream, json_reply

REQUEST = Request(
    surface="chat/completions",
    body={"model": "gpt-4o", "user": "u-17", "messages": [{"role": "user", "content": "Where is my parcel?"}]},
)
GOOD, BAD = "The right answer.", "The wrong answer."


def judge(url, **options):
    return build("judge", {"url": url, "model": "judge-1", **options})


async def no_other(*_):
    raise AssertionError("a judge uses no other comparator")


def ask(comparator, *pairs, request=REQUEST):
    """The scores of pairs of texts or answers, asked all at once; errors stand in their places."""

    async def asked():
        try:
            return await asyncio.gather(
                *(comparator.ask(request, _answer(teacher), _answer(student), no_other) for teacher, student in pairs),
                return_exceptions=True,
            )
        finally:
            await comparator.close()

    return asyncio.run(asked())


def _answer(side):
    return side if isinstance(side, Answer) else Answer(content=side)


def ask_one(comparator, teacher, student, **more):
    [said] = ask(comparator, (teacher, student), **more)
    if isinstance(said, Exception):
        raise said
    return said


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


def closing(seen):
    raise ConnectionResetError


@pytest.mark.parametrize(
    ("handler", "error"),
    [
        (lambda _: Reply(hang=True), EndpointTimeoutError),
        (lambda _: Reply(status=500), EndpointFailedError),
        (lambda _: Reply(status=429, headers=[("retry-after", "86400")]), EndpointOverloadedError),
        (lambda _: Reply(status=400), EndpointRefusedError),
        (closing, EndpointUnreachableError),
        (lambda _: json_reply({"choices": []}), EndpointAnswerError),
        (lambda _: json_reply([1]), EndpointAnswerError),
    ],
    ids=["slow", "failing", "overloaded", "refusing", "closing", "no choice", "no object"],
)
def test_a_judge_that_does_not_answer_is_told_by_the_name_of_the_error(handler, error):
    with Upstream(handler) as upstream:
        timeout = "500ms" if error is EndpointTimeoutError else "20s"
        with pytest.raises(error) as wrong:
            ask_one(judge(upstream.url, timeout=timeout, api_key="sk-secret"), GOOD, BAD)

    assert type(wrong.value) is error
    assert not [text for text in (GOOD, BAD, "sk-secret") if text in repr(wrong.value)]


def test_a_judge_that_is_busy_is_asked_again_when_it_says():
    def busy_once(seen):
        return Reply(status=429, headers=[("retry-after", "0")]) if len(upstream.seen) == 1 else judging(fair)(seen)

    with Upstream(busy_once) as upstream:
        assert ask_one(judge(upstream.url), BAD, GOOD).agree
    assert len(upstream.seen) == 2


@pytest.mark.parametrize(
    ("refused", "message"),
    [
        ({"response_format"}, "'response_format' of type 'json_schema' is not supported"),
        ({"response_format"}, "unknown field"),
        ({"temperature"}, "Unsupported value: 'temperature' does not support 0 with this model."),
        ({"response_format", "temperature"}, ""),
    ],
)
def test_fields_that_an_endpoint_refuses_are_left_out_from_then_on(refused, message):
    def particular(seen):
        sent = refused & seen.json.keys()
        told = message or " ".join(sorted(sent)[:1])
        return json_reply({"error": {"message": told}}, status=400) if sent else judging(fair)(seen)

    with Upstream(particular) as upstream:
        comparator = judge(upstream.url)
        assert ask_one(comparator, BAD, GOOD).agree
        before = len(upstream.seen)
        assert ask_one(comparator, GOOD, BAD).kinds == ("judged_worse",)

    assert before == 1 + len(refused)
    assert len(upstream.seen) == before + 1
    assert {"model", "messages"} <= upstream.seen[-1].json.keys()
    assert {"response_format", "temperature"} - refused <= upstream.seen[-1].json.keys()


def test_what_is_refused_for_another_reason_is_not_held_against_a_field():
    """A prompt that is too long says nothing of the fields beside it."""

    def short_of_memory(seen):
        if b"enormous" in seen.body:
            return json_reply({"error": {"message": "context length exceeded"}}, status=400)
        return judging(fair)(seen)

    with Upstream(short_of_memory) as upstream:
        comparator = judge(upstream.url)
        [said] = ask(comparator, ("enormous", BAD))
        assert isinstance(said, EndpointRefusedError)
        ask_one(comparator, GOOD, BAD)

    assert "response_format" in upstream.seen[-1].json


def test_equal_pairs_are_asked_once_at_the_same_time_and_later():
    with Upstream(judging(fair)) as upstream:
        comparator = judge(upstream.url, concurrency=50)
        first = ask(comparator, *[(GOOD, BAD)] * 20)
        assert [*first, ask_one(comparator, GOOD, BAD)] == [first[0]] * 21

    assert len(upstream.seen) == 1


@pytest.mark.parametrize(
    "answer",
    [
        Answer(content="Same."),
        Answer(content=""),
        Answer(),
        Answer(refusal="No."),
        Answer(tool_calls=(ToolCall(name="f", arguments="{}"),)),
    ],
)
def test_identical_answers_agree_and_nobody_is_asked(answer):
    ledger = MemoryLedger()
    with Upstream(judging(fair)) as upstream:
        comparator = judge(upstream.url, price={"input": 1000})
        comparator.keep_accounts(ledger)
        other = msgspec.structs.replace(answer, model="tiny-3b", finish_reason="eos")
        score = ask_one(comparator, answer, other)

    assert (score.score, score.agree, score.kinds) == (1.0, True, ())
    assert upstream.seen == []
    assert ledger._spent == {}


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


def priced(url, ledger, **options):
    """A judge of which a question costs a cent: 20 tokens read and 10 written, says the stub."""
    comparator = judge(url, price={"input": 250, "output": 500}, **options)
    comparator.keep_accounts(ledger)
    return comparator


def pairs_of(name, count=30):
    return [(f"right {name} {number}", f"wrong {name} {number}") for number in range(count)]


def test_a_budget_holds_for_all_that_share_a_ledger():
    ledger = MemoryLedger()
    with Upstream(judging(fair)) as upstream:
        first = ask(priced(upstream.url, ledger, budget=0.095), *pairs_of("one", 4))
        second = ask(priced(upstream.url + "/", ledger, budget=0.095), *pairs_of("two"))
        third = ask(priced(upstream.url, ledger, budget=0.095), *pairs_of("three", 1))

    assert [type(each).__name__ for each in first] == ["Score"] * 4
    assert sum(isinstance(each, BudgetSpentError) for each in second) == 24
    assert [type(each) for each in third] == [BudgetSpentError]
    assert len(upstream.seen) == 10
    today = datetime.now(UTC).date().isoformat()
    assert ledger.spent(f"judge-1 at {upstream.url}", today) == pytest.approx(0.1)


def test_what_is_remembered_costs_nothing_and_a_spent_budget_does_not_forget_it():
    with Upstream(judging(fair)) as upstream:
        comparator = priced(upstream.url, MemoryLedger(), budget=0.01)
        [first] = ask(comparator, (GOOD, BAD))
        assert ask_one(comparator, GOOD, BAD) == first
        with pytest.raises(BudgetSpentError):
            ask_one(comparator, BAD, GOOD)


def test_each_model_has_an_account_of_its_own():
    ledger = MemoryLedger()
    with Upstream(judging(fair)) as upstream:
        ask(priced(upstream.url, ledger, budget=0.01), (GOOD, BAD))
        assert ask_one(priced(upstream.url, ledger, budget=0.01, model="judge-2"), GOOD, BAD).kinds


def test_an_unreadable_verdict_is_paid_for_and_so_is_one_that_never_came():
    today = datetime.now(UTC).date().isoformat()
    ledger = MemoryLedger()
    with Upstream(lambda _: saying("Hm.")) as upstream:
        ask(priced(upstream.url, ledger), (GOOD, BAD))
        assert ledger.spent(f"judge-1 at {upstream.url}", today) == pytest.approx(0.01)
        upstream.handler = lambda _: Reply(status=500)
        ask(priced(upstream.url, ledger), (GOOD, BAD))
        assert ledger.spent(f"judge-1 at {upstream.url}", today) == pytest.approx(0.01)
        upstream.handler = lambda _: Reply(hang=True)
        ask(priced(upstream.url, ledger, timeout=0.5), (GOOD, BAD))
        assert ledger.spent(f"judge-1 at {upstream.url}", today) > 0.1


@pytest.mark.parametrize("usage", [None, {}, {"prompt_tokens": -1, "completion_tokens": 1}, {"prompt_tokens": "20"}])
def test_where_the_endpoint_does_not_tell_the_cost_is_estimated(usage):
    ledger = MemoryLedger()
    completion = {**chat_completion(plainly("A"), model="judge-1"), "usage": usage}
    with Upstream(lambda _: json_reply(completion)) as upstream:
        comparator = judge(upstream.url, price={"input": 1, "output": 1})
        comparator.keep_accounts(ledger)
        ask_one(comparator, GOOD, BAD)

    [(_, usd)] = ledger._spent.values()
    assert 200e-6 < usd < 2000e-6


def test_one_without_a_price_is_taken_to_cost_something():
    ledger = MemoryLedger()
    with Upstream(judging(fair)) as upstream:
        comparator = judge(upstream.url)
        comparator.keep_accounts(ledger)
        ask_one(comparator, GOOD, BAD)

    assert [usd for _, usd in ledger._spent.values()] == [pytest.approx((20 * 2.5 + 10 * 10) / 1e6)]


@given(teacher=ANSWERS, student=ANSWERS)
def test_any_two_answers_get_a_sound_score(teacher, student):
    comparator = judge(FAIR.url, both_orders=True)

    first, again = ask(comparator, (teacher, student), (teacher, student))

    assert is_sound(first)
    assert first == again
    assert first == ask_one(judge(FAIR.url, both_orders=True), teacher, student)
    assert set(first.kinds) <= {*KINDS, "refusal", "tool_calls"}
    assert ask_one(comparator, teacher, teacher).score == 1.0


@pytest.mark.parametrize("text", ["[" * 500_000, "\ud800" * 1000, "a " * 500_000, "\u2028" * 10_000, "\0" * 1000])
def test_huge_and_hostile_answers_are_judged_all_the_same(text):
    assert is_sound(ask_one(judge(FAIR.url, budget=None), text + "right", text))


def test_a_request_may_be_anything():
    deep: dict = {"type": "object"}
    for _ in range(5000):
        deep = {"properties": deep}
    for body in ({"messages": float("nan")}, {"tools": [deep]}, {"prompt": [1, 2, 3]}, {"input": {"a": None}}, {}):
        request = Request(surface="responses", body=body)
        assert ask_one(judge(FAIR.url), GOOD, BAD, request=request).kinds == ("judged_worse",)


FAIR = Upstream(judging(fair))


@pytest.fixture(scope="module", autouse=True)
def _a_fair_judge():
    with FAIR:
        yield


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "option 'url' of comparator 'judge': field required"),
        ({"url": "judge.example"}, "must be a base URL such as https://api.openai.com/v1"),
        ({"url": "https://me:sk-secret@judge.example/v1"}, "without credentials or a query"),
        ({"url": "https://judge.example/v1?key=sk-secret"}, "without credentials or a query"),
        ({"api_key": "sk-secret\n"}, "must be the key alone"),
        ({"api_key": ""}, "must be the key alone"),
        ({"api_key": "passthrough"}, "must be a key of your own"),
        ({"api_key": ["sk-secret"]}, "option 'api_key' of comparator 'judge'"),
        ({"api_kee": "sk-secret"}, "did you mean 'api_key'?"),
        ({"timeout": "soon"}, "must be a duration such as 500ms, 30s or 5m, found 'soon'"),
        ({"timeout": 0}, "greater than 0"),
        ({"budget": -1}, "greater than or equal to 0"),
        ({"budget": float("inf")}, "finite"),
        ({"price": {"inputs": 1}, "api_key": "sk-secret"}, "option 'price.input'"),
        ({"cannot_tell": "agree"}, "'error' or 'disagree'"),
        ({"model": ""}, "option 'model'"),
        ({"concurrency": 0}, "option 'concurrency'"),
    ],
)
def test_options_that_do_not_hold_are_told_in_a_line_without_secrets(options, message):
    given = {"url": "http://127.0.0.1:1/v1", "model": "judge-1", "api_key": "sk-secret", **options}
    if not options:
        del given["url"]
    with pytest.raises(ComparatorError) as refused:
        build("judge", given)

    assert message in str(refused.value)
    assert "sk-secret" not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_key_shows_nowhere():
    comparator = judge("http://127.0.0.1:1/v1", api_key="sk-secret")
    options = comparator.options

    shown = [repr(options), str(options), str(options.model_dump()), options.model_dump_json(), repr(vars(comparator))]

    assert not [text for text in shown if "sk-secret" in text]


def test_what_changes_no_verdict_is_no_part_of_the_definition_of_agreement():
    plain = judge("http://127.0.0.1:1/v1")
    tuned = judge(
        "http://127.0.0.1:1/v1",
        api_key="sk",
        concurrency=2,
        timeout="5m",
        budget=None,
        price={"input": 0, "output": 0},
        cache=5,
    )

    assert tuned.options.timeout == 300.0
    assert plain.options.model_dump(mode="json") == tuned.options.model_dump(mode="json")
    assert plain.options.model_dump() != judge("http://127.0.0.1:1/v1", rubric="Shorter.").options.model_dump()


def test_the_documented_rubric_is_the_one_that_is_used():
    page = (Path(__file__).parents[2] / "docs" / "comparators.md").read_text("utf-8")

    assert RUBRIC in " ".join(page.split())


def test_calls_are_compared_by_the_schemas_of_the_request():
    with Upstream(judging(fair)) as upstream:
        assert ask_one(judge(upstream.url), SPELLED_OUT, LEFT_OUT, request=DEFAULTING).agree
    assert not upstream.seen
