"""The loop: exactly one pair for each exchange and student, whatever fails in between."""

import asyncio
import threading
import time

import msgspec
import pytest
from prometheus_client import CollectorRegistry

from proxy.errors import ConfigurationError, JournalError, StoreError
from proxy.journal.base import Tally, bucket_of
from proxy.metrics import ShadowMetrics
from proxy.shadow.breaker import BreakerPolicy
from proxy.shadow.worker import ShadowWorker
from tests.fakes.chat import chat_completion
from tests.fakes.upstream import Reply, Upstream, json_reply
from tests.shadow.shadow_world import QUICK, configuration, exchange, only, student, until, world
from tests.store.store_builders import tallied


def agreeing(seen):
    return json_reply(chat_completion("four", model="student-1"))


class Faulty:
    """Stands before a store or journal: calls of the named methods fail while ``failing``."""

    def __init__(self, real, error, *methods):
        self._real, self._error, self._methods = real, error, methods
        self.failing = True
        self.failed = 0

    def __getattr__(self, name):
        real = getattr(self._real, name)
        if name not in self._methods:
            return real

        def call(*arguments, **named):
            if self.failing:
                self.failed += 1
                raise self._error
            return real(*arguments, **named)

        return call


def test_an_exchange_delivered_again_makes_one_pair_and_asks_once(tmp_path):
    """A worker dies between store and acknowledge: here the journal forgets what was settled."""

    async def main(there):
        reader = there.reader()
        deaf = Faulty(reader, JournalError("died"), "settle")
        async with there.working(journal=deaf):
            await until(lambda: deaf.failed, "the first worker stored and could not settle")
        async with there.working(journal=there.reader("second")):
            await there.settled()

    with Upstream(agreeing) as upstream, world(tmp_path, student(url=upstream.url)) as there:
        there.journal(exchange())
        asyncio.run(main(there))

        assert there.outcomes() == {"exchange-1:small": "agreed"}
        assert len(upstream.seen) == 1
        assert there.counted("understudy_pairs_total", route="r", student="small", outcome="agreed") == 1


def test_a_student_added_later_is_asked_alone(tmp_path):
    with Upstream(agreeing) as upstream, world(tmp_path, student("a", upstream.url)) as there:
        there.run(exchange())
        there.config = configuration(student("a", upstream.url), student("b", upstream.url))
        there.run(msgspec.structs.replace(exchange(), path="/v1/chat/completions/again"))

        assert there.outcomes() == {"exchange-1:a": "agreed", "exchange-1:b": "agreed"}
        assert len(upstream.seen) == 2
        teacher_tokens = {"route": "r", "role": "teacher", "model": "teacher-1", "kind": "input"}
        assert there.counted("understudy_tokens_total", **teacher_tokens) == 20


def test_a_hanging_student_holds_up_no_other(tmp_path):
    """Its queue takes all the room at first; then it is sent out of memory, and comes back."""
    free = threading.Event()

    async def hanging(seen):
        await until(free.is_set, "the student is free", seconds=60)
        return agreeing(seen)

    async def main(there):
        async with there.working():
            good = {"route": "r", "student": "good", "outcome": "agreed"}
            # All but those in memory: an exchange is stored once all of its students are through, or out of memory.
            await until(lambda: there.counted("understudy_pairs_total", **good) > 20, "the good one is through")
            slow = {"route": "r", "student": "slow", "outcome": "agreed"}
            assert there.counted("understudy_pairs_total", **slow) == 0
            free.set()
            await there.settled()

    # Put back and taken again as often as it takes: nobody died of it.
    settings = msgspec.structs.replace(QUICK, most_in_flight=10, most_attempts=1)
    with Upstream(agreeing) as good, Upstream(hanging) as slow:
        students = student("good", good.url), student("slow", slow.url, concurrency=1, timeout="30s")
        with world(tmp_path, *students, settings=settings) as there:
            there.config = configuration(students[0] | {"concurrency": 2}, students[1])
            there.journal(*(exchange(number) for number in range(30)))
            asyncio.run(main(there))

            assert set(there.outcomes().values()) == {"agreed"}
            assert len(there.pairs()) == 60
            assert len(good.seen) == len(slow.seen) == 30


def test_a_full_store_loses_nothing(tmp_path):
    async def main(there):
        store = Faulty(there.worker_store(), StoreError("disk full"), "record")
        async with there.working(store=store):
            await until(lambda: store.failed >= 2, "the store failed")
            there.journal(*(exchange(number) for number in range(5, 10)))
            assert there.outcomes() == {}
            store.failing = False
            await there.settled()

    with Upstream(agreeing) as upstream, world(tmp_path, student(url=upstream.url)) as there:
        there.journal(*(exchange(number) for number in range(5)))
        asyncio.run(main(there))

        assert len(there.pairs()) == 10
        assert len(upstream.seen) == 10
        assert there.counted("understudy_pairs_total", route="r", student="small", outcome="agreed") == 10


@pytest.mark.parametrize("method", ["known", "salt", "paused", "keep_segments"])
def test_a_store_that_cannot_be_read_is_waited_for(tmp_path, method):
    async def main(there):
        store = Faulty(there.worker_store(), StoreError("locked"), method)
        async with there.working(store=store):
            await until(lambda: store.failed, "the store failed")
            store.failing = False
            await there.settled()

    with Upstream(agreeing) as upstream, world(tmp_path, student(url=upstream.url)) as there:
        there.journal(exchange())
        asyncio.run(main(there))

        assert there.outcomes() == {"exchange-1:small": "agreed"}


@pytest.mark.parametrize("method", ["lease", "settle", "tallies"])
def test_a_journal_in_trouble_is_waited_for(tmp_path, method):
    async def main(there):
        journal = Faulty(there.reader(), JournalError("unreadable"), method)
        async with there.working(journal=journal):
            await until(lambda: journal.failed, "the journal failed")
            journal.failing = False
            await there.settled()

    with Upstream(agreeing) as upstream, world(tmp_path, student(url=upstream.url)) as there:
        there.journal(exchange())
        asyncio.run(main(there))

        assert there.outcomes() == {"exchange-1:small": "agreed"}


def test_a_record_that_no_store_takes_holds_up_nobody(tmp_path):
    class Picky:
        def __init__(self, real):
            self._real = real

        def record(self, settlements):
            if any(each.exchange.id == "exchange-2" and each.exchange.request for each in settlements):
                raise OverflowError("a number of 65 bits")
            return self._real.record(settlements)

        def __getattr__(self, name):
            return getattr(self._real, name)

    with Upstream(agreeing) as upstream, world(tmp_path, student(url=upstream.url)) as there:
        there.run(*(exchange(number) for number in range(4)), store=Picky(there.worker_store()))

        assert there.outcomes() == {
            "exchange-0:small": "agreed",
            "exchange-1:small": "agreed",
            "exchange-2:small": "unscored",
            "exchange-3:small": "agreed",
        }


def test_a_student_that_is_down_is_left_alone_and_its_exchanges_are_missing(tmp_path):
    with Upstream(lambda _: Reply(status=500)) as upstream:
        with world(tmp_path, student(url=upstream.url, concurrency=1)) as there:
            there.run(*(exchange(number) for number in range(20)))

            assert set(there.outcomes().values()) == {"unavailable"}
            assert len(there.pairs()) == 20
            assert len(upstream.seen) == BreakerPolicy().consecutive
            errors = {"route": "r", "student": "small"}
            assert there.counted("understudy_student_errors_total", kind="status_5xx", **errors) == 5
            assert there.counted("understudy_student_errors_total", kind="breaker", **errors) == 15


def test_no_more_requests_at_once_than_the_student_allows(tmp_path):
    under_way, most = 0, 0

    async def handler(seen):
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.01)
        under_way -= 1
        return agreeing(seen)

    with Upstream(handler) as upstream, world(tmp_path, student(url=upstream.url, concurrency=3)) as there:
        there.run(*(exchange(number) for number in range(30)))

    assert most == 3


def test_the_model_named_in_answers_makes_a_new_version(tmp_path):
    model = "student-1"

    def handler(seen):
        return Reply(status=500) if model == "down" else json_reply(chat_completion("four", model=model))

    with Upstream(handler) as upstream, world(tmp_path, student(url=upstream.url)) as there:
        base = there.config.routes[0].students[0].base_version
        there.run(exchange(1))
        model = "student-2"
        there.run(exchange(2))
        model = "down"
        versions = [stored.pair.version for stored in there.run(exchange(3))]

    assert versions == [base, f"{base}@student-2", f"{base}@student-2"]


def test_a_configured_version_is_the_users_word(tmp_path):
    with Upstream(agreeing) as upstream, world(tmp_path, student(url=upstream.url, version="v7")) as there:
        there.run(exchange(1))
        upstream.handler = lambda _: json_reply(chat_completion("four", model="another"))

        assert [stored.pair.version for stored in there.run(exchange(2))] == ["v7", "v7"]


def test_credentials_reach_neither_student_nor_store(tmp_path):
    planted = "sk-planted0123456789abcdefghijklmnop"
    body = {
        "tools": [{"type": "function", "function": {"name": "f"}, "authorization": planted, "headers": {"x": planted}}]
    }
    refusal = Reply(status=401, pieces=(b'{"error": {"message": "bad key: sk-student-own-key"}}',))
    with Upstream(lambda _: refusal) as upstream:
        with world(tmp_path, student(url=upstream.url, api_key="sk-student-own-key"), redact=[]) as there:
            there.run(exchange(body=body, prompt="hello"))
            upstream.handler = agreeing
            there.run(exchange(2, body=body, prompt="hello"))

            heard = msgspec.json.encode([[seen.headers, seen.body.decode()] for seen in upstream.seen]).decode()
            assert planted not in heard
            assert {seen.header("authorization") for seen in upstream.seen} == {"Bearer sk-student-own-key"}
            assert planted not in there.text()
            assert "sk-student-own-key" not in there.text()
            assert only([each for each in there.pairs() if each.exchange.id == "exchange-1"]).pair.answer.error == {
                "kind": "status_401",
                "message": "bad key: [key]",
            }


def test_a_student_hears_nothing_of_the_client_but_the_question(tmp_path):
    body = {"user": "u-1", "safety_identifier": "s-1", "metadata": {"a": "b"}, "store": True, "temperature": 0.5}
    with Upstream(agreeing) as upstream, world(tmp_path, student(url=upstream.url)) as there:
        there.run(exchange(body=body, headers={"x-tenant": "acme"}, session="session-1"))

    (seen,) = upstream.seen
    assert seen.json == {
        "model": "student-1",
        "messages": [{"role": "user", "content": "two and two?"}],
        "temperature": 0.5,
    }
    names = {name.lower() for name, _ in seen.headers}
    assert names == {"host", "user-agent", "accept", "accept-encoding", "content-type", "content-length"}


def test_stored_text_is_redacted_and_subjects_are_hashed(tmp_path):
    said = "write to anna@example.com"
    teacher = {**chat_completion(said, model="teacher-1"), "user": "user-17", "safety_identifier": "safety-18"}
    with Upstream(lambda _: json_reply(chat_completion(said, model="student-1"))) as upstream:
        with world(tmp_path, student(url=upstream.url), redact=["email"]) as there:
            stored = only(
                there.run(
                    exchange(
                        prompt="I am bob@example.com",
                        body={"user": "user-17", "safety_identifier": "safety-18"},
                        response=msgspec.json.encode(teacher),
                        session="session-19",
                    )
                )
            )

            assert stored.pair.outcome == "agreed"  # comparators see the original
            assert "bob@example.com" in upstream.seen[0].body.decode()  # students, too
            text = there.text()
            for secret in ("bob@example.com", "anna@example.com", "user-17", "safety-18", "session-19"):
                assert secret not in text
            assert stored.exchange.request["user"] == stored.exchange.teacher.response["user"]
            assert len(stored.exchange.request["user"]) == 32
            raw = (tmp_path / "understudy.db").read_bytes() + (tmp_path / "understudy.db-wal").read_bytes()
            assert b"session-19" not in raw
            assert b"user-17" not in raw


def test_costs_and_tokens_are_counted(tmp_path):
    prices = {"teacher": {"url": "http://127.0.0.1:9", "price": {"input": 100, "output": 1000}}}
    with Upstream(agreeing) as upstream:
        cheap = student("cheap", upstream.url, price={"input": 1, "output": 2})
        with world(tmp_path, cheap, student("free", upstream.url), **prices) as there:
            by_name = {stored.pair.student: stored for stored in there.run(exchange())}

            assert by_name["cheap"].exchange.teacher.cost_usd == pytest.approx((20 * 100 + 10 * 1000) / 1e6)
            assert by_name["cheap"].pair.answer.cost_usd == pytest.approx((20 + 10 * 2) / 1e6)
            assert by_name["free"].pair.answer.cost_usd is None
            tokens = {"route": "r", "role": "student", "model": "student-1", "kind": "output"}
            assert there.counted("understudy_tokens_total", **tokens) == 20


def test_an_absurd_usage_does_not_cost_the_pair(tmp_path):
    absurd = {"prompt_tokens": 10**17, "completion_tokens": 10**17, "total_tokens": 1}
    reply = json_reply(chat_completion("four", model="student-1") | {"usage": absurd})
    with Upstream(lambda _: reply) as upstream:
        with world(tmp_path, student(url=upstream.url, price={"input": 1, "output": 1})) as there:
            pair = only(there.run(exchange())).pair

    assert (pair.outcome, pair.answer.content, pair.answer.cost_usd) == ("agreed", "four", 2000.0)


def test_models_that_clients_make_up_bound_the_labels_of_no_metric(tmp_path):
    def named(number):
        answered = msgspec.json.encode(chat_completion("four", model=f"client says {number}"))
        return exchange(number, body={"model": f"client says {number}"}, response=answered)

    with Upstream(agreeing) as upstream, world(tmp_path, student(url=upstream.url)) as there:
        there.run(*(named(number) for number in range(110)))

        tokens = [
            sample
            for metric in there.registry.collect()
            for sample in metric.samples
            if sample.name == "understudy_tokens_total" and sample.labels["kind"] == "output"
        ]
        teachers = {sample.labels["model"]: sample.value for sample in tokens if sample.labels["role"] == "teacher"}
        assert len(teachers) == 101
        assert teachers["other"] == 10 * min(teachers.values())
        assert {sample.labels["model"] for sample in tokens if sample.labels["role"] == "student"} == {"student-1"}


def test_tallies_of_the_relay_come_into_the_store(tmp_path):
    with world(tmp_path) as there:
        now = bucket_of(time.time())
        there.writer.append([], [Tally(route="r", outcome="sampled_out", bucket=now, n=3)])

        async def main():
            async with there.working():
                await until(lambda: there.store.captures("r"), "captures are in the store")

        asyncio.run(main())

        assert [(each.outcome, each.n) for each in there.store.captures("r")] == [("sampled_out", 3)]


def test_old_text_is_forgotten_and_counts_stay(tmp_path):
    async def main(there):
        async with there.working():
            await there.settled()
            await until(lambda: only(there.pairs()).exchange.request is None, "the text is gone")

    settings = msgspec.structs.replace(QUICK, retention_seconds=0.05)
    with Upstream(agreeing) as upstream:
        with world(tmp_path, student(url=upstream.url), settings=settings, retention="200ms") as there:
            there.journal(exchange())
            asyncio.run(main(there))

            assert there.outcomes() == {"exchange-1:small": "agreed"}


def test_stopping_gives_back_what_is_not_finished(tmp_path):
    async def main(there, upstream):
        async with there.working():
            await until(lambda: upstream.seen, "the student was asked")
        upstream.handler = agreeing
        async with there.working(journal=there.reader("another")):  # its leases would last for 30 s
            await there.settled()

    settings = msgspec.structs.replace(QUICK, stop_seconds=0.1)
    with Upstream(lambda _: Reply(hang=True)) as upstream:
        with world(tmp_path, student(url=upstream.url, timeout="60s"), settings=settings) as there:
            there.journal(exchange())
            asyncio.run(main(there, upstream))

            assert there.outcomes() == {"exchange-1:small": "agreed"}


def test_a_reload_holds_for_exchanges_from_then_on(tmp_path):
    async def main(there, other):
        async with there.working() as worker:
            there.journal(exchange(1))
            await there.settled()
            worker.reload(configuration(student("new", other.url)))
            there.journal(exchange(2))
            await there.settled()
            with pytest.raises(ConfigurationError, match="route r"):
                worker.reload(configuration(comparators=[{"use": "no-such-thing"}]))
            there.journal(exchange(3))
            await there.settled()

    with Upstream(agreeing) as first, Upstream(agreeing) as other:
        with world(tmp_path, student("old", first.url)) as there:
            asyncio.run(main(there, other))

            assert set(there.outcomes()) == {"exchange-1:old", "exchange-2:new", "exchange-3:new"}


@pytest.mark.parametrize("reloaded", [False, True])
def test_what_is_required_is_counted_by_its_name_from_the_first_exchange_on(tmp_path, reloaded):
    """Though clients have used up the names of this key already."""
    required = {
        "segments": [{"header": "x-tenant", "as": "tenant"}],
        "gate": {"require": ["tenant=acme"]},
    }

    async def main(there, new):
        there.config = configuration(student()) if reloaded else new
        there.journal(exchange(1, headers={"x-tenant": "acme"}))
        async with there.working() as worker:
            await there.settled()
            if reloaded:
                worker.reload(new)
            there.journal(exchange(2, headers={"x-tenant": "acme"}))
            await there.settled()

    with Upstream(agreeing) as upstream, world(tmp_path) as there:
        crowd = [("tenant", f"t{number}") for number in range(200)]
        there.store.keep_segments("r", keys=["tenant"], values=crowd)
        asyncio.run(main(there, configuration(student(url=upstream.url), **required)))

        counted = tallied(there.store, route="r")
        assert counted["", "tenant=acme", "pairs", 0] == (1 if reloaded else 2)
        assert counted["", "tenant=other", "pairs", 0] == 0


def test_a_worker_that_never_ran_ends_at_once_when_stopped(tmp_path):
    async def main(there):
        store = Faulty(there.worker_store(), StoreError("never there"), "salt")
        worker = ShadowWorker(
            there.config, there.reader(), store, ShadowMetrics(CollectorRegistry()), settings=there.settings
        )
        stop = asyncio.Event()
        async with asyncio.timeout(10):
            running = asyncio.create_task(worker.run(stop))
            await until(lambda: store.failed, "the store failed")
            stop.set()
            await running

    with world(tmp_path, student()) as there:
        asyncio.run(main(there))


def test_two_workers_share_the_work_and_make_each_pair_once(tmp_path):
    async def main(there):
        async with there.working(journal=there.reader("a")), there.working(journal=there.reader("b")):
            await there.settled()

    with Upstream(agreeing) as upstream, world(tmp_path, student(url=upstream.url)) as there:
        there.journal(*(exchange(number) for number in range(100)))
        asyncio.run(main(there))

        assert len(there.pairs()) == 100
        assert there.counted("understudy_pairs_total", route="r", student="small", outcome="agreed") == 100


def test_old_text_of_a_route_that_was_renamed_is_forgotten_too(tmp_path):
    async def main(there):
        async with there.working() as worker:
            await there.settled()
            worker.reload(configuration(name="renamed", retention="200ms"))
            await until(lambda: only(there.pairs()).exchange.request is None, "the text is gone")

    settings = msgspec.structs.replace(QUICK, retention_seconds=0.05)
    with Upstream(agreeing) as upstream:
        with world(tmp_path, student(url=upstream.url), settings=settings) as there:
            there.journal(exchange())
            asyncio.run(main(there))

            assert there.outcomes() == {"exchange-1:small": "agreed"}
