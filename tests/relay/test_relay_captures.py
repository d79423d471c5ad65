"""Every request that a route matches has exactly one capture outcome, and none of them is felt by the client."""

from __future__ import annotations

import gzip

import msgspec

from tests.relay.relay_tools import (
    ANSWER,
    CHAT,
    EVENTS,
    JSON,
    QUESTION,
    Request,
    ScriptedJournal,
    answering,
    chat_route,
    chunked,
    run,
    running,
    until,
    whole,
)


def with_limits(**limits: str):
    return lambda url: {**chat_route(url), "limits": limits}


def with_sample(share: float):
    return lambda url: chat_route(url, sample=share)


def test_an_exchange_is_journaled_with_all_that_was_seen() -> None:
    def configure(url: str) -> dict:
        return chat_route(
            url, segments=[{"header": "X-Tenant", "as": "tenant"}, {"header": "authorization", "as": "a"}]
        )

    async def scenario() -> None:
        async with running(answering(chunked(EVENTS)), configure) as relay:
            headers = (
                b"authorization: Bearer sk-client-secret\r\napi-key: other-secret\r\ncookie: c-secret\r\n"
                b"openai-organization: org-secret\r\nx-tenant: acme\r\nx-understudy-session: s-1\r\n"
                b"x-understudy-tags: tier=gold, bad, =x, y=\r\n"
            )
            body = (
                b'{"model":"m-1","stream":true,"messages":[{"role":"user","content":"hi"}],'
                b'"tools":[{"type":"mcp","authorization":"tool-secret"}]}'
            )
            plain = b'{"model":"m-1","stream":true,"messages":[{"role":"user","content":"hi"}]}'
            response = await relay.ask(f"POST {CHAT}?api-version=1", plain, headers)
            await relay.ask(f"POST {CHAT}", body, headers)
            await until(lambda: relay.captures() == {"journaled": 1, "not_shadowable": 1})
            await until(lambda: relay.journal.exchanges)
            [exchange] = relay.journal.exchanges
            assert exchange.id.encode() == response.value(b"x-understudy-id")
            assert (exchange.route, exchange.surface, exchange.path) == ("chat", "chat/completions", CHAT)
            assert (exchange.request, exchange.response) == (plain, b"".join(EVENTS))
            assert (exchange.status, exchange.content_type) == (200, "text/event-stream")
            assert exchange.streamed
            assert exchange.headers == {"x-tenant": "acme"}
            assert exchange.tags == {"tier": "gold"}
            assert (exchange.session, exchange.model) == ("s-1", "m-1")
            assert (exchange.unit_kind, exchange.probability) == ("request", 1.0)
            assert 0 < (exchange.ttft or 0) <= exchange.duration
            assert exchange.captured_at >= exchange.arrived_at
            assert b"secret" not in msgspec.json.encode(exchange)

    run(scenario())


def test_every_outcome_known_at_once_is_counted() -> None:
    answers = {b"400": whole(b"{}", b"400 Bad"), b"zip": whole(ANSWER, headers=b"content-encoding: lzma\r\n")}

    async def handler(request: Request) -> None:
        request.writer.write(answers.get(request.value(b"x-answer") or b"", whole()))

    def configure(url: str) -> dict:
        return chat_route(url, match={"header": {"x-app": "*"}})

    async def scenario() -> None:
        async with running(handler, configure) as relay:
            matched = b"x-app: a\r\n"
            await relay.ask(headers=matched)
            await relay.ask(headers=matched + b"x-understudy-shadow: off\r\n")
            await relay.ask(headers=matched + b"x-answer: 400\r\n")
            await relay.ask(headers=matched + b"x-answer: zip\r\n")
            await relay.ask("POST /v1/files", headers=matched)
            await relay.ask(f"GET {CHAT}", None, matched)
            await relay.ask(body=b"no json", headers=matched)
            await relay.ask(body=b'{"messages":[],"store":true,"tools":[{"type":"web_search"}]}', headers=matched)
            await relay.ask()  # no route
            relay.paused.add("chat")
            await relay.ask(headers=matched)
            relay.paused.clear()
            relay.paused.add(None)
            await relay.ask(headers=matched)
            expected = {"journaled": 1, "opted_out": 1, "teacher_error": 1, "not_shadowable": 5, "paused": 2}
            await until(lambda: relay.captures() == expected)
            assert relay.requests("chat") == sum(expected.values())
            assert relay.requests("unmatched") == 1
            await until(lambda: sum(relay.journal.totals.values()) == sum(expected.values()))
            reasons = {reason: n for (_, reason), n in relay.journal.totals.items() if reason}
            assert reasons["other_path"] == 2
            assert reasons["unknown_coding"] == 1
            assert reasons["invalid_json"] == 1
            assert sum(reasons.values()) == 5

    run(scenario())


def test_an_exchange_over_the_capture_limit_is_too_large_and_still_answered() -> None:
    long = b"x" * 5000

    async def handler(request: Request) -> None:
        request.writer.write(whole(long if b"long" in request.body else b"{}"))

    async def scenario() -> None:
        async with running(handler, with_limits(capture="4KiB")) as relay:
            assert (await relay.ask(body=b'{"messages":["long"]}')).body == long
            assert (await relay.ask(body=b'{"messages":["%s"]}' % long)).body == b"{}"
            await relay.captured("too_large", 2)
            assert relay.upstream.requests[1].body == b'{"messages":["%s"]}' % long

    run(scenario())


def test_a_slow_journal_sheds_captures_and_changes_no_answer() -> None:
    async def scenario() -> None:
        journal = ScriptedJournal()
        async with running(answering(whole()), with_limits(capture_total="8KiB"), journal=journal) as relay:
            journal.gate.clear()
            for _ in range(20):
                assert (await relay.ask()).body == ANSWER
            await until(lambda: relay.captures().get("shed", 0) >= 15)
            journal.gate.set()
            await until(lambda: sum(relay.captures().values()) == 20)
            kept = relay.captures()["journaled"]
            for _ in range(2):  # room was given back
                await relay.ask()
            await until(lambda: relay.captures()["journaled"] == len(journal.exchanges) == kept + 2)
            await until(lambda: sum(journal.totals.values()) == 22)

    run(scenario())


def test_while_the_journal_cannot_be_written_captures_fail_and_are_told_later() -> None:
    async def scenario() -> None:
        journal = ScriptedJournal()
        journal.failing = True
        async with running(answering(whole()), journal=journal) as relay:
            for _ in range(3):
                assert (await relay.ask()).body == ANSWER
            await until(lambda: relay.captures() == {"failed": 3})
            assert journal.totals == {}
            journal.failing = False
            await relay.ask()
            await until(lambda: journal.totals == {("failed", ""): 3, ("journaled", ""): 1})
            assert relay.requests() == 4

    run(scenario())


def test_a_journal_that_cannot_be_opened_is_tried_again() -> None:
    async def scenario() -> None:
        journal = ScriptedJournal()
        journal.opens_after = 1
        async with running(answering(whole()), journal=journal) as relay:
            assert (await relay.ask()).body == ANSWER
            await until(lambda: relay.captures() == {"failed": 1})
            await until(lambda: journal.totals == {("failed", ""): 1})
            await relay.ask()
            await until(lambda: len(journal.exchanges) == 1)

    run(scenario())


def test_the_sample_is_drawn_and_can_be_overruled() -> None:
    async def scenario() -> None:
        async with running(answering(whole()), with_sample(1e-9)) as relay:
            await relay.ask()
            await relay.ask(headers=b"x-understudy-shadow: on\r\n")
            await until(lambda: relay.captures() == {"sampled_out": 1, "journaled": 1})
            await until(lambda: relay.journal.exchanges)
            assert relay.journal.exchanges[0].probability == 1.0

    run(scenario())


def test_losses_outside_the_sample_count_as_sampled_out() -> None:
    def configure(url: str) -> dict:
        return {**chat_route(url, sample=1e-9), "limits": {"capture": "1KiB"}}

    async def scenario() -> None:
        async with running(answering(whole(b"x" * 2000)), configure) as relay:
            await relay.ask()
            await relay.captured("sampled_out")

    run(scenario())


def test_later_turns_of_a_conversation_are_one_unit_and_repeats_share_a_key() -> None:
    def turns(*contents: str) -> bytes:
        roles = ["user", "assistant"] * 3
        messages = [{"role": role, "content": text} for role, text in zip(roles, contents, strict=False)]
        return msgspec.json.encode({"model": "m", "messages": messages})

    async def scenario() -> None:
        async with running(answering(whole())) as relay:
            for body in (
                turns("a"),
                turns("a"),
                turns("a", "b", "c"),
                turns("a", "b", "c", "d", "e"),
                turns("x", "y", "z"),
            ):
                await relay.ask(body=body)
            await relay.ask(body=turns("a"), headers=b"authorization: Bearer other\r\n")
            await until(lambda: len(relay.journal.exchanges) == 6)
            first, again, second, third, other, elsewhere = relay.journal.exchanges
            assert [first.unit_kind, second.unit_kind, third.unit_kind] == ["request", "conversation", "conversation"]
            assert first.unit != again.unit
            assert second.unit == third.unit != other.unit
            assert first.repeat_key == again.repeat_key != elsewhere.repeat_key

    run(scenario())


def test_a_compressed_request_is_read_and_passed_on_as_it_came() -> None:
    body = gzip.compress(QUESTION)

    async def scenario() -> None:
        async with running(answering(whole(headers=JSON + b"content-encoding: br\r\n"))) as relay:
            await relay.ask(body=body, headers=b"content-encoding: gzip\r\n")
            await until(lambda: relay.journal.exchanges)
            [exchange] = relay.journal.exchanges
            assert relay.upstream.requests[0].body == body
            assert (exchange.request, exchange.content_encoding) == (QUESTION, "br")

    run(scenario())


def test_streamed_uploads_are_captured_whole() -> None:
    body = b'{"model":"m-1","messages":[{"role":"user","content":"%s"}]}' % (b"y" * 700_000)

    async def scenario() -> None:
        async with running(answering(whole())) as relay:
            assert (await relay.ask(body=body)).status == 200
            await until(lambda: relay.journal.exchanges)
            assert relay.journal.exchanges[0].request == body == relay.upstream.requests[0].body

    run(scenario())
