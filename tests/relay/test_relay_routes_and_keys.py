"""Which route a request belongs to, which key and model its teacher gets, who may ask at all."""

from __future__ import annotations

import gzip

import pytest

from proxy.config.model import DefaultTeacher
from proxy.relay.routing import Target
from tests.relay.relay_tools import (
    ANSWER,
    CHAT,
    QUESTION,
    Request,
    Running,
    answering,
    chat_route,
    run,
    running,
    until,
    whole,
)


@pytest.mark.parametrize(
    ("url", "path", "expected"),
    [
        ("https://h/v1", "/v1/chat/completions", "https://h/v1/chat/completions"),
        ("https://h/v1/", "/v1/models", "https://h/v1/models"),
        ("https://h/openai/v1", "/v1/models", "https://h/openai/v1/models"),
        ("https://h", "/v1/models", "https://h/v1/models"),
        ("https://h/", "/models", "https://h/models"),
        ("https://h:1/api", "/models", "https://h:1/api/models"),
        ("https://h:443/café", "/models", "https://h/caf%C3%A9/models"),
        ("http://[::1]:80/v1", "/v1", "http://[::1]/v1"),
        ("https://h/", "", "https://h/"),
        ("https://h", "/openai/deployments/N/chat/completions", "https://h/openai/deployments/N/chat/completions"),
    ],
)
def test_upstream_urls(url: str, path: str, expected: str) -> None:
    target = Target(DefaultTeacher(url=url))
    site = f"{target.origin.scheme}://{target.origin.authority.decode()}"
    assert site + target.target_for(path.encode(), b"").decode() == expected
    assert site + target.target_for(path.encode(), b"a=%20").decode() == f"{expected}?a=%20"


async def _route_of(relay: Running, line: str, body: bytes | None, headers: bytes = b"") -> str:
    before = {name: relay.requests(name) for name in ("models", "apps", "unmatched")}
    await relay.ask(line, body, headers)
    await until(lambda: sum(relay.requests(name) for name in before) > sum(before.values()))
    [route] = [name for name, n in before.items() if relay.requests(name) > n]
    return route


def test_all_that_a_match_names_must_hold_and_the_first_route_wins() -> None:
    def configure(url: str) -> dict:
        teacher = {"url": url}
        return {
            "teacher": teacher,
            "routes": [
                {"name": "models", "match": {"path": "*/chat/*", "model": "gpt-4o*"}, "teacher": teacher},
                {"name": "apps", "match": {"header": {"X-App": "sup*"}}, "teacher": teacher},
            ],
        }

    async def scenario() -> None:
        async with running(answering(whole()), configure) as relay:
            app = b"x-app: support\r\n"
            named = b'{"messages":[1,2],"model":"gpt-4o-mini"}'
            assert await _route_of(relay, f"POST {CHAT}", named) == "models"
            assert await _route_of(relay, f"POST {CHAT}", named, app) == "models"
            assert await _route_of(relay, f"POST {CHAT}", QUESTION, app) == "apps"
            assert await _route_of(relay, f"POST {CHAT}", QUESTION, b"x-app: Support\r\n") == "unmatched"
            assert await _route_of(relay, f"POST {CHAT}", b"not json") == "unmatched"
            assert await _route_of(relay, f"GET {CHAT}", None) == "unmatched"
            azure = "POST /openai/deployments/gpt-4o-x/chat/completions"
            assert await _route_of(relay, azure, b'{"messages":[]}') == "models"
            assert await _route_of(relay, "POST /v1/embeddings", named) == "unmatched"

    run(scenario())


def test_a_body_over_the_limit_is_refused_only_where_match_needs_it() -> None:
    def configure(url: str) -> dict:
        config = chat_route(url, match={"path": CHAT, "model": "m*"})
        return {**config, "limits": {"body": "64KiB"}}

    async def scenario() -> None:
        async with running(answering(whole()), configure) as relay:
            large = b'{"model":"m-1","x":"%s"}' % (b"x" * 70_000)
            client = await relay.connect()
            refused = await client.ask(f"POST {CHAT}", large)
            assert refused.status == 413
            assert b'"body_too_large"' in refused.body
            chunked = b"transfer-encoding: chunked\r\n"
            client.send(f"POST {CHAT}", None, chunked)
            client.writer.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(large), large))
            assert (await client.response()).status == 413
            assert (await client.ask("POST /v1/files", large)).body == ANSWER
            form = b"content-type: multipart/form-data; boundary=x\r\n"
            assert (await client.ask(f"POST {CHAT}", large, form)).body == ANSWER
            azure = "POST /openai/deployments/m-9/v1/chat/completions"
            assert (await client.ask(azure, large)).body == ANSWER
            assert [request.body for request in relay.upstream.requests] == [large] * 3

    run(scenario())


def test_a_key_of_our_own_replaces_every_key_of_the_clients() -> None:
    def configure(url: str) -> dict:
        return chat_route(url, teacher={"url": url, "api_key": "sk-ours"})

    async def scenario() -> None:
        async with running(answering(whole()), configure) as relay:
            theirs = b"authorization: Bearer sk-theirs\r\nx-api-key: k\r\n"
            await relay.ask(headers=theirs)
            await relay.ask(headers=theirs + b"api-key: k\r\n")
            await relay.ask("POST /openai/deployments/d/chat/completions")
            await relay.ask("GET /v1/models", None, theirs)
            bearer, keyed, azure, unmatched = (_keys(request) for request in relay.upstream.requests)
            assert bearer == [(b"authorization", b"Bearer sk-ours")]
            assert keyed == azure == [(b"api-key", b"sk-ours")]
            assert unmatched == [(b"authorization", b"Bearer sk-theirs"), (b"x-api-key", b"k")]

    run(scenario())


def test_a_rewritten_model_changes_nothing_else() -> None:
    body = b'{"model" : "m-1", "temperature": 1.0, "x": {"b":1.50,  "a":"\\u00e9"}, "messages":[{"role":"user"}]}'

    def configure(url: str) -> dict:
        return chat_route(url, teacher={"url": url, "model": "m-2"})

    async def scenario() -> None:
        async with running(answering(whole()), configure) as relay:
            await relay.ask(body=body)
            await relay.ask(body=b"no json")
            await relay.ask(body=gzip.compress(body), headers=b"content-encoding: gzip\r\n")
            await relay.ask(body=b"no gzip", headers=b"content-encoding: gzip\r\n")
            rewritten, other, plain, unread = relay.upstream.requests
            assert (
                rewritten.body
                == b'{"model":"m-2","temperature":1.0,"x":{"b":1.50,  "a":"\\u00e9"},"messages":[{"role":"user"}]}'
            )
            assert rewritten.value(b"content-length") == b"%d" % len(rewritten.body)
            assert other.body == b"no json"
            assert (plain.body, plain.value(b"content-encoding")) == (rewritten.body, None)
            assert (unread.body, unread.value(b"content-encoding")) == (b"no gzip", b"gzip")
            await until(lambda: relay.journal.exchanges)
            assert relay.journal.exchanges[0].request == body

    run(scenario())


def _keys(request: Request) -> list[tuple[bytes, bytes]]:
    return [pair for pair in request.headers if b"key" in pair[0] or pair[0] == b"authorization"]


def test_access_keys_are_asked_for_and_never_forwarded() -> None:
    def configure(url: str) -> dict:
        own = {"name": "own", "match": {"path": "/v1/own/*"}, "teacher": {"url": url, "api_key": "sk-ours"}}
        config = chat_route(url)
        return {**config, "routes": [*config["routes"], own], "access": {"keys": ["access-1", "access-2"]}}

    async def scenario() -> None:
        async with running(answering(whole()), configure) as relay:
            as_bearer = b"authorization: Bearer access-2\r\n"
            wrong = [b"", b"x-understudy-key: no\r\n", b"authorization: Bearer sk-x\r\n", as_bearer]
            for headers in wrong:
                response = await relay.ask(headers=headers)
                assert response.status == 401
                assert b'"invalid_api_key"' in response.body
            assert not relay.upstream.requests
            right = b"x-understudy-key: access-1\r\n"
            assert (await relay.ask(headers=right + b"authorization: Bearer sk-x\r\n")).body == ANSWER
            assert (await relay.ask("POST /v1/own/completions", headers=as_bearer)).body == ANSWER
            passed, own = (_keys(request) for request in relay.upstream.requests)
            assert passed == [(b"authorization", b"Bearer sk-x")]
            assert own == [(b"authorization", b"Bearer sk-ours")]
            await until(lambda: relay.captures() == {"journaled": 1} or len(relay.captures()) > 1)
            assert relay.requests("unmatched") == len(wrong)

    run(scenario())
