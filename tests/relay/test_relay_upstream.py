"""Connections to upstreams: which are used again, which are not, and the ways there."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import ssl
from collections.abc import AsyncIterator

import pytest
import trustme

from proxy.relay.upstream.base import BrokenOffError, Origin, TimedOutError, UnreachableError, UpstreamRequest
from proxy.relay.upstream.pool import PooledUpstream
from tests.relay.relay_tools import ANSWER, CHAT, Request, Upstream, answering, chunked, run, running, until, whole


@contextlib.asynccontextmanager
async def serving(handler, tls: ssl.SSLContext | None = None) -> AsyncIterator[tuple[Upstream, Origin]]:
    upstream = Upstream(handler)
    server = await asyncio.start_server(upstream.connected, "127.0.0.1", 0, ssl=tls)
    port = server.sockets[0].getsockname()[1]
    scheme, host = ("https", "localhost") if tls else ("http", "127.0.0.1")
    try:
        yield upstream, Origin.of(f"{scheme}://{host}:{port}")
    finally:
        server.close()


def asked(origin: Origin, method: str = "GET", timeout: float = 10.0, **more) -> UpstreamRequest:
    return UpstreamRequest(method, origin, b"/v1/models", [], timeout, **more)


async def body_of(answer) -> bytes:
    parts = []
    while not answer.ended:
        parts.append(await answer.chunk())
    return b"".join(parts)


async def get(pool: PooledUpstream, request: UpstreamRequest) -> bytes:
    return await body_of(await pool.ask(request))


@pytest.mark.parametrize(
    ("raw", "connections"),
    [
        (whole(), 1),
        (chunked((b"a", b"b"), b""), 1),
        (whole(b""), 1),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 1),
        (b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + whole(), 1),
        (whole(headers=b"connection: close\r\n"), 3),
        (b"HTTP/1.0 200 OK\r\ncontent-length: 1\r\n\r\na", 3),
        (whole() + b"HTTP/1.1 200 OK\r\n", 3),  # more than was asked for
    ],
)
def test_a_connection_is_used_again_where_the_answer_allows_it(raw: bytes, connections: int) -> None:
    async def scenario() -> None:
        async with serving(answering(raw)) as (upstream, origin):
            pool = PooledUpstream()
            for _ in range(3):
                answer = await pool.ask(asked(origin))
                assert answer.status in {200, 204}
                assert b"link" not in dict(answer.headers)
                await body_of(answer)
            assert upstream.connections == connections
            pool.close()

    run(scenario())


def test_answers_to_head_have_no_body_and_leave_the_connection_in_order() -> None:
    async def handler(request: Request) -> None:
        request.writer.write(whole(b"" if request.line.startswith(b"HEAD") else ANSWER, headers=b"x-a: 1\r\n"))

    async def only_heads(request: Request) -> None:
        request.writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n")

    async def scenario() -> None:
        async with serving(only_heads) as (upstream, origin):
            pool = PooledUpstream()
            for _ in range(3):
                answer = await pool.ask(asked(origin, "HEAD"))
                assert (answer.ended, dict(answer.headers)[b"content-length"]) == (True, b"99")
            assert upstream.connections == 1
            pool.close()
        async with serving(handler) as (upstream, origin):
            pool = PooledUpstream()
            assert await get(pool, asked(origin, "HEAD")) == b""
            assert await get(pool, asked(origin)) == ANSWER
            pool.close()

    run(scenario())


def test_a_chunked_answer_that_names_a_length_too_is_read_by_its_chunks() -> None:
    raw = b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n5\r\nwhole\r\n0\r\n\r\n"

    async def scenario() -> None:
        async with serving(answering(raw)) as (_, origin):
            pool = PooledUpstream()
            assert await get(pool, asked(origin)) == b"whole"
            pool.close()

    run(scenario())


@pytest.mark.parametrize(
    ("raw", "error"),
    [
        (b"220 mail.example ESMTP\r\n", UnreachableError),
        (b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n", UnreachableError),
        (b"HTTP/1.1 200 OK\r\nx: " + b"y" * 2**21, UnreachableError),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", BrokenOffError),
    ],
)
def test_what_is_no_http_is_an_error(raw: bytes, error: type[Exception]) -> None:
    async def scenario() -> None:
        async with serving(answering(raw)) as (_, origin):
            pool = PooledUpstream()
            with pytest.raises(error):
                await get(pool, asked(origin))
            pool.close()

    run(scenario())


def test_a_body_that_can_be_sent_once_goes_over_a_fresh_connection() -> None:
    async def handler(request: Request) -> None:
        request.writer.write(whole(request.body))

    async def parts() -> AsyncIterator[bytes]:
        yield b"a" * 10
        yield b"b"

    async def scenario() -> None:
        async with serving(handler) as (upstream, origin):
            pool = PooledUpstream()
            await get(pool, asked(origin))
            streamed = asked(origin, "POST", streamed=parts, chunked=True)
            assert await get(pool, streamed) == b"a" * 10 + b"b"
            assert upstream.connections == 2
            pool.close()

    run(scenario())


def test_an_answer_before_the_upload_has_ended_is_given_and_ends_the_upload() -> None:
    ended = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        try:
            yield b"a"
            await asyncio.Event().wait()
        finally:
            ended.set()

    async def scenario() -> None:
        async with serving(answering(whole(b"no", b"401 Unauthorized"))) as (upstream, origin):
            upstream.reads_bodies = False
            pool = PooledUpstream()
            answer = await pool.ask(asked(origin, "POST", streamed=endless, chunked=True))
            assert (answer.status, await body_of(answer)) == (401, b"no")
            await asyncio.wait_for(ended.wait(), 10)
            pool.close()

    run(scenario())


def test_an_upload_that_fails_says_why_and_breaks_the_request_off() -> None:
    class SourceError(Exception):
        pass

    async def failing() -> AsyncIterator[bytes]:
        yield b"a"
        raise SourceError

    async def scenario() -> None:
        gone = asyncio.Event()

        async def handler(request: Request) -> None:
            await request.reader.read()
            gone.set()

        async with serving(handler) as (upstream, origin):
            upstream.reads_bodies = False
            pool = PooledUpstream()
            with pytest.raises(SourceError):
                await pool.ask(asked(origin, "POST", streamed=failing, chunked=True))
            await asyncio.wait_for(gone.wait(), 10)
            pool.close()

    run(scenario())


@pytest.mark.parametrize("framing", [b"content-length: 400000\r\n", b"x-ends: with the connection\r\n"])
def test_time_runs_out_between_bytes_but_not_while_the_client_is_slow(framing: bytes) -> None:
    async def scenario() -> None:
        halted = asyncio.Event()

        async def handler(request: Request) -> None:
            request.writer.write(b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n" + b"x" * 300_000)
            await halted.wait()

        async with serving(handler) as (_, origin):
            pool = PooledUpstream()
            answer = await pool.ask(asked(origin, timeout=0.2))
            await asyncio.sleep(0.6)  # three times as long as the upstream may take: more waits than is read ahead
            came = b""
            while len(came) < 300_000:  # all that came before the silence
                came += await answer.chunk()
            with pytest.raises(TimedOutError):
                await answer.chunk()
            halted.set()
            pool.close()

    run(scenario())


def test_an_answer_ends_when_it_has_come_not_when_its_client_has_read_it() -> None:
    async def handler(request: Request) -> None:
        request.writer.write(b"HTTP/1.1 103 Early Hints\r\n\r\n")
        await request.writer.drain()
        await asyncio.sleep(0.1)
        request.writer.write(whole())

    async def scenario() -> None:
        async with serving(handler) as (_, origin):
            pool = PooledUpstream()
            answer = await pool.ask(asked(origin))
            assert answer.waited >= 0.1  # for the answer, not for its announcement
            before = answer.ended_at
            await asyncio.sleep(0.05)
            assert await body_of(answer) == ANSWER
            assert answer.asked_at < answer.body_at <= answer.ended_at == before
            pool.close()

    run(scenario())


@pytest.mark.parametrize("value", [b"a\x01b", b"a\x7fb"])
def test_an_answer_whose_headers_no_server_may_send_is_a_clear_error(value: bytes) -> None:
    async def scenario() -> None:
        async with running(answering(whole(headers=b"x-odd: " + value + b"\r\n"))) as relay:
            assert (await relay.ask()).status == 502
            await relay.captured("teacher_error")

    run(scenario())


def test_nobody_listens() -> None:
    async def scenario() -> None:
        pool = PooledUpstream()
        with pytest.raises(UnreachableError):
            await pool.ask(asked(Origin.of("http://127.0.0.1:1")))
        with pytest.raises(UnreachableError):
            await pool.ask(asked(Origin.of("http://nobody.invalid")))
        pool.close()

    run(scenario())


def test_connections_that_the_upstream_closes_while_idle_are_forgotten() -> None:
    async def handler(request: Request) -> None:
        request.writer.write(whole())
        await request.writer.drain()
        request.writer.close()

    async def scenario() -> None:
        async with serving(handler) as (upstream, origin):
            pool = PooledUpstream()
            for n in range(1, 4):
                await get(pool, asked(origin))
                await until(lambda: not pool.idle_connections)
                assert upstream.connections == n
            pool.close()

    run(scenario())


def test_a_forward_proxy_gets_whole_urls(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        async with serving(answering(whole())) as (proxy, at):
            monkeypatch.setenv("http_proxy", f"http://user:p%40ss@127.0.0.1:{at.port}")
            monkeypatch.setenv("no_proxy", "direct.test")
            pool = PooledUpstream()
            for _ in range(2):
                assert await get(pool, asked(Origin.of("http://teacher.test:81"))) == ANSWER
            [request, _] = proxy.requests
            assert request.line == b"GET http://teacher.test:81/v1/models HTTP/1.1"
            assert request.value(b"host") == b"teacher.test:81"
            assert request.value(b"proxy-authorization") == b"Basic " + base64.b64encode(b"user:p@ss")
            assert proxy.connections == 1
            with pytest.raises(UnreachableError):
                await pool.ask(asked(Origin.of("http://direct.test")))
            pool.close()

    run(scenario())


def test_https_goes_through_a_tunnel_and_is_verified_at_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    ca = trustme.CA()
    inside, outside = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH), ssl.create_default_context()
    ca.issue_cert("teacher.test").configure_cert(inside)
    ca.configure_trust(outside)

    async def scenario() -> None:
        async with serving(answering(whole()), inside) as (teacher, at):
            heads: list[bytes] = []

            async def tunnel(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                heads.append(await reader.readuntil(b"\r\n\r\n"))
                there, away = await asyncio.open_connection("127.0.0.1", at.port)
                writer.write(b"HTTP/1.1 200 Connection established\r\nx: y\r\n\r\n")
                await asyncio.gather(pump(reader, away), pump(there, writer))

            proxy = await asyncio.start_server(tunnel, "127.0.0.1", 0)
            monkeypatch.setenv("https_proxy", f"user:pass@127.0.0.1:{proxy.sockets[0].getsockname()[1]}")
            pool = PooledUpstream(outside)
            for _ in range(2):
                assert await get(pool, asked(Origin.of("https://teacher.test"))) == ANSWER
            [head] = heads
            assert head.startswith(b"CONNECT teacher.test:443 HTTP/1.1\r\n")
            assert b"proxy-authorization: Basic " + base64.b64encode(b"user:pass") in head
            assert all(b"proxy-authorization" not in dict(each.headers) for each in teacher.requests)
            with pytest.raises(UnreachableError):  # the certificate is another host's
                await pool.ask(asked(Origin.of("https://other.test")))
            pool.close()
            proxy.close()

    run(scenario())


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while part := await reader.read(2**16):
            writer.write(part)
    writer.close()


@pytest.mark.parametrize("line", [f"GET /{'a' * 2**19} HTTP/1.1\r\n", f"GET /v1/models HTTP/1.1\r\nx: {'a' * 2**19}"])
def test_an_endless_request_head_is_refused(line: str) -> None:
    async def scenario() -> None:
        async with running(answering(whole())) as relay:
            client = await relay.connect()
            client.writer.write(line.encode())
            status, _ = await client.head()
            assert status == 431
            assert (await relay.ask()).body == ANSWER

    run(scenario())


def test_trailers_of_a_request_end_at_the_relay() -> None:
    async def scenario() -> None:
        async with running(answering(whole())) as relay:
            client = await relay.connect()
            client.send(f"POST {CHAT}", None, b"transfer-encoding: chunked\r\n")
            client.writer.write(b"2\r\n{}\r\n0\r\nx-trailer: 1\r\nauthorization: Bearer x\r\n\r\n")
            assert (await client.response()).body == ANSWER
            [request] = relay.upstream.requests
            assert (request.body, request.value(b"x-trailer"), request.value(b"authorization")) == (b"{}", None, None)

    run(scenario())


def test_a_proxy_of_another_kind_is_said_once(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    monkeypatch.setenv("all_proxy", "socks5://127.0.0.1:1")

    async def scenario() -> None:
        pool = PooledUpstream()
        for _ in range(2):
            with pytest.raises(UnreachableError):
                await pool.ask(asked(Origin.of("http://teacher.test")))
        pool.close()

    run(scenario())
    written = "".join(capsys.readouterr())
    assert written.count("a proxy of socks5: which is not supported") == 1


def test_a_json_body_of_any_size_that_is_captured_uses_a_kept_connection() -> None:
    async def scenario() -> None:
        async with running(answering(whole())) as relay:
            body = b'{"model":"m-1","messages":[{"role":"user","content":"%s"}]}' % (b"y" * 1_000_000)
            for _ in range(3):
                await relay.ask(body=body, headers=b"content-type: application/json\r\n")
            assert [request.body for request in relay.upstream.requests] == [body] * 3
            assert relay.upstream.connections == 1

    run(scenario())


def test_a_deeply_nested_request_is_not_shadowable_and_long_paths_take_room() -> None:
    async def scenario() -> None:
        async with running(answering(whole())) as relay:
            tools = b'[{"tools":' * 600 + b"[]" + b"}]" * 600
            await relay.ask(body=b'{"model":"m-1","messages":[],"tools":' + tools + b"}")
            await relay.captured("not_shadowable")

    run(scenario())
