import asyncio
import subprocess
import sys
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
from pydantic import SecretStr

from comparators.asking.budget import Budget, BudgetSpentError, MemoryLedger, known_price
from comparators.asking.cache import Cache
from comparators.asking.client import (
    AskingError,
    Endpoint,
    EndpointAnswerError,
    EndpointFailedError,
    EndpointOverloadedError,
    EndpointRefusedError,
    EndpointTimeoutError,
    EndpointUnreachableError,
)
from comparators.asking.retry_after import retry_after_seconds
from tests.fakes.running import free_port
from tests.fakes.upstream import Reply, Upstream, json_reply

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC).timestamp()
PRIVATE = "the patient's name"


@asynccontextmanager
async def endpoint(url, **options):
    made = Endpoint(url, **{"concurrency": 4, "timeout": 20.0, **options})
    try:
        yield made
    finally:
        await made.close()


def post(url, body=None, **options):
    async def asked():
        async with endpoint(url, **options) as made:
            return await made.post("chat/completions", body or {"text": PRIVATE})

    return asyncio.run(asked())


def one_after_another(*replies):
    left = list(replies)
    return lambda _: left.pop(0) if len(left) > 1 else left[0]


def test_it_is_asked_by_post_with_our_own_key_and_nothing_of_the_environment(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    with Upstream(lambda _: json_reply({"said": "ünd"})) as upstream:
        assert post(upstream.url + "/", {"text": "ü\ud800"}, api_key=SecretStr("sk-1")) == {"said": "ünd"}

    [seen] = upstream.seen
    assert (seen.method, seen.path) == ("POST", "/v1/chat/completions")
    assert seen.header("authorization") == "Bearer sk-1"
    assert seen.json == {"text": "ü?"}


@pytest.mark.parametrize("status", [429, 503])
def test_one_that_says_when_to_come_back_is_asked_again_then(status):
    wait = Reply(status=status, headers=[("retry-after", "0")])
    with Upstream(one_after_another(wait, wait, json_reply({"ok": True}))) as upstream:
        assert post(upstream.url) == {"ok": True}
    assert len(upstream.seen) == 3


@pytest.mark.parametrize(
    ("headers", "asked"),
    [([("retry-after", "0")], 3), ([("retry-after", "3600")], 1), ([("retry-after", "soon")], 1), ([], 1)],
)
def test_one_that_stays_overloaded_is_left_alone_before_long(headers, asked):
    with Upstream(lambda _: Reply(status=429, headers=headers)) as upstream:
        with pytest.raises(EndpointOverloadedError, match="status 429"):
            post(upstream.url)
    assert len(upstream.seen) == asked


def test_a_wait_beyond_the_time_there_is_is_not_begun():
    with Upstream(lambda _: Reply(status=429, headers=[("retry-after", "30")])) as upstream:
        with pytest.raises(EndpointOverloadedError):
            post(upstream.url, timeout=29.0)
    assert len(upstream.seen) == 1


def test_a_connection_that_is_closed_before_the_answer_is_tried_again():
    def closing_once(seen):
        if len(upstream.seen) == 1:
            raise ConnectionResetError
        return json_reply({"ok": True})

    with Upstream(closing_once) as upstream:
        assert post(upstream.url) == {"ok": True}


def closing(seen):
    raise ConnectionResetError


MOVED = Reply(status=307, headers=[("location", "/v1/elsewhere")])


@pytest.mark.parametrize(
    ("handler", "error", "asked", "may_have_cost"),
    [
        (closing, EndpointUnreachableError, 3, False),
        (lambda _: Reply(pieces=(b'{"a"', b":1}"), abort_after=1), EndpointUnreachableError, 1, True),
        (lambda _: Reply(hang=True), EndpointTimeoutError, 1, True),
        (lambda _: Reply(status=500, pieces=(PRIVATE.encode(),)), EndpointFailedError, 1, False),
        (lambda _: Reply(status=401), EndpointFailedError, 1, False),
        (lambda _: MOVED, EndpointFailedError, 1, False),
        (lambda _: Reply(status=400, pieces=(PRIVATE.encode(),)), EndpointRefusedError, 1, False),
        (lambda _: Reply(pieces=(b"<html>",)), EndpointAnswerError, 1, True),
        (lambda _: Reply(pieces=(b"[" * 200_000,)), EndpointAnswerError, 1, True),
        (lambda _: Reply(pieces=(b'"' + b"a" * 2**21 + b'"',)), EndpointAnswerError, 1, True),
        (
            lambda _: Reply(headers=[("content-encoding", "gzip")], pieces=(b"no gzip at all",)),
            EndpointAnswerError,
            1,
            True,
        ),
    ],
    ids=["closing", "broken", "slow", "500", "401", "redirect", "400", "html", "deep", "long", "undecodable"],
)
def test_what_goes_wrong_is_told_by_the_name_of_the_error_which_holds_no_text(handler, error, asked, may_have_cost):
    with Upstream(handler) as upstream:
        with pytest.raises(AskingError) as wrong:
            post(upstream.url, timeout=1.0 if error is EndpointTimeoutError else 20.0, api_key=SecretStr("sk-secret"))

    assert type(wrong.value) is error
    assert wrong.value.may_have_cost is may_have_cost
    assert len(upstream.seen) == asked
    told = f"{wrong.value} {wrong.value!r} {vars(wrong.value)}"
    assert PRIVATE not in told
    assert "sk-secret" not in told
    assert wrong.value.__context__ is None  # httpx's own hold the request


def test_nobody_there_is_unreachable():
    with pytest.raises(EndpointUnreachableError):
        post(f"http://127.0.0.1:{free_port()}/v1")


def test_a_refusal_says_which_fields_it_is_about():
    def refusing(seen):
        return json_reply({"error": {"message": "'response_format' is not supported"}}, status=400)

    with Upstream(refusing) as upstream:
        with pytest.raises(EndpointRefusedError) as refused:
            post(upstream.url, {"model": "m", "response_format": {}, "temperature": 0})
    assert refused.value.fields == {"response_format"}


def test_no_more_are_under_way_than_may_be():
    under_way, most = 0, 0
    release = asyncio.Event()

    async def counting(seen):
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        if under_way == 3:
            release.set()
        await release.wait()
        under_way -= 1
        return json_reply({})

    async def ask_many():
        async with endpoint(upstream.url, concurrency=3) as made:
            await asyncio.gather(*(made.post("chat/completions", {}) for _ in range(12)))

    with Upstream(counting) as upstream:
        asyncio.run(ask_many())
    assert most == 3


def test_one_endpoint_serves_one_event_loop_after_another():
    with Upstream(lambda _: json_reply({})) as upstream:
        made = Endpoint(upstream.url, concurrency=1, timeout=20.0)
        for _ in range(2):
            assert asyncio.run(made.post("chat/completions", {})) == {}
        asyncio.run(made.close())


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("3", 3.0),
        (" 1.5 ", 1.5),
        ("Sat, 31 Jan 2026 12:00:10 GMT", 10.0),
        ("Sat, 31 Jan 2026 11:00:00 GMT", 0.0),
        ("-1", None),
        ("soon", None),
        ("9" * 400, None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value, seconds):
    assert retry_after_seconds(value, NOON) == seconds


class Counted:
    """Something to ask that counts how often, and answers when it is let."""

    def __init__(self, answer="answer"):
        self.asked = 0
        self.answer = answer
        self.begun = asyncio.Event()
        self.let = asyncio.Event()

    async def __call__(self):
        self.asked += 1
        self.begun.set()
        await self.let.wait()
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def test_equal_questions_at_the_same_time_are_asked_once_and_remembered():
    async def asked():
        cache, ask = Cache(10), Counted()
        tasks = [asyncio.create_task(cache.get("key", ask)) for _ in range(20)]
        await ask.begun.wait()
        ask.let.set()
        assert await asyncio.gather(*tasks) == ["answer"] * 20
        assert await cache.get("key", ask) == "answer"
        return ask.asked

    assert asyncio.run(asked()) == 1


def test_a_failure_is_shared_by_those_who_wait_and_forgotten():
    async def asked():
        cache, ask = Cache(10), Counted(AskingError("no"))
        tasks = [asyncio.create_task(cache.get("key", ask)) for _ in range(5)]
        await ask.begun.wait()
        ask.let.set()
        said = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(each) for each in said] == [AskingError] * 5
        assert ask.asked == 1
        ask.answer = "answer"
        return await cache.get("key", ask)

    assert asyncio.run(asked()) == "answer"


@pytest.mark.parametrize("gone", [0, 1])
def test_who_goes_away_takes_the_answer_from_nobody(gone):
    async def asked():
        cache, ask = Cache(10), Counted()
        tasks = [asyncio.create_task(cache.get("key", ask)) for _ in range(3)]
        await ask.begun.wait()
        tasks.pop(gone).cancel()
        await asyncio.sleep(0)
        ask.let.set()
        return await asyncio.gather(*tasks)

    assert asyncio.run(asked()) == ["answer"] * 2


def test_only_the_latest_answers_are_kept():
    async def asked():
        cache, ask = Cache(2), Counted()
        ask.let.set()
        for key in ["a", "b", "a", "c", "a", "b"]:  # b makes room for c, and c for b
            await cache.get(key, ask)
        return ask.asked

    assert asyncio.run(asked()) == 4


def test_without_room_nothing_is_kept():
    async def asked():
        cache, ask = Cache(0), Counted()
        ask.let.set()
        await cache.get("key", ask)
        await cache.get("key", ask)
        return ask.asked

    assert asyncio.run(asked()) == 2


def test_a_budget_ends_with_the_question_that_reaches_it_and_begins_anew_the_next_day():
    async def spent():
        now = NOON
        budget = Budget("judge", 0.25, now=lambda: now)
        for usd in (0.1, 0.1, 0.1):
            async with budget.question(0.05) as bill:
                bill.usd = usd
        with pytest.raises(BudgetSpentError):
            async with budget.question(0.05):
                pass
        assert budget.ledger.spent("judge", "2026-01-31") == pytest.approx(0.3)
        now += 12 * 3600
        async with budget.question(0.05):
            pass
        return budget.ledger.spent("judge", "2026-02-01")

    assert asyncio.run(spent()) == 0.05


def test_a_failed_question_costs_nothing_unless_it_may_have_been_worked_on():
    async def spent(error):
        budget = Budget("judge", 1.0, now=lambda: NOON)
        with pytest.raises(type(error)):
            async with budget.question(0.1):
                raise error
        return budget.ledger.spent("judge", "2026-01-31")

    assert asyncio.run(spent(EndpointFailedError("status 500"))) == 0.0
    assert asyncio.run(spent(EndpointTimeoutError("late"))) == 0.1
    assert asyncio.run(spent(asyncio.CancelledError())) == 0.1


def test_those_under_way_count_before_their_answers_are_there():
    """Without it as many questions as run at once could go beyond the budget."""

    async def question(budget, asked, three):
        async with budget.question(0.4) as bill:  # three of them by the estimates
            asked.append(None)
            if len(asked) == 3:
                three.set()
            await three.wait()
            bill.usd = 0.6

    async def spent():
        budget, asked, three = Budget("judge", 1.0), [], asyncio.Event()
        said = await asyncio.gather(*(question(budget, asked, three) for _ in range(10)), return_exceptions=True)
        return len(asked), sum(isinstance(each, BudgetSpentError) for each in said)

    assert asyncio.run(spent()) == (3, 7)


def test_without_a_budget_it_is_still_written_down_what_was_spent():
    async def spent():
        budget = Budget("judge", None, now=lambda: NOON)
        budget.ledger = MemoryLedger()
        async with budget.question(100.0):
            pass
        return budget.ledger.spent("judge", "2026-01-31")

    assert asyncio.run(spent()) == 100.0


def test_a_ledger_keeps_accounts_and_days_apart():
    ledger = MemoryLedger()
    ledger.add("a", "2026-01-31", 1.0)
    ledger.add("a", "2026-01-31", 0.5)
    ledger.add("b", "2026-01-31", 4.0)

    assert ledger.spent("a", "2026-01-31") == 1.5
    assert ledger.spent("a", "2026-02-01") == 0.0
    assert ledger.spent("c", "2026-01-31") == 0.0


def test_listed_models_have_a_price_and_others_none():
    price = known_price("gpt-4o")

    assert price is not None
    assert (price.input, price.output) == pytest.approx((2.5, 10.0))
    assert known_price("judge-of-our-own") is None


def test_what_asks_is_imported_when_it_is_used_and_not_before():
    code = "import comparators.judge, sys; print({'httpx', 'genai_prices'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "set()"
