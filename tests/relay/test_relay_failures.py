"""Upstreams that fail, clients that leave, and what the other side then sees."""

from __future__ import annotations

import asyncio
import socket
import struct

import msgspec
import pytest

from proxy.journal.base import Exchange
from tests.relay.relay_tools import (
    ANSWER,
    CHAT,
    EVENTS,
    QUESTION,
    Client,
    Request,
    answering,
    chat_route,
    run,
    running,
    until,
    whole,
)

STREAM = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def cut(request: Request) -> None:
    """Reset the connection."""
    linger = struct.pack("ii", 1, 0)
    request.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    request.writer.transport.abort()


def events(*parts: bytes) -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)


@pytest.mark.parametrize("reset", [True, False])
@pytest.mark.parametrize("line", [f"POST {CHAT}", f"PUT {CHAT}"])
def test_a_pooled_connection_that_just_died_is_retried_on_a_fresh_one(line: str, reset: bool) -> None:
    async def handler(request: Request) -> None:
        if request.number == 1:
            request.writer.write(whole())
        elif reset:
            cut(request)
        else:
            request.writer.close()

    async def scenario() -> None:
        async with running(handler) as relay:
            for _ in range(3):
                assert (await relay.ask(line)).body == ANSWER
            bodies = [request.body for request in relay.upstream.requests]
            assert bodies == [QUESTION] * 5  # the second and third were each asked twice
            assert relay.upstream.connections == 3

    run(scenario())


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_fresh_connection_is_never_retried(method: str) -> None:
    async def handler(request: Request) -> None:
        request.writer.close()

    async def scenario() -> None:
        async with running(handler) as relay:
            response = await relay.ask(f"{method} {CHAT}")
            assert response.status == 502
            assert b'"teacher_unreachable"' in response.body
            assert b"x-understudy-id" in dict(response.headers)
            assert len(relay.upstream.requests) == 1

    run(scenario())


@pytest.mark.parametrize("reset", [True, False])
def test_no_retry_once_a_byte_of_the_answer_came(reset: bool) -> None:
    async def handler(request: Request) -> None:
        if request.number == 1:
            request.writer.write(whole())
            return
        request.writer.write(b"HTTP/1.1 20")
        await request.writer.drain()
        await asyncio.sleep(0.05)
        cut(request) if reset else request.writer.close()

    async def scenario() -> None:
        async with running(handler) as relay:
            assert (await relay.ask()).status == 200
            assert (await relay.ask()).status == 502
            assert len(relay.upstream.requests) == 2

    run(scenario())


def test_an_unreachable_teacher_is_502_and_counted() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]

        async def scenario() -> None:
            async with running(answering(b""), lambda _: chat_route(f"http://127.0.0.1:{port}")) as relay:
                response = await relay.ask()
                assert (response.status, response.value(b"content-type")) == (502, b"application/json")
                await relay.captured("teacher_error")

        run(scenario())


def test_a_teacher_that_never_answers_is_504() -> None:
    async def scenario() -> None:
        async def handler(request: Request) -> None:
            await asyncio.Event().wait()

        def configure(url: str) -> dict:
            return chat_route(url, teacher={"url": url, "timeout": "200ms"})

        async with running(handler, configure) as relay:
            response = await relay.ask()
            assert response.status == 504
            assert b'"teacher_timeout"' in response.body
            await relay.captured("teacher_error")

    run(scenario())


@pytest.mark.parametrize("way", ["close", "reset", "hang"])
@pytest.mark.parametrize(
    "framing", [b"transfer-encoding: chunked\r\n\r\n5\r\npart;\r\n", b"content-length: 99\r\n\r\npart;"]
)
def test_an_answer_that_breaks_off_never_looks_finished(way: str, framing: bytes) -> None:
    async def handler(request: Request) -> None:
        request.writer.write(b"HTTP/1.1 200 OK\r\n" + framing)
        await request.writer.drain()
        if way == "hang":
            await asyncio.Event().wait()
        await asyncio.sleep(0.02)
        cut(request) if way == "reset" else request.writer.close()

    def configure(url: str) -> dict:
        return chat_route(url, teacher={"url": url, "timeout": "300ms"})

    async def scenario() -> None:
        async with running(handler, configure) as relay:
            client = await relay.connect()
            client.send(f"POST {CHAT}", QUESTION)
            status, _ = await client.head()
            rest = await asyncio.wait_for(client.reader.read(), 10)
            assert status == 200
            assert b"part;" in rest
            assert not rest.endswith(b"0\r\n\r\n")
            await relay.captured("teacher_error")

    run(scenario())


@pytest.mark.parametrize("streaming", [True, False])
def test_a_client_that_leaves_ends_the_teachers_request(streaming: bool) -> None:
    async def scenario() -> None:
        ended = asyncio.Event()

        async def handler(request: Request) -> None:
            if streaming:
                request.writer.write(STREAM + events(EVENTS[0]))
            await request.reader.read()  # until the relay closes
            ended.set()

        async with running(handler) as relay:
            client = await relay.connect()
            client.send(f"POST {CHAT}", QUESTION)
            await until(lambda: relay.upstream.requests)
            if streaming:
                await client.head()
            client.leave()
            await asyncio.wait_for(ended.wait(), 5)
            await relay.captured("client_gone")
            assert relay.requests() == 1

    run(scenario())


def test_a_client_that_leaves_while_uploading_ends_the_teachers_request() -> None:
    async def scenario() -> None:
        ended = asyncio.Event()

        async def handler(request: Request) -> None:
            while await request.reader.read(2**16):
                pass
            ended.set()

        async with running(handler) as relay:
            relay.upstream.reads_bodies = False
            client = await relay.connect()
            client.send(f"POST {CHAT}", None, b"content-length: 9000000\r\n")
            client.writer.write(b"x" * 500_000)
            await until(lambda: relay.upstream.requests)
            client.leave()
            await asyncio.wait_for(ended.wait(), 5)
            await relay.captured("client_gone")

    run(scenario())


async def _exchange_after_leaving(parts: tuple[bytes, ...]) -> Exchange | str:
    """Leave right after these events; the stream itself goes on."""

    async def handler(request: Request) -> None:
        request.writer.write(STREAM + events(*parts))
        await request.reader.read()

    async with running(handler) as relay:
        client = await relay.connect()
        client.send(f"POST {CHAT}", QUESTION)
        await client.head()
        await client.reader.readuntil(parts[-1])
        client.leave()
        await until(relay.captures)
        [outcome] = relay.captures()
        if outcome != "journaled":
            return outcome
        await until(lambda: relay.journal.exchanges)
        return relay.journal.exchanges[0]


def test_a_client_that_leaves_after_the_terminal_event_is_captured() -> None:
    exchange = run(_exchange_after_leaving(EVENTS))
    assert isinstance(exchange, Exchange)
    assert exchange.response == b"".join(EVENTS)
    assert exchange.streamed


def test_a_client_that_leaves_before_the_terminal_event_is_not() -> None:
    assert run(_exchange_after_leaving(EVENTS[:1])) == "client_gone"


def test_ending_finishes_running_answers_and_writes_what_was_captured() -> None:
    async def scenario() -> None:
        going = asyncio.Event()

        async def handler(request: Request) -> None:
            request.writer.write(STREAM + events(EVENTS[0]))
            await going.wait()
            request.writer.write(events(*EVENTS[1:]) + b"0\r\n\r\n")

        async with running(handler) as relay:
            client = await relay.connect()
            client.send(f"POST {CHAT}", QUESTION)
            await client.head()
            relay.stop.set()
            await until(lambda: _refuses(relay.address))
            going.set()
            rest = await asyncio.wait_for(client.reader.read(), 10)
            assert rest.endswith(b"0\r\n\r\n")
            await asyncio.wait_for(relay.serving, 10)
            assert [exchange.response for exchange in relay.journal.exchanges] == [b"".join(EVENTS)]
            assert relay.journal.closed

    run(scenario())


def test_ending_lets_no_request_on_a_kept_connection_fail() -> None:
    """A client that asks again and again meets no closed connection before it was told."""

    async def asking(client: Client) -> list[bytes | None]:
        said = []
        while True:
            response = await client.ask(f"POST {CHAT}", QUESTION)
            assert response.body == ANSWER
            said.append(dict(response.headers).get(b"connection"))
            if said[-1] == b"close":
                return said

    async def scenario() -> None:
        async with running(answering(whole())) as relay:
            clients = [await relay.connect() for _ in range(20)]
            resting = await relay.connect()
            await resting.ask(f"POST {CHAT}", QUESTION)
            tasks = [asyncio.create_task(asking(client)) for client in clients]
            await until(lambda: relay.requests() > 100)
            relay.stop.set()
            for said in await asyncio.wait_for(asyncio.gather(*tasks), 20):
                assert said[:-1] == [None] * (len(said) - 1)
            assert await asyncio.wait_for(resting.reader.read(), 20) == b""
            await asyncio.wait_for(relay.serving, 20)

    run(scenario())


@pytest.mark.parametrize("raw", [b"BREW /coffee HTTP/1.1\r\n\r\n", b"\x16\x03\x01", b"GET / HTTP/1.1\r\na\r\n\r\n"])
def test_what_is_no_http_is_said_in_the_apis_own_words(raw: bytes) -> None:
    async def scenario() -> None:
        async with running(answering(whole())) as relay:
            client = await relay.connect()
            client.writer.write(raw)
            status, headers = await client.head()
            body = await asyncio.wait_for(client.reader.read(), 10)
            assert (status, dict(headers)[b"content-type"]) == (400, b"application/json")
            assert msgspec.json.decode(body)["error"]["code"] == "invalid_http"

    run(scenario())


def test_an_answer_that_outlasts_the_drain_is_cut() -> None:
    async def scenario() -> None:
        async def handler(request: Request) -> None:
            request.writer.write(STREAM + events(EVENTS[0]))
            await request.reader.read()

        async with running(handler, drain_seconds=1.0) as relay:
            client = await relay.connect()
            client.send(f"POST {CHAT}", QUESTION)
            await client.head()
            await relay.end()
            assert not (await client.reader.read()).endswith(b"0\r\n\r\n")
            assert relay.captures() == {"client_gone": 1}

    run(scenario())


def _refuses(address: tuple[str, int]) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(address) != 0
