"""``sample`` by header, tag or model: which share a request has, and what is recorded of it."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.config.sampling import sampling_of
from proxy.relay.sampling import Asked, Shares
from tests.relay.relay_tools import CHAT, answering, chat_route, run, running, until, whole

SEGMENTS = {"tenant": "x-tenant"}
# Shares that everything is drawn with, and that are told apart all the same.
ONE, TWO, THREE = 1 - 1e-9, 1 - 2e-9, 1 - 3e-9


def share(sample, headers=None, tags=None, model=None, *, model_known=True):
    return Shares(sampling_of(sample), SEGMENTS).of(Asked(headers or {}, tags or {}, model, model_known))


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"headers": {"x-tenant": "acme"}}, 0.5),
        ({"headers": {"x-tenant": "acme"}, "tags": {"app": "bot"}, "model": "gpt-4o"}, 0.5),
        ({"tags": {"app": "bot"}}, 0.4),
        ({"headers": {"app": "bot"}}, 0.4),
        ({"headers": {"app": "no"}, "tags": {"app": "bot"}}, 0.4),
        ({"model": "gpt-4o-mini"}, 0.3),
        ({"model": "my-gpt-4o"}, 0.1),
        ({"headers": {"x-app": "support"}}, 0.2),
        ({"tags": {"tenant": "acme"}}, 0.1),  # a tag never takes the place of a segment's header
        ({"headers": {"tenant": "acme"}}, 0.1),
        ({"headers": {"x-tenant": "acme2"}, "tags": {"app": "bots"}}, 0.1),
        ({}, 0.1),
    ],
)
def test_the_first_rule_that_fits_decides(asked, expected):
    rules = {"tenant=acme": 0.5, "app=bot": 0.4, "model=gpt-4o*": 0.3, "X-App=sup*": 0.2, "default": 0.1}

    assert share(rules, **asked) == expected


def test_one_share_needs_nothing():
    assert share(0.25, model="m") == share(0.25, model_known=False) == 0.25
    assert Shares(sampling_of(0.25), SEGMENTS).headers == set()


@pytest.mark.parametrize(
    ("sample", "headers", "expected"),
    [
        ({"model=a": 0.2, "default": 0.5}, {}, 0.2),
        ({"model=a": 0.7, "default": 0.5}, {}, 0.5),
        ({"model=a": 0.7, "default": 0.0}, {}, 0.7),  # it may count
        ({"tenant=acme": 0.0, "model=a": 0.7}, {"x-tenant": "acme"}, 0.0),  # it cannot
        ({"tenant=acme": 0.9, "model=a": 0.2}, {"x-tenant": "acme"}, 0.9),
        ({"model=a": 0.2, "tenant=acme": 0.9, "model=b": 0.1}, {"x-tenant": "acme"}, 0.2),
    ],
)
def test_where_the_model_is_not_known_it_is_the_least_that_may_be(sample, headers, expected):
    assert share(sample, headers, model_known=False) == expected


shares = st.sampled_from([0.0, 0.1, 0.2, 0.5, 1.0])
keys = st.sampled_from(["model=a", "model=b", "model=*", "tenant=acme", "app=bot"])


@given(st.dictionaries(keys, shares), shares, st.booleans(), st.booleans())
def test_the_least_is_no_more_than_any_model_would_give(rules, default, tenant, tagged):
    sample = {**rules, "default": default}
    asked = {"headers": {"x-tenant": "acme"} if tenant else {}, "tags": {"app": "bot"} if tagged else {}}

    of_models = {share(sample, model=model, **asked) for model in ("a", "b", "c", None)}
    unread = share(sample, model_known=False, **asked)

    assert unread in {0.0, default, *rules.values()}
    assert all(unread <= each for each in of_models if each)
    assert unread or not any(of_models)


def by_key(sample, *, capture="4MiB", **route):
    segments = [{"header": "X-Tenant", "as": "tenant"}]
    return lambda url: {**chat_route(url, sample=sample, segments=segments, **route), "limits": {"capture": capture}}


def question(model: str, size: int = 1) -> bytes:
    return msgspec.json.encode({"model": model, "messages": [{"role": "user", "content": "x" * size}]})


def test_each_exchange_has_the_probability_of_its_rule_and_no_header_that_only_the_sample_names():
    sample = {"default": 0, "tenant=acme": ONE, "app=bot": TWO, "model=m-2": THREE}

    async def scenario() -> None:
        async with running(answering(whole()), by_key(sample)) as relay:
            await relay.ask(headers=b"x-tenant: acme\r\napp: bot\r\n")
            await relay.ask(headers=b"x-understudy-tags: app=bot\r\n")
            await relay.ask(headers=b"App: bot\r\n")
            await relay.ask(body=question("m-2"))
            await relay.ask("POST /openai/deployments/m-2/chat/completions")
            await relay.ask()
            await relay.ask(headers=b"x-understudy-shadow: on\r\n")
            await until(lambda: relay.captures() == {"journaled": 6, "sampled_out": 1})
            await until(lambda: len(relay.journal.exchanges) == 6)
            exchanges = relay.journal.exchanges
            assert [each.probability for each in exchanges] == [ONE, TWO, TWO, THREE, THREE, 1.0]
            assert [each.headers for each in exchanges] == [{"x-tenant": "acme"}, *[{}] * 5]

    run(scenario())


def lost(relay):
    return {tally.probability: tally.n for tally in relay.journal.tallies if tally.outcome == "too_large"}


@pytest.mark.parametrize(
    ("match", "headers", "expected"),
    [
        ({}, b"", {THREE: 1}),  # whatever its model: the body is gone
        ({"model": "*"}, b"", {TWO: 1}),  # known, as the route asks for it
        ({}, b"x-tenant: acme\r\n", {ONE: 1}),
        ({}, b"x-understudy-shadow: on\r\n", {1.0: 1}),
    ],
)
def test_a_lost_capture_has_what_is_known_of_it(match, headers, expected):
    sample = {"tenant=acme": ONE, "model=m-2": TWO, "default": THREE}
    configure = by_key(sample, capture="2KiB", match={"path": CHAT, **match})

    async def scenario() -> None:
        async with running(answering(whole()), configure) as relay:
            await relay.ask(body=question("m-2", 3000), headers=headers)
            await relay.captured("too_large")
            assert lost(relay) == expected

    run(scenario())


def test_a_lost_capture_of_what_is_never_sampled_is_no_loss():
    configure = by_key({"tenant=acme": 0, "default": 1.0}, capture="2KiB")

    async def scenario() -> None:
        async with running(answering(whole()), configure) as relay:
            await relay.ask(body=question("m", 3000), headers=b"x-tenant: acme\r\n")
            await relay.captured("sampled_out")

    run(scenario())


def test_what_could_not_be_written_has_its_probability_too():
    async def scenario() -> None:
        async with running(answering(whole()), by_key({"model=m-1": ONE, "default": TWO})) as relay:
            relay.journal.failing = True
            await relay.ask()
            await until(lambda: relay.captures() == {"failed": 1})
            relay.journal.failing = False
            await until(lambda: [tally.probability for tally in relay.journal.tallies] == [ONE])

    run(scenario())
