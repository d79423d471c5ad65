"""What is asked once only or not at all, and what budgets know of the rest."""

from datetime import UTC, datetime

import msgspec
import pytest

from comparators.asking.budget import BudgetSpentError, MemoryLedger
from comparators.base import Answer, ToolCall
from tests.comparators.judge_asking import BAD, GOOD, ask, ask_one, judge
from tests.fakes.chat import chat_completion
from tests.fakes.judges import fair, judging, plainly, saying
from tests.fakes.upstream import Reply, Upstream, json_reply


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
