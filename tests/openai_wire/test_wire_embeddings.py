import base64
import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.openai import answers
from tests.openai_wire import recorded


def read(*embeddings, **fields):
    data = [{"object": "embedding", "index": index, "embedding": vector} for index, vector in enumerate(embeddings)]
    body = {"object": "list", "model": "m", "data": data, "usage": {"prompt_tokens": 2, "total_tokens": 2}, **fields}
    return answers.read_answer("embeddings", "application/json", json.dumps(body).encode())


def packed(vector):
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


vectors = st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=8)


@given(told=st.lists(vectors, min_size=1, max_size=3))
def test_vectors_are_the_same_as_numbers_and_as_base64(told):
    expected = tuple(tuple(vector) for vector in told)

    assert read(*told).answer.embeddings == expected
    assert read(*map(packed, told)).answer.embeddings == expected


def test_vectors_come_in_the_order_of_their_inputs():
    data = [{"index": 1, "embedding": [1]}, {"index": 0, "embedding": [0]}]

    assert read(data=data).answer.embeddings == ((0.0,), (1.0,))


def test_usage_has_no_output():
    usage = read([1.0]).usage

    assert (usage.input_tokens, usage.output_tokens) == (2, 0)


@pytest.mark.parametrize(
    ("kind", "embedding"),
    [
        ("empty", []),
        ("not_the_surface", ["a"]),
        ("not_the_surface", [True]),
        ("not_the_surface", None),
        ("not_the_surface", "not base64!"),
        ("not_the_surface", base64.b64encode(b"abc").decode()),
        ("not_the_surface", packed([float("nan")])),
        ("not_the_surface", packed([float("inf")])),
        ("not_the_surface", [10**400]),
    ],
)
def test_a_vector_that_cannot_be_used_says_why(kind, embedding):
    with pytest.raises(answers.UnreadableAnswerError) as caught:
        read(embedding)
    assert caught.value.kind == kind


@pytest.mark.parametrize(("kind", "data"), [("empty", []), ("not_the_surface", None), ("not_the_surface", [1])])
def test_embeddings_of_another_shape_say_why(kind, data):
    with pytest.raises(answers.UnreadableAnswerError) as caught:
        read(data=data)
    assert caught.value.kind == kind


@recorded.each([e for e in recorded.exchanges() if e.surface == "embeddings" and e.status == 200])
def test_recorded_embeddings_read_as_they_were(exchange):
    reading = answers.read_answer("embeddings", exchange.content_type, exchange.response)

    [entry] = json.loads(exchange.response)["data"]
    [vector] = reading.answer.embeddings
    assert len(vector) == exchange.asked.get("dimensions", len(vector))
    assert sum(value * value for value in vector) == pytest.approx(1, abs=1e-3)
    if isinstance(entry["embedding"], list):
        assert list(vector) == entry["embedding"]
