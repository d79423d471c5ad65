"""Asking one student: discovery of its model, streaming where it must be, retries, its own key."""

import asyncio
import contextlib
import time
from email.utils import formatdate

import msgspec
import pytest

from proxy.config.model import Student
from proxy.shadow.asking import open_session
from proxy.shadow.breaker import BreakerPolicy
from proxy.shadow.failures import StudentFailure
from proxy.shadow.students import Question, StudentAnswer, StudentClient
from tests.fakes.chat import chat_completion, chat_events
from tests.fakes.upstream import Reply, Upstream, json_reply, sse_reply
from tests.shadow.shadow_world import student, until

BODY = {"model": "teacher-1", "messages": [{"role": "user", "content": "two and two?"}]}
LIMIT = 2**20


def agreeing(seen):
    return json_reply(chat_completion("four", model="student-1"))


def ask(upstream, *, times=1, surface="chat/completions", body=BODY, limit=LIMIT, policy=None, **more):
    """Ask one client so often, one after the other."""

    async def main():
        async with open_session() as session:
            client = StudentClient(
                Student.model_validate(student(url=upstream.url, **more)), session, limit=limit, policy=policy
            )
            results = []
            for _ in range(times):
                async with contextlib.AsyncExitStack() as held:
                    results.append(await client.ask(Question(surface=surface, body=body), held))
            return results

    return asyncio.run(main())


def models(*names):
    return json_reply({"object": "list", "data": [{"id": name, "object": "model"} for name in names]})


def offering(*names):
    return lambda seen: models(*names) if seen.path == "/v1/models" else agreeing(seen)


def test_the_only_model_is_found_and_asked_for_once():
    with Upstream(offering("found")) as upstream:
        results = ask(upstream, times=3, model=None)

        assert [result.model for result in results] == ["found"] * 3
        assert [seen.path for seen in upstream.seen].count("/v1/models") == 1
        assert upstream.seen[-1].json["model"] == "found"


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (models("b", "a"), "it offers a, b; set `model` to one of them"),
        (models(), "its /models lists no model; set `model`"),
        (Reply(status=404), "its /models answers 404; set `model`"),
        (Reply(pieces=(b"<html>",)), "its /models lists no model; set `model`"),
    ],
)
def test_where_there_is_no_only_model_the_student_is_set_up_wrongly(reply, message):
    with Upstream(lambda _: reply) as upstream:
        (failure,) = ask(upstream, model=None)

    assert (failure.means, failure.kind, failure.message) == ("misconfigured", "no_model", message)


def test_a_student_that_cannot_list_its_models_is_unavailable():
    with Upstream(lambda _: Reply(status=503)) as upstream:
        (failure,) = ask(upstream, model=None)

    assert (failure.means, failure.kind) == ("unavailable", "status_5xx")


def test_a_failed_discovery_is_not_repeated_at_once():
    with Upstream(offering("a", "b")) as upstream:
        ask(upstream, times=5, model=None)

        assert len(upstream.seen) == 1


def test_a_model_that_is_gone_is_looked_for_again():
    def handler(seen):
        if seen.path == "/v1/models":
            return models(serving)
        return agreeing(seen) if seen.json["model"] == "second" else Reply(status=404)

    serving = "first"
    with Upstream(handler) as upstream:

        async def main():
            nonlocal serving
            async with open_session() as session, contextlib.AsyncExitStack() as held:
                client = StudentClient(
                    Student.model_validate(student(url=upstream.url, model=None)), session, limit=LIMIT
                )
                first = await client.ask(Question(surface="chat/completions", body=BODY), held)
                serving = "second"
                return first, await client.ask(Question(surface="chat/completions", body=BODY), held)

        first, second = asyncio.run(main())

    assert first.kind == "status_404"
    assert second.model == "second"


def test_a_student_that_only_streams_is_asked_streamed_from_then_on():
    def handler(seen):
        if not seen.json.get("stream"):
            error = {"message": "This model only supports stream mode, please enable it.", "code": "invalid"}
            return json_reply({"error": error}, status=400)
        return sse_reply(chat_events("four", model="student-1"))

    with Upstream(handler) as upstream:
        results = ask(upstream, times=2)

        assert all(isinstance(result, StudentAnswer) and result.streamed for result in results)
        assert [bool(seen.json.get("stream")) for seen in upstream.seen] == [False, True, True]


def test_embeddings_are_never_streamed():
    with Upstream(agreeing) as upstream:
        ask(upstream, surface="embeddings", body={"model": "m", "input": "x"}, ttft=True)

        assert upstream.seen[0].path == "/v1/embeddings"
        assert "stream" not in upstream.seen[0].json


def test_fields_are_put_and_dropped():
    with Upstream(agreeing) as upstream:
        ask(upstream, body={**BODY, "seed": 1, "top_p": 0.5}, set={"temperature": 0}, drop=["seed"])

        assert upstream.seen[0].json == {**BODY, "model": "student-1", "top_p": 0.5, "temperature": 0}


def failing_first(*replies):
    left = list(replies)
    return lambda seen: left.pop(0) if left else agreeing(seen)


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("when", [lambda: "0", lambda: "0.05", lambda: formatdate(time.time(), usegmt=True)])
def test_a_student_that_says_when_is_asked_again(status, when):
    with Upstream(failing_first(Reply(status=status, headers=[("retry-after", when())]))) as upstream:
        (result,) = ask(upstream)

        assert isinstance(result, StudentAnswer)
        assert len(upstream.seen) == 2


@pytest.mark.parametrize(
    "reply",
    [
        Reply(status=429),
        Reply(status=503, headers=[("retry-after", "soon")]),
        Reply(status=503, headers=[("retry-after", "3600")]),
        Reply(status=500, headers=[("retry-after", "0")]),
        Reply(status=400, headers=[("retry-after", "0")]),
        Reply(pieces=[b"ab"], abort_after=0),
    ],
)
def test_else_it_is_not_asked_again(reply):
    with Upstream(failing_first(reply)) as upstream:
        (result,) = ask(upstream)

        assert isinstance(result, StudentFailure)
        assert len(upstream.seen) == 1


def test_a_connection_that_is_cut_before_the_response_is_tried_again():

    async def main():
        connections = 0

        async def serve(reader, writer):
            nonlocal connections
            connections += 1
            await reader.readuntil(b"\r\n\r\n")
            if connections > 1:
                body = msgspec.json.encode(chat_completion("four", model="m"))
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        async with server, open_session() as session, contextlib.AsyncExitStack() as held:
            client = StudentClient(Student.model_validate(student(url=url)), session, limit=LIMIT)
            return await client.ask(Question(surface="chat/completions", body=BODY), held), connections

    result, connections = asyncio.run(main())

    assert isinstance(result, StudentAnswer)
    assert connections == 2


def test_retries_are_bounded_for_one_request_and_for_all():
    with Upstream(lambda _: Reply(status=503, headers=[("retry-after", "0")])) as upstream:
        ask(upstream, times=1)
        assert len(upstream.seen) == 3

        upstream.seen.clear()
        ask(upstream, times=40, policy=BreakerPolicy(consecutive=1000, window=1000))
        assert 50 <= len(upstream.seen) <= 40 + 10 + 4 + 1


def test_what_is_not_http_is_a_failed_connection():
    async def main():
        async def serve(reader, writer):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"\x16\x03\x01 this is no HTTP\r\n\r\n")
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
        async with server, open_session() as session, contextlib.AsyncExitStack() as held:
            client = StudentClient(Student.model_validate(student(url=url)), session, limit=LIMIT)
            return await client.ask(Question(surface="chat/completions", body=BODY), held)

    failure = asyncio.run(main())

    assert (failure.means, failure.kind) == ("unavailable", "connection")


def test_large_answers_of_one_student_are_in_memory_a_few_at_a_time():
    size = 2**20 + 2**16
    reading, most = 0, 0

    async def main(upstream):
        nonlocal reading, most
        async with open_session() as session:
            client = StudentClient(Student.model_validate(student(url=upstream.url)), session, limit=2**24)

            async def one():
                nonlocal reading, most
                async with contextlib.AsyncExitStack() as held:
                    result = await client.ask(Question(surface="chat/completions", body=BODY), held)
                    assert len(result.http.body) == size
                    reading += 1
                    most = max(most, reading)
                    await asyncio.sleep(0.02)
                    reading -= 1

            await asyncio.gather(*(one() for _ in range(8)))

    with Upstream(lambda _: Reply(pieces=[b" " * size])) as upstream:
        asyncio.run(main(upstream))

    assert most == 2


def test_a_given_up_probe_lets_another_one_through():
    """Cancelled while half-open, as when the worker stops: the breaker must not wait for it for ever."""

    async def main(upstream):
        policy = BreakerPolicy(consecutive=1, first_wait=0.0)
        async with open_session() as session, contextlib.AsyncExitStack() as held:
            client = StudentClient(
                Student.model_validate(student(url=upstream.url)), session, limit=LIMIT, policy=policy
            )
            await client.ask(Question(surface="chat/completions", body=BODY), held)
            upstream.handler = lambda _: Reply(hang=True)
            probe = asyncio.create_task(client.ask(Question(surface="chat/completions", body=BODY), held))
            await until(lambda: len(upstream.seen) > 1, "the probe is under way")
            probe.cancel()
            await asyncio.wait([probe])
            upstream.handler = agreeing
            return await client.ask(Question(surface="chat/completions", body=BODY), held)

    with Upstream(lambda _: Reply(status=500)) as upstream:
        assert isinstance(asyncio.run(main(upstream)), StudentAnswer)


def test_redirects_are_not_followed():
    with Upstream(agreeing) as other:
        with Upstream(lambda _: Reply(status=307, headers=[("location", other.url)])) as upstream:
            (failure,) = ask(upstream, api_key="sk-own")

        assert (failure.means, failure.kind) == ("misconfigured", "status_307")
        assert not other.seen


def refusing_logprobs(status=400, message="logprobs is not supported by this model", *, streams_only=False):
    def handler(seen):
        if streams_only and not seen.json.get("stream"):
            return json_reply({"error": {"message": "This model must be asked with stream enabled."}}, status=400)
        if any(field in seen.json for field in ("logprobs", "top_logprobs", "include")):
            return json_reply({"error": {"message": message}}, status=status)
        if seen.json.get("stream"):
            return sse_reply(chat_events("four", model="student-1"))
        return agreeing(seen)

    return handler


@pytest.mark.parametrize("status", [400, 422])
@pytest.mark.parametrize("streams_only", [False, True])
def test_a_student_that_refuses_log_probabilities_is_asked_without_them_from_then_on(status, streams_only):
    with Upstream(refusing_logprobs(status, streams_only=streams_only)) as upstream:
        results = ask(upstream, times=3, logprobs=True)

    assert [(result.http.status, result.logprobs, result.streamed) for result in results] == [
        (200, False, streams_only)
    ] * 3
    assert len(upstream.seen) == 3 + 1 + streams_only


def test_the_clients_own_wish_for_log_probabilities_is_left_out_for_a_student_that_refuses_them():
    with Upstream(refusing_logprobs()) as upstream:
        (result,) = ask(upstream, logprobs=True, body=BODY | {"logprobs": True, "top_logprobs": 5})

    assert (result.http.status, result.logprobs) == (200, False)


def test_log_probabilities_are_refused_by_the_surface():
    def handler(seen):
        if seen.path.endswith("/chat/completions"):
            return refusing_logprobs()(seen)
        return json_reply({"object": "text_completion", "model": "student-1", "choices": [{"index": 0, "text": "a"}]})

    async def main(url):
        async with open_session() as session, contextlib.AsyncExitStack() as held:
            client = StudentClient(Student.model_validate(student(url=url, logprobs=True)), session, limit=LIMIT)
            return [
                await client.ask(Question(surface=surface, body=body), held)
                for surface, body in (("chat/completions", BODY), ("completions", {"prompt": "a"}))
            ]

    with Upstream(handler) as upstream:
        chat, completion = asyncio.run(main(upstream.url))

    assert (chat.logprobs, completion.logprobs) == (False, True)
    assert upstream.seen[-1].json["logprobs"] == 5


def test_a_refusal_for_another_reason_is_not_taken_for_one_of_log_probabilities():
    with Upstream(lambda _: json_reply({"error": {"message": "no such model"}}, status=400)) as upstream:
        (failure,) = ask(upstream, logprobs=True)

    assert failure.kind == "status_400"
    assert len(upstream.seen) == 1


def test_one_that_goes_on_refusing_is_asked_for_them_again_the_next_time():
    echo = json_reply({"detail": [{"msg": "bad", "input": {"logprobs": True}}]}, status=422)
    with Upstream(lambda _: echo) as upstream:
        results = ask(upstream, times=2, logprobs=True)

    assert [result.kind for result in results] == ["status_422"] * 2
    assert ["logprobs" in seen.json for seen in upstream.seen] == [True, False] * 2


def test_without_being_told_so_a_student_is_asked_as_the_client_asks():
    with Upstream(agreeing) as upstream:
        (result,) = ask(upstream, body=BODY | {"top_logprobs": 3})

    assert result.logprobs is None
    assert "logprobs" not in upstream.seen[0].json
    assert upstream.seen[0].json["top_logprobs"] == 3
