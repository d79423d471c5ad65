"""Laws of the relay's pure parts."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.relay.body import model_in, with_model
from proxy.relay.capture import parse_tags
from proxy.relay.globs import glob
from proxy.relay.headers import read_answer_headers, read_request_headers
from proxy.relay.sampling import request_unit, unit_of
from proxy.relay.tee import CaptureBudget, Tee

names = st.sampled_from([b"a", b"b", b"set-cookie", b"x-understudy-id", b"connection", b"te", b"content-length"])
headers = st.lists(st.tuples(names, st.binary(max_size=4)), max_size=12)


@given(headers)
def test_answer_headers_keep_order_and_add_one(pairs: list[tuple[bytes, bytes]]) -> None:
    kept = read_answer_headers(pairs, b"id").forwarded
    assert kept[-1] == (b"x-understudy-id", b"id")
    remaining = iter(pairs)
    assert all(pair in remaining for pair in kept[:-1])
    assert [name for name, _ in kept].count(b"x-understudy-id") == 1


@given(headers)
def test_request_headers_keep_order(pairs: list[tuple[bytes, bytes]]) -> None:
    forwarded = read_request_headers(pairs).forwarded
    remaining = iter(pairs)
    assert all(pair in remaining for pair in forwarded)
    assert not {b"connection", b"te"} & {name for name, _ in forwarded}


@given(st.text(), st.floats(0, 1), st.floats(0, 1))
def test_a_larger_sample_holds_all_of_a_smaller_one(exchange_id: str, one: float, other: float) -> None:
    unit = request_unit(exchange_id)
    assert unit.drawn(max(one, other)) or not unit.drawn(min(one, other))
    assert unit.drawn(1.0)


def test_about_the_wanted_share_is_drawn() -> None:
    drawn = sum(request_unit(str(number)).drawn(0.2) for number in range(5000))
    assert 850 < drawn < 1150


def test_units_of_turns() -> None:
    key = {"session": "s", "conversation_key": "c"}
    assert unit_of("1", later_turn=False, **key) == request_unit("1")
    assert unit_of("1", later_turn=True, **key) == unit_of("2", later_turn=True, session="s", conversation_key=None)
    assert unit_of("1", later_turn=True, session=None, conversation_key="c").kind == "conversation"
    assert unit_of("1", later_turn=True, session=None, conversation_key=None) == request_unit("1")


@given(st.lists(st.binary(max_size=3000), max_size=20), st.integers(0, 20_000), st.integers(0, 20_000))
def test_a_tee_gives_back_all_that_it_took(parts: list[bytes], limit: int, total: int) -> None:
    budget = CaptureBudget(total)
    tee = Tee(budget, limit)
    for part in parts:
        tee.add_request(part)
        tee.add_response(part)
        assert budget.held <= total
    if tee.lost is None:
        assert b"".join(tee.request) == b"".join(tee.response) == b"".join(parts)
    else:
        assert (tee.request, tee.response, budget.held) == ([], [], 0)
    tee.discard()
    assert budget.held == 0


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(), lambda inner: st.lists(inner, max_size=3)
)


@given(st.dictionaries(st.text(), json_values, max_size=5), st.text(min_size=1))
def test_a_rewritten_model_is_read_back(fields: dict, model: str) -> None:
    body = msgspec.json.encode({**fields, "model": "old"})
    changed = with_model(body, "", 1000, model)
    assert model_in(changed, "", 1000) == model
    assert msgspec.json.decode(changed) == {**fields, "model": model}


@pytest.mark.parametrize("body", [b"", b"[]", b'"model"', b'{"model":1}', b"\xff", b"[" * 100_000])
def test_bodies_without_a_model(body: bytes) -> None:
    assert model_in(body, "", 1000) is None
    assert with_model(b"{}" if body == b'{"model":1}' else body, "", 1000, "m") is None


def test_globs() -> None:
    assert glob("gpt-4o*")("gpt-4o-mini")
    assert glob("/v1/*")("/v1/a/b")
    assert not glob("gpt-4o")("gpt-4o-mini")
    assert not glob("GPT*")("gpt-4o")


def test_tags_are_bounded() -> None:
    assert parse_tags("a=1,b = 2 ,c,=d,e=,f=g=h") == {"a": "1", "b": "2", "f": "g=h"}
    assert len(parse_tags(",".join(f"k{n}=v" for n in range(100)))) == 16
    assert parse_tags(f"k={'v' * 200}") == {}
