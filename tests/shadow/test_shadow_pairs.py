"""Whatever students do, every exchange gets exactly one outcome for each of them."""

import tempfile
from pathlib import Path

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from comparators.base import Answer, ToolCall
from proxy.shadow.pairs import unusable_kind
from proxy.store.records import OUTCOMES
from tests.fakes.chat import chat_completion
from tests.fakes.upstream import Reply, Upstream
from tests.shadow.shadow_world import exchange, student, world

REPLIES = st.one_of(
    st.builds(
        lambda status, body: Reply(status=status, pieces=(body,)),
        st.sampled_from([200, 204, 301, 400, 401, 404, 408, 413, 422, 429, 500, 503]),
        st.one_of(
            st.binary(max_size=40),
            st.sampled_from(
                [
                    msgspec.json.encode(chat_completion("four", model="m")),
                    msgspec.json.encode(chat_completion("", model="m", finish_reason="length")),
                    b'{"choices": [{"message": {"content": 1}}]}',
                    b'{"choices": []}',
                    b'data: {"choices": [{"delta": {"content": "fo"}}]}\n\n',
                    b'{"error": {"code": "context_length_exceeded"}}',
                    b'{"choices": [{"message": {"content": "\\ud800"}}]}',
                ]
            ),
        ),
    ),
    st.just(Reply(pieces=[b"ab"], abort_after=0)),
)
EXCHANGES = st.sampled_from(
    [
        {},
        {"response": b"\xff"},
        {"response": b'{"error": {}}'},
        {"request": b"[]"},
        {"request": b'{"messages": 7, "user": {"a": 1}}'},
        {"captured_at": 0.0},
        {"surface": "embeddings"},
        {"status": 418},
    ]
)


@given(st.lists(EXCHANGES, min_size=1, max_size=6), st.lists(REPLIES, min_size=1, max_size=12))
def test_every_exchange_gets_exactly_one_outcome_for_each_student(exchanges, replies):
    left = list(replies)
    with (
        tempfile.TemporaryDirectory() as directory,
        Upstream(lambda _: left.pop() if left else replies[0]) as upstream,
        world(Path(directory), student("a", upstream.url), student("b", upstream.url)) as there,
    ):
        there.run(*(exchange(number, **fields) for number, fields in enumerate(exchanges)))

        outcomes = there.outcomes()
        assert set(outcomes) == {f"exchange-{n}:{name}" for n in range(len(exchanges)) for name in "ab"}
        assert set(outcomes.values()) <= OUTCOMES
        counted = sum(
            there.counted("understudy_pairs_total", route="r", student=name, outcome=outcome)
            for name in "ab"
            for outcome in OUTCOMES
        )
        assert counted == len(outcomes)


ANSWERS = st.builds(
    Answer,
    content=st.sampled_from([None, "", " ", "x"]),
    refusal=st.sampled_from([None, "no"]),
    tool_calls=st.sampled_from([(), (ToolCall(name="f", arguments="{}"),)]),
    finish_reason=st.sampled_from([None, "stop", "length", "content_filter", "tool_calls"]),
)


@given(ANSWERS)
def test_an_answer_can_be_used_where_the_teacher_gave_the_same(answer):
    assert unusable_kind(answer, answer) is None


@given(ANSWERS, ANSWERS)
def test_what_cannot_be_used_was_cut_off_refused_or_empty(teacher, answer):
    assert unusable_kind(teacher, answer) in {None, "truncated", "filtered", "refused", "empty"}
