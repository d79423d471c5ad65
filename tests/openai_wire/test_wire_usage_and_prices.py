import pytest

from comparators.base import Answer, ToolCall
from proxy.openai.prices import cost_usd
from proxy.openai.usage import Usage, estimate, read_usage
from tests.openai_wire import recorded


def test_usage_is_named_alike_for_every_surface():
    chat = {
        "prompt_tokens": 10,
        "completion_tokens": 5,
        "prompt_tokens_details": {"cached_tokens": 4},
        "completion_tokens_details": {"reasoning_tokens": 3},
    }
    responses = {
        "input_tokens": 10,
        "output_tokens": 5,
        "input_tokens_details": {"cached_tokens": 4},
        "output_tokens_details": {"reasoning_tokens": 3},
    }
    expected = Usage(input_tokens=10, output_tokens=5, cached_input_tokens=4, reasoning_tokens=3)

    assert read_usage("chat/completions", {"usage": chat}) == expected
    assert read_usage("completions", {"usage": chat}) == expected
    assert read_usage("responses", {"usage": responses}) == expected
    assert read_usage("embeddings", {"usage": {"prompt_tokens": 10}}) == Usage(input_tokens=10, output_tokens=0)


@pytest.mark.parametrize(
    "usage",
    [
        None,
        [],
        {},
        {"prompt_tokens": None, "completion_tokens": 1},
        {"prompt_tokens": 1},
        {"prompt_tokens": -1, "completion_tokens": 1},
        {"prompt_tokens": "1", "completion_tokens": 1},
        {"prompt_tokens": 1.5, "completion_tokens": 1},
        {"prompt_tokens": True, "completion_tokens": 1},
    ],
)
def test_odd_usage_is_none(usage):
    assert read_usage("chat/completions", {"usage": usage}) is None


@pytest.mark.parametrize("made_up", [10**9 + 1, 10**17, 10**40])
def test_what_no_answer_can_have_used_is_bounded(made_up):
    usage = {
        "prompt_tokens": made_up,
        "completion_tokens": made_up,
        "prompt_tokens_details": {"cached_tokens": made_up},
        "completion_tokens_details": {"reasoning_tokens": made_up},
    }

    read = read_usage("chat/completions", {"usage": usage})

    assert read == Usage(input_tokens=10**9, output_tokens=10**9, cached_input_tokens=10**9, reasoning_tokens=10**9)


@pytest.mark.parametrize("details", [None, {}, {"cached_tokens": None}, {"cached_tokens": -3}, "x"])
def test_odd_details_count_as_nothing_cached(details):
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "prompt_tokens_details": details}

    assert read_usage("chat/completions", {"usage": usage}) == Usage(input_tokens=1, output_tokens=1)


def test_no_more_is_cached_than_was_read():
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "prompt_tokens_details": {"cached_tokens": 9}}

    assert read_usage("chat/completions", {"usage": usage}).cached_input_tokens == 1


def test_missing_usage_is_estimated_from_the_texts_and_marked():
    body = {"messages": [{"role": "user", "content": [{"type": "text", "text": "a" * 40}, {"type": "image_url"}]}]}
    answer = Answer(content="b" * 20, tool_calls=(ToolCall(name="name", arguments="{}"),))

    usage = estimate("chat/completions", body, answer)

    assert usage == Usage(input_tokens=10 + 4, output_tokens=7, estimated=True)


@pytest.mark.parametrize(
    ("surface", "body", "tokens"),
    [
        ("completions", {"prompt": ["aaaa", "aaaa"]}, 2),
        ("completions", {"prompt": [1, 2, 3]}, 3),
        ("embeddings", {"input": [[1, 2], [3]]}, 3),
        ("responses", {"input": "a" * 8, "instructions": "b" * 8}, 4),
        ("responses", {"input": 5.5}, 0),
        ("chat/completions", {}, 0),
    ],
)
def test_every_kind_of_input_is_estimated(surface, body, tokens):
    assert estimate(surface, body, Answer()).input_tokens == tokens


@pytest.mark.skipif(not recorded.exchanges(), reason="../shared/data/wire.jsonl is absent")
def test_estimates_are_of_the_right_size():
    from proxy.openai import answers

    said, estimated = 0, 0
    for exchange in recorded.exchanges():
        if exchange.surface in {"chat/completions", "responses"} and exchange.status == 200:
            reading = answers.read_answer(exchange.surface, exchange.content_type, exchange.response)
            if reading.usage is not None and reading.usage.reasoning_tokens == 0:
                said += reading.usage.output_tokens
                estimated += estimate(exchange.surface, exchange.asked, reading.answer).output_tokens

    assert 0.6 < estimated / said < 1.6


USAGE = Usage(input_tokens=1_000_000, cached_input_tokens=400_000, output_tokens=100_000)


@pytest.mark.parametrize(
    ("price", "cost"),
    [
        ({"input": 2.5, "cached_input": 1.25, "output": 10.0}, 0.6 * 2.5 + 0.4 * 1.25 + 1.0),
        ({"input": 2.5, "cached_input": None, "output": 10.0}, 2.5 + 1.0),
        ({"input": 0.0, "output": 0.0}, 0.0),
        ({"input": 2.5}, None),
        ({"per_hour": 2.1, "input": None, "output": None}, None),
    ],
)
def test_a_configured_price_goes_before_the_list(price, cost):
    assert cost_usd("gpt-4o", USAGE, price) == (cost if cost is None else pytest.approx(cost))


def test_known_models_are_priced_without_configuration():
    assert cost_usd("gpt-4o-2024-08-06", USAGE, None) == pytest.approx(0.6 * 2.5 + 0.4 * 1.25 + 1.0)
    assert cost_usd("text-embedding-3-small", Usage(input_tokens=1_000_000, output_tokens=0), None) == pytest.approx(
        0.02
    )


@pytest.mark.parametrize("model", [None, "", "a-model-of-nobody"])
def test_an_unknown_model_has_no_cost(model):
    assert cost_usd(model, USAGE, None) is None
