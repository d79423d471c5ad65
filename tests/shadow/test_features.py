"""Features of requests and answers: bins of histograms, from which no text can be read."""

import math
import time

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from comparators.base import SURFACES, Answer, ToolCall
from comparators.language.detection import LANGUAGES
from proxy.shadow.features import answer_features, format_of, language_bin, request_features
from proxy.shadow.hashing import FREQUENCIES, bin_of, excerpt, sampled, word_features, words
from proxy.shadow.language import language_segment
from proxy.store.sketches import BINS, FIXED_POINT
from tests.fakes.chat import chat_completion
from tests.fakes.upstream import Upstream, json_reply
from tests.shadow.shadow_world import exchange, student, world

SALT = b"salt" * 8
# Of these an exchange may add to several bins, or to all; of every other feature to one.
SEVERAL = {"tools", "novelty", "words"}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
named = st.sampled_from(["role", "content", "name", "type", "function", "text", "format", "json_schema"])
parts = st.recursive(
    json_values | st.sampled_from(["system", "user", "assistant", "tool", "input_text", "json_schema"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(named, inner, max_size=4),
    max_leaves=12,
)
bodies = st.dictionaries(
    st.sampled_from(
        ["messages", "input", "prompt", "instructions", "tools", "functions", "response_format", "text", "n"]
    ),
    parts,
)
texts = st.text(max_size=200) | st.text('ab ,.\n`{}[]"-1', max_size=60)
answers = st.builds(
    Answer,
    content=st.none() | texts,
    refusal=st.none() | texts,
    finish_reason=st.none() | st.sampled_from(["stop", "length", "tool_calls", "content_filter", "made_up"]),
    tool_calls=st.lists(st.builds(ToolCall, name=texts, arguments=texts), max_size=3).map(tuple),
)


def of_request(text="two and two?", *, surface="chat/completions", salt=SALT, **body):
    body = {"messages": [{"role": "user", "content": text}], **body}
    return request_features(surface, body, salt=salt, identify=language_segment)


def of_answer(content, **more):
    return answer_features(Answer(content=content, **more), salt=SALT)


def are_within_their_bins(features):
    for name, values in features.items():
        if name == "words":
            assert len(values) == BINS[name]
            continue
        assert all(0 <= bin_ < BINS[name] and n > 0 for bin_, n in values.items()), name
        if name not in SEVERAL:
            assert sum(values.values()) == 1, name


@given(surface=st.sampled_from(sorted(SURFACES)), body=bodies)
def test_whatever_is_asked_its_features_fall_into_their_bins(surface, body):
    read = msgspec.json.decode(msgspec.json.encode(body))

    are_within_their_bins(request_features(surface, read, salt=SALT, identify=lambda _: "und"))


@given(answers)
def test_whatever_is_answered_its_features_fall_into_their_bins(answer):
    are_within_their_bins(answer_features(answer, salt=SALT))


def test_a_request_has_these_features_and_an_answer_those():
    asked, answered = set(of_request()), set(of_answer("four"))

    assert asked == {
        "length", "system_length", "messages", "tools", "response_format", "language", "digits", "punctuation",
        "system_prompt", "novelty", "words",
    }  # fmt: skip
    assert answered == {"length", "finish_reason", "format", "tools", "label", "language"}
    assert asked | answered == set(BINS)


def test_embeddings_have_no_features():
    assert answer_features(Answer(embeddings=((0.1, 0.2),)), salt=SALT) == {}


def test_hashes_are_the_same_everywhere_under_one_salt_and_others_under_another():
    """Sums of several machines are added: these numbers must never change under these names."""
    features = of_request("Where is my parcel 4711?", messages=[{"role": "system", "content": "Be brief."}])

    assert features["system_prompt"] == {44: 1}
    assert sorted(of_request("Where is my parcel 4711?")["novelty"]) == [806, 5183, 7354, 8452, 8761]
    sines = list(of_request("Where is my parcel 4711?")["words"])[256:264]
    assert sines == pytest.approx([5361, -5361, -5361, -5361, -5361, 16309, 13787, -5361], abs=1)
    assert of_request(salt=b"other" * 4)["novelty"] != of_request()["novelty"]


@pytest.mark.parametrize(
    ("length", "bin_"), [(0, 0), (1, 1), (2, 2), (3, 2), (4, 3), (1023, 10), (1024, 11), (5000, 13)]
)
def test_lengths_are_binned_by_powers_of_two(length, bin_):
    assert of_request("x" * length)["length"] == {bin_: 1}
    assert of_answer("x" * length)["length"] == {bin_: 1}


def test_shares_of_digits_and_punctuation_are_binned_by_powers_of_two_of_thousandths():
    assert of_request("no digits")["digits"] == {0: 1}
    assert of_request("1" + "x" * 999)["digits"] == {1: 1}
    assert of_request("1234567890")["digits"] == {10: 1}
    assert of_request("?!")["punctuation"] == {10: 1}


SYSTEM = "You are a helper of\nUser 17.  Today is 2026-01-31."


@pytest.mark.parametrize(
    "other", ["You are a helper of User 9. Today is 2025-12-01.", "You are a helper of User 17.\n\nToday is 2026-1-3."]
)
def test_a_system_prompt_is_the_same_whatever_its_white_space_and_numbers(other):
    def fingerprint(text, role="system"):
        return of_request(messages=[{"role": role, "content": text}])["system_prompt"]

    assert fingerprint(SYSTEM) == fingerprint(other, "developer") != fingerprint("You are a poet.")
    assert fingerprint("") == of_request()["system_prompt"] == {0: 1}
    asked = request_features("responses", {"instructions": SYSTEM, "input": "hi"}, salt=SALT, identify=lambda _: "en")
    assert asked["system_prompt"] == fingerprint(SYSTEM)


def test_tools_are_counted_by_name_and_their_absence_too():
    tools = [{"type": "function", "function": {"name": name}} for name in ("search", "book")]
    flat = [{"type": "function", "name": "search"}, {"type": "web_search"}]

    assert of_request()["tools"] == {0: 1}
    assert of_request(tools=tools)["tools"] == {bin_of(SALT, name, 256): 1 for name in ("search", "book")}
    assert of_request(functions=[{"name": "book"}])["tools"] == {bin_of(SALT, "book", 256): 1}
    assert of_request(surface="responses", tools=flat)["tools"] == {
        bin_of(SALT, name, 256): 1 for name in ("search", "web_search")
    }
    call = ToolCall(name="search", arguments="{}")
    assert of_answer(None, tool_calls=(call, call))["tools"] == {bin_of(SALT, "search", 256): 2}


def test_a_response_format_is_told_by_all_of_its_schema():
    def asked(**schema):
        form = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}
        return of_request(response_format=form)["response_format"]

    assert asked(type="object", required=["a"]) == asked(required=["a"], type="object") != asked(type="object")
    assert of_request(response_format={"type": "text"})["response_format"] == of_request()["response_format"] == {0: 1}
    assert of_request(response_format={"type": "json_object"})["response_format"] != {0: 1}
    on_responses = request_features(
        "responses", {"text": {"format": {"type": "json_object"}}}, salt=SALT, identify=lambda _: "en"
    )
    assert on_responses["response_format"] == of_request(response_format={"type": "json_object"})["response_format"]


def test_the_language_can_be_told_from_its_bin():
    bins = {language_bin(code): code for code in LANGUAGES}

    assert len(bins) == len(LANGUAGES)
    assert of_request("Wo bleibt eigentlich mein Paket, das gestern kommen sollte?")["language"] == {1 + 26 * 3 + 4: 1}
    assert of_request("?")["language"] == of_answer("42")["language"] == {0: 1}


@pytest.mark.parametrize(
    ("form", "answer"),
    [
        ("tool_call", Answer(content="Let me see.", tool_calls=(ToolCall(name="search", arguments="{}"),))),
        ("refusal", Answer(content="I'm sorry, but I can't help with that.")),
        ("refusal", Answer(refusal="No.")),
        ("refusal", Answer(content="", finish_reason="content_filter")),
        ("empty", Answer()),
        ("empty", Answer(content=" \n")),
        ("json", Answer(content=' {"a": [1, 2]}\n')),
        ("json", Answer(content='```json\n{"a": 1}\n```')),
        ("json", Answer(content='~~~json\n{"a": "```"}\n~~~')),
        ("json", Answer(content="[" + "1," * 20_000 + "1]")),
        ("code", Answer(content="Try this:\n```python\nprint(1)\n```")),
        ("code", Answer(content="```\n{not json}\n```")),
        ("list", Answer(content="Two things:\n- one\n- two")),
        ("list", Answer(content="1. one\n2) two\n\n3. three")),
        ("label", Answer(content="card_arrival")),
        ("label", Answer(content="{unclear}")),
        ("prose", Answer(content="- Not a list, as one item with a dash in front makes none.")),
        ("prose", Answer(content="The parcel was sent on Monday and is to arrive on Thursday.")),
    ],
)
def test_forms_of_answers(form, answer):
    assert format_of(answer) == form


def test_short_answers_are_labels_whatever_their_case_and_full_stop():
    label = of_answer("Card_Arrival.")["label"]

    assert label == of_answer(" card_arrival")["label"] != of_answer("card_lost")["label"]
    assert of_answer("x" * 41)["label"] == of_answer("")["label"] == {0: 1}
    assert label != {0: 1}


def test_reasons_to_finish_are_told_apart_as_far_as_they_are_known():
    reasons = (None, "stop", "length", "tool_calls", "content_filter", "function_call", "incomplete", "else")
    bins = [of_answer("x", finish_reason=reason)["finish_reason"] for reason in reasons]

    assert bins == [{bin_: 1} for bin_ in range(8)]
    assert of_answer("x", finish_reason="made up")["finish_reason"] == bins[-1]


@given(texts, texts)
def test_a_word_that_a_longer_text_gives_as_a_sample_is_one_of_its_parts(one, other):
    def sample(text):
        return set(sampled(words(SALT, text), 8, BINS["novelty"]))

    assert sample(f"{one} {other}") <= sample(one) | sample(other)
    assert len(sample(one)) <= 8


def test_numbers_are_one_word_and_scripts_without_spaces_have_one_for_each_character():
    assert np.array_equal(words(SALT, "Order 17"), words(SALT, "order 4,711".replace(",", "")))
    assert len(words(SALT, "四川料理 great")) == 5


def test_of_a_long_text_beginning_and_end_are_read():
    long = "begin " + "x " * 100_000 + "end"

    assert len(excerpt(long)) < 2_000
    assert {*words(SALT, "begin end").tolist()} <= {*words(SALT, long).tolist()}


@given(texts)
def test_each_pair_of_cosine_and_sine_lies_on_the_circle(text):
    features = np.array(word_features(words(SALT, text)), float) / FIXED_POINT
    cosines, sines = features[:FREQUENCIES], features[FREQUENCIES:]

    assert cosines**2 + sines**2 == pytest.approx(1.0, abs=1e-3)


def closeness(one, other):
    """The kernel between two texts: the mean of the cosines of what their angles differ by."""
    first, second = (np.array(word_features(words(SALT, text)), float) / FIXED_POINT for text in (one, other))
    return float(first @ second) / FREQUENCIES


def test_the_more_words_two_texts_share_the_closer_their_word_features():
    text = "please transfer some money from my savings to my checking account"
    near, far = text.replace("savings", "travel"), "how many calories does a bowl of rice with beans have"

    assert closeness(text, text) == pytest.approx(1.0, abs=1e-3)
    # exp(-d²/2): of 22 words and pairs of these, two of them twice, three change; nothing in common is d² = 2.
    assert closeness(text, near) == pytest.approx(math.exp(-3 / 23), abs=0.06)
    assert closeness(text, far) == pytest.approx(math.exp(-1), abs=0.12)


def test_the_worker_counts_features_of_live_exchanges_that_the_teacher_answered(tmp_path):
    answering = Upstream(lambda _: json_reply(chat_completion("five", model="student-1")))
    with answering as upstream, world(tmp_path, student(url=upstream.url)) as there:
        there.run(
            exchange(1),
            exchange(2, prompt="three and four?", answer="seven"),
            exchange(3, source="replay"),
            exchange(4, response=b'{"error": {"message": "no"}}'),
            exchange(5, status=500),
        )

        def sums(side, name=""):
            summed = {}
            for row in there.store.sketches("r", side=side, student=name):
                summed[row.feature] = summed.get(row.feature, 0) + row.bins
            return summed

        assert sums("input")["length"].sum() == 2
        assert sums("input")["novelty"].sum() == len({"two", "and"}) + len({"three", "and", "four"})
        assert set(sums("teacher")) == set(sums("student", "small")) == set(of_answer(""))
        assert np.array_equal(sums("teacher")["label"], sums("teacher", "small")["label"])
        assert sums("teacher")["label"].max() == 1
        assert sums("student", "small")["label"].max() == 2
        assert all(row.hour <= time.time() < row.hour + 7_200 for row in there.store.sketches("r", side="input"))


def test_a_student_that_does_not_answer_has_no_features(tmp_path):
    with world(tmp_path, student()) as there:
        there.run(exchange(1))

        assert there.store.sketches("r", side="input") != []
        assert there.store.sketches("r", side="student", student="small") == []
        assert there.store.sketches("r", side="teacher", student="small") == []
