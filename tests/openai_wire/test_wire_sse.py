import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.openai import sse
from proxy.openai.sse import Event
from tests.openai_wire import recorded


def events(stream: bytes) -> list[Event]:
    return list(sse.parse(stream))


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
def test_lines_may_end_in_any_of_the_three_ways(end):
    stream = end.join([b"event: greeting", b"data: hello", b"", b"data: again", b"", b""])

    assert events(stream) == [Event("greeting", b"hello"), Event("", b"again")]


def test_a_line_end_of_two_bytes_is_one_even_when_it_is_cut_between_them():
    parser = sse.EventParser()

    found = parser.feed(b"data: one\r") + parser.feed(b"\ndata: two\r\n\r") + parser.feed(b"\n")

    assert found == [Event("", b"one\ntwo")]


def test_data_of_several_lines_is_joined_by_newlines():
    assert events(b"data: one\ndata: two\ndata\n\n") == [Event("", b"one\ntwo\n")]


def test_comments_ids_retries_and_unknown_fields_are_let_go():
    stream = b": heartbeat\nid: 7\nretry: 10\nwhatever: x\ndata: hello\n\n"

    assert events(stream) == [Event("", b"hello")]


def test_only_one_space_after_the_colon_belongs_to_the_format():
    assert events(b"data:  two\n\ndata:none\n\n") == [Event("", b" two"), Event("", b"none")]


def test_a_byte_order_mark_is_passed_over_at_the_start_alone():
    assert events(b"\xef\xbb\xbfdata: x\n\n\xef\xbb\xbfdata: y\n\n") == [Event("", b"x")]


def test_an_event_without_data_is_none_and_takes_its_name_with_it():
    assert events(b"event: ping\n\ndata: x\n\n") == [Event("", b"x")]


def test_a_last_event_that_no_blank_line_ends_is_given_all_the_same():
    assert events(b"data: x\n\ndata: [DONE]") == [Event("", b"x"), Event("", b"[DONE]")]


pieces = st.lists(
    st.sampled_from(
        [b"data", b"event", b":", b" ", b"x", b"\xc3", b"\xa9", b"\n", b"\r", b"\r\n", b"\n\n", b"\xef\xbb\xbf"]
    ),
    max_size=40,
).map(b"".join)


@given(stream=pieces, data=st.data())
def test_where_a_stream_is_cut_changes_nothing(stream, data):
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    parser = sse.EventParser()
    found = []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        found += parser.feed(stream[start:end])
    last = parser.close()

    assert found + ([last] if last else []) == events(stream)


@recorded.each([exchange for exchange in recorded.exchanges() if exchange.is_stream])
def test_a_recorded_stream_read_byte_by_byte_gives_the_events_read_whole(exchange):
    parser = sse.EventParser()
    found = [
        event for byte in range(len(exchange.response)) for event in parser.feed(exchange.response[byte : byte + 1])
    ]

    assert found == events(exchange.response)
    assert len(found) >= len(exchange.events())
