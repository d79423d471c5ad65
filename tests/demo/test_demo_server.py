"""The model server answers the ``openai`` client as OpenAI would."""

import json
import socket
import threading
import time
import urllib.error
import urllib.request

import openai
import pytest
import uvicorn

from proxy.demo.server import ModelServer


class Echo:
    """A classifier that says what it was asked, so that tests see which text was read."""

    def label(self, text):
        return f"echo {text}"


@pytest.fixture(scope="module")
def url():
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(ModelServer("tiny", Echo()), log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{listening.getsockname()[1]}/v1"
    server.should_exit = True
    thread.join(20)


@pytest.fixture
def client(url):
    with openai.OpenAI(base_url=url, api_key="none", max_retries=0) as client:
        yield client


def ask(client, **more):
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello, you!"}]
    return client.chat.completions.create(**{"model": "tiny", "messages": messages, **more})


def test_an_answer_has_the_label_and_usage(client):
    answer = ask(client)
    assert answer.choices[0].message.content == "echo Hello, you!"
    assert (answer.choices[0].finish_reason, answer.model) == ("stop", "tiny")
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens) == (7, 5, 12)


def test_a_streamed_answer_is_the_same_in_pieces(client):
    chunks = list(ask(client, stream=True, stream_options={"include_usage": True}))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == "echo Hello, you!"
    assert [chunk.usage.total_tokens for chunk in chunks if chunk.usage] == [12]
    assert [chunk for chunk in ask(client, stream=True) if chunk.usage] == []


def test_text_parts_are_read(client):
    parts = [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]
    answer = ask(client, messages=[{"role": "user", "content": parts}])
    assert answer.choices[0].message.content == "echo one two"


def test_its_only_model_is_listed(client):
    assert [model.id for model in client.models.list()] == ["tiny"]


def test_wrong_requests_are_refused_as_openai_refuses_them(client):
    with pytest.raises(openai.NotFoundError) as other_model:
        ask(client, model="huge")
    assert (other_model.value.code, other_model.value.param) == ("model_not_found", "model")
    for messages in ([], [{"role": "user", "content": ""}], [{"role": "user", "content": 7}], ["hello"]):
        with pytest.raises(openai.BadRequestError) as refused:
            ask(client, messages=messages)
        assert refused.value.param == "messages"
    with pytest.raises(openai.NotFoundError):
        client.embeddings.create(model="tiny", input="x")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"\xff"])
def test_a_body_that_is_no_object_is_refused(url, body):
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(urllib.request.Request(f"{url}/chat/completions", data=body, method="POST"))
    with refused.value as answer:
        assert answer.code == 400
        assert json.load(answer)["error"]["type"] == "invalid_request_error"
