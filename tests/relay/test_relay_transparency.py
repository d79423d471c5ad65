"""Requests and answers go through unchanged but for what the contract names."""

from __future__ import annotations

import asyncio
import socket
import ssl

import pytest
import trustme

from tests.relay.relay_tools import (
    ANSWER,
    CHAT,
    JSON,
    QUESTION,
    Request,
    answering,
    chat_route,
    chunked,
    run,
    running,
    until,
    whole,
)


def test_request_headers_arrive_as_sent_but_for_the_hop_and_ours() -> None:
    async def scenario() -> None:
        async with running(answering(whole())) as relay:
            sent = (
                b"authorization: Bearer sk-client\r\nx-repeated: 1\r\nX-Odd-Case: A, b\r\nx-repeated: 2\r\n"
                b"connection: keep-alive, x-named\r\nx-named: gone\r\nkeep-alive: timeout=5\r\nte: trailers\r\n"
                b"proxy-authorization: Basic eA==\r\nx-understudy-tags: a=b\r\nx-understudy-shadow: on\r\n"
                b"x-understudy-session: s\r\nx-understudy-key: k\r\nx-utf8: \xc3\xa9\r\ncookie: a=1\r\n"
                b"content-type: application/json\r\n"
            )
            await relay.ask(f"POST {CHAT}", QUESTION, sent)
            [request] = relay.upstream.requests
            assert sorted(request.headers) == sorted(
                [
                    (b"host", relay.upstream.url.split("/")[2].encode()),
                    (b"authorization", b"Bearer sk-client"),
                    (b"x-repeated", b"1"),
                    (b"x-odd-case", b"A, b"),
                    (b"x-repeated", b"2"),
                    (b"x-utf8", b"\xc3\xa9"),
                    (b"cookie", b"a=1"),
                    (b"content-type", b"application/json"),
                    (b"content-length", b"%d" % len(QUESTION)),
                ]
            )
            assert [value for name, value in request.headers if name == b"x-repeated"] == [b"1", b"2"]

    run(scenario())


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "OPTIONS", "PATCH"])
def test_nothing_is_added_to_a_request_without_headers_or_body(method: str) -> None:
    async def scenario() -> None:
        async with running(answering(whole())) as relay:
            await relay.ask(f"{method} /v1/files", None)
            [request] = relay.upstream.requests
            assert [name for name, _ in request.headers] == [b"host"]
            assert request.line.startswith(method.encode())

    run(scenario())


def test_answer_headers_are_the_teachers_in_order_with_our_id_added_once() -> None:
    raw = (
        b"HTTP/1.1 200 OK\r\nServer: theirs\r\nset-cookie: a=1\r\nDate: then\r\nset-cookie: b=2\r\n"
        b"connection: keep-alive, x-hop\r\nx-hop: gone\r\nkeep-alive: timeout=9\r\nproxy-authenticate: Basic\r\n"
        b"x-understudy-id: not-ours\r\nx-request-id: r\r\ncontent-length: 2\r\n\r\n{}"
    )

    async def scenario() -> None:
        async with running(answering(raw)) as relay:
            response = await relay.ask()
            assert response.headers[:-1] == [
                (b"server", b"theirs"),
                (b"set-cookie", b"a=1"),
                (b"date", b"then"),
                (b"set-cookie", b"b=2"),
                (b"x-request-id", b"r"),
                (b"content-length", b"2"),
            ]
            name, value = response.headers[-1]
            assert name == b"x-understudy-id"
            assert value not in {b"", b"not-ours"}

    run(scenario())


@pytest.mark.parametrize(
    ("client", "teacher"),
    [
        ("/v1/models/", "/v1/models/"),
        ("/v1//models/..//x", "/v1//models/..//x"),
        ("/v1/models/a%2Fb%20c%C3%A9?q=%20a+b&q=&x=[1]", "/v1/models/a%2Fb%20c%C3%A9?q=%20a+b&q=&x=[1]"),
        ("/", "/v1/"),
        ("/v1beta/x", "/v1/v1beta/x"),
        ("/v1", "/v1"),
    ],
)
def test_paths_and_queries_stay_byte_for_byte(client: str, teacher: str) -> None:
    async def scenario() -> None:
        async with running(answering(whole())) as relay:
            await relay.ask(f"GET {client}", None)
            assert relay.upstream.requests[0].target == teacher.encode()

    run(scenario())


@pytest.mark.parametrize("status", [b"201 Created", b"299 Odd", b"418 Teapot", b"529 Overloaded", b"600 Beyond"])
def test_unusual_statuses_pass(status: bytes) -> None:
    async def scenario() -> None:
        async with running(answering(whole(status=status))) as relay:
            response = await relay.ask()
            assert (response.status, response.body) == (int(status[:3]), ANSWER)

    run(scenario())


def test_redirects_are_the_clients_business() -> None:
    async def scenario() -> None:
        async with running(answering(whole(b"", b"307 Temporary", b"location: /v1/other\r\n"))) as relay:
            response = await relay.ask()
            assert (response.status, response.value(b"location")) == (307, b"/v1/other")
            assert len(relay.upstream.requests) == 1

    run(scenario())


def test_answers_without_a_body_keep_their_length_header_and_the_connection_stays_right() -> None:
    async def handler(request: Request) -> None:
        if request.line.startswith(b"HEAD"):
            request.writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 12345\r\n\r\n")
        elif request.target.endswith(b"204"):
            request.writer.write(b"HTTP/1.1 204 No Content\r\nx-a: 1\r\n\r\n")
        elif request.target.endswith(b"304"):
            request.writer.write(b'HTTP/1.1 304 Not Modified\r\netag: "x"\r\ncontent-length: 77\r\n\r\n')
        else:
            request.writer.write(whole())

    async def scenario() -> None:
        async with running(handler) as relay:
            client = await relay.connect()
            head = await client.ask("HEAD /v1/models")
            assert (head.status, head.value(b"content-length")) == (200, b"12345")
            empty = await client.ask("DELETE /v1/204")
            assert (empty.status, empty.value(b"x-a")) == (204, b"1")
            assert b"transfer-encoding" not in dict(empty.headers)
            assert (await client.ask("GET /v1/after")).body == ANSWER
            unchanged = await client.ask("GET /v1/304")
            assert (unchanged.status, unchanged.value(b"content-length")) == (304, b"77")
            assert await client.reader.read() == b""
            assert relay.upstream.connections == 1

    run(scenario())


def test_close_delimited_answers_arrive_whole() -> None:
    async def handler(request: Request) -> None:
        request.writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\nall of it")
        await request.writer.drain()
        request.writer.close()

    async def scenario() -> None:
        async with running(handler) as relay:
            assert (await relay.ask()).body == b"all of it"

    run(scenario())


def test_a_compressed_answer_is_not_decoded() -> None:
    body = b"\x1f\x8bnot really gzip"

    async def scenario() -> None:
        async with running(answering(whole(body, headers=b"content-encoding: gzip\r\n"))) as relay:
            response = await relay.ask()
            assert (response.body, response.value(b"content-encoding")) == (body, b"gzip")

    run(scenario())


def test_streams_arrive_as_they_come() -> None:
    async def scenario() -> None:
        gates = [asyncio.Event() for _ in range(3)]

        async def handler(request: Request) -> None:
            request.writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
            for number, gate in enumerate(gates):
                await gate.wait()
                request.writer.write(b"2\r\n%d;\r\n" % number)
            request.writer.write(b"0\r\n\r\n")

        async with running(handler) as relay:
            client = await relay.connect()
            client.send(f"POST {CHAT}", QUESTION)
            assert (await client.head())[0] == 200  # before any of the body
            for number, gate in enumerate(gates):
                gate.set()
                assert await client.reader.readexactly(7) == b"2\r\n%d;\r\n" % number
            assert await client.reader.readexactly(5) == b"0\r\n\r\n"

    run(scenario())


def test_a_chunked_request_is_passed_on_chunked() -> None:
    async def scenario() -> None:
        async with running(answering(whole())) as relay:
            client = await relay.connect()
            head = f"POST {CHAT} HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n".encode()
            client.writer.write(head + b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
            await client.response()
            [request] = relay.upstream.requests
            assert request.body == b"abcde"
            assert request.headers[1:] == [(b"transfer-encoding", b"chunked")]

    run(scenario())


def test_expect_100_continue_is_answered_and_goes_no_further() -> None:
    async def scenario() -> None:
        async with running(answering(whole())) as relay:
            client = await relay.connect()
            client.send(f"POST {CHAT}", None, b"expect: 100-continue\r\ncontent-length: %d\r\n" % len(QUESTION))
            assert await client.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
            client.writer.write(QUESTION)
            assert (await client.response()).body == ANSWER
            [request] = relay.upstream.requests
            assert request.value(b"expect") is None
            assert request.body == QUESTION

    run(scenario())


def test_other_upgrades_are_ignored_and_websockets_refused() -> None:
    async def scenario() -> None:
        async with running(answering(whole())) as relay:
            client = await relay.connect()
            h2c = b"connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAM\r\n"
            assert (await client.ask(f"POST {CHAT}", QUESTION, h2c)).body == ANSWER
            assert [name for name, _ in relay.upstream.requests[0].headers] == [b"host", b"content-length"]
            assert (await client.ask("GET /v1/models")).status == 200
            response = await relay.ask("GET /v1/realtime", None, b"connection: Upgrade\r\nupgrade: websocket\r\n")
            assert response.status == 501
            assert b'"websocket_not_supported"' in response.body
            assert b"x-understudy-id" in dict(response.headers)

    run(scenario())


@pytest.mark.parametrize("raw", [chunked((b"all ", b"of it")), whole(b"all of it")])
def test_old_clients_get_bodies_that_end_with_the_connection(raw: bytes) -> None:
    async def scenario() -> None:
        async with running(answering(raw)) as relay:
            client = await relay.connect()
            client.writer.write(b"GET /v1/models HTTP/1.0\r\n\r\n")
            _, headers = await client.head()
            assert b"transfer-encoding" not in dict(headers)
            assert await asyncio.wait_for(client.reader.read(), 10) == b"all of it"
            refused = await relay.connect()
            refused.writer.write(b"GET /v1/x HTTP/1.0\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n")
            assert (await refused.head())[0] == 501
            assert (await asyncio.wait_for(refused.reader.read(), 10)).endswith(b"}")
            await until(lambda: relay.requests("unmatched") == 2)
            probe = await relay.connect()
            probe.send("GET /understudy/readiness", None, b"connection: upgrade\r\nupgrade: websocket\r\n")
            assert (await probe.head())[0] == 501
            assert relay.requests("unmatched") == 2  # our own probe is nobody's request

    run(scenario())


def test_long_headers_pass_both_ways() -> None:
    long = b"x" * 60_000

    async def scenario() -> None:
        async with running(answering(whole(headers=b"x-long: " + long + b"\r\n"))) as relay:
            response = await relay.ask(headers=b"x-long: " + long + b"\r\n")
            assert response.value(b"x-long") == long
            assert relay.upstream.requests[0].value(b"x-long") == long

    run(scenario())


def test_a_large_body_streams_through_with_backpressure() -> None:
    size = 48 * 2**20
    piece = b"p" * 2**16

    async def scenario() -> None:
        reading = asyncio.Event()
        received = 0

        async def handler(request: Request) -> None:
            nonlocal received
            await reading.wait()
            while received < size:
                received += len(await request.reader.read(2**20))
            request.writer.write(whole())

        async with running(handler) as relay:
            relay.upstream.reads_bodies = False
            client = await relay.connect()
            client.writer.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2**16)
            client.send("POST /v1/files", None, b"content-length: %d\r\n" % size)
            written = 0

            async def upload() -> None:
                nonlocal written
                while written < size:
                    client.writer.write(piece)
                    await client.writer.drain()
                    written += len(piece)

            uploading = asyncio.create_task(upload())
            await until(lambda: relay.upstream.requests)
            still = -1
            while still != written:  # until nothing moves any more, because nobody reads
                still = written
                await asyncio.sleep(0.1)
            assert written < size / 2
            reading.set()
            await uploading
            assert (await client.response()).body == ANSWER
            assert received == size

    run(scenario())


def test_an_https_upstream_is_verified() -> None:
    ca = trustme.CA()
    serving = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    ca.issue_cert("localhost").configure_cert(serving)
    trusting = ssl.create_default_context()
    ca.configure_trust(trusting)

    async def scenario(context: ssl.SSLContext) -> int:
        async with running(answering(whole()), tls=(serving, context)) as relay:
            return (await relay.ask()).status

    assert run(scenario(trusting)) == 200
    assert run(scenario(ssl.create_default_context())) == 502


def test_a_teachers_error_passes_untouched() -> None:
    body = b'{"error": {"message": "slow down"}}'

    async def scenario() -> None:
        raw = whole(body, b"429 Too Many", JSON + b"retry-after: 7\r\n")
        async with running(answering(raw)) as relay:
            response = await relay.ask()
            assert (response.status, response.body, response.value(b"retry-after")) == (429, body, b"7")
            await relay.captured("teacher_error")

    run(scenario())


def test_a_chunked_answer_arrives_as_one() -> None:
    async def scenario() -> None:
        async with running(answering(chunked((b"a", b"bc")))) as relay:
            response = await relay.ask()
            assert response.body == b"abc"
            assert response.headers[0] == (b"content-type", b"text/event-stream")

    run(scenario())


def test_requests_that_no_route_matches_need_a_default_teacher() -> None:
    def configure(url: str) -> dict:
        return {"routes": chat_route(url)["routes"]}

    async def scenario() -> None:
        async with running(answering(whole()), configure) as relay:
            response = await relay.ask("GET /v1/models", None)
            assert response.status == 404
            assert b'"no_route"' in response.body

    run(scenario())
