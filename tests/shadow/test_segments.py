import json
import re
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comparators.language.detection import LANGUAGES, READ_CHARACTERS
from proxy.config.checks import SEGMENT_VALUES
from proxy.config.model import BodySegment, BuiltInSegment, HeaderSegment
from proxy.shadow.exchanges import Terms, read_exchange
from proxy.shadow.language import language_segment
from proxy.shadow.redaction import redactor
from proxy.shadow.segments import LENGTH_BANDS, length_band, segment_values
from tests.shadow.shadow_world import TEACHER, configuration, exchange

CLINC = Path(__file__).parents[2].parent / "shared" / "data" / "clinc150.jsonl"


@pytest.fixture(scope="module")
def identify():
    return language_segment


def values(*wanted, text="", body=None, **given):
    facts = {
        "surface": "chat/completions",
        "headers": {},
        "tags": {},
        "turn": "first",
        "arrived_at": 0.0,
        "teacher_version": "gpt-4o-2026",
        "identify": lambda text: f"language of {text}",
    }
    return segment_values(
        wanted, body={"messages": [{"role": "user", "content": text}], **(body or {})}, **facts | given
    )


TEXTS = {
    "en": ["Where is my order? It should have arrived yesterday.", "I would like to book a flight to Boston"],
    "de": ["Wo ist meine Bestellung? Sie hätte gestern ankommen sollen.", "Ich möchte einen Flug nach Berlin buchen"],
    "fr": ["Où est ma commande ? Elle devait arriver hier."],
    "es": ["¿Dónde está mi pedido? Tenía que llegar ayer."],
    "nl": ["Waar is mijn bestelling? Die had gisteren moeten aankomen."],
    "zh": ["我的订单在哪里？请帮我查一下物流信息，谢谢你们的帮助。"],  # noqa: RUF001 - Chinese punctuation
    "und": ["", "Hi!", "Berlin, München", "12345 67890 12345 67890 12345", "ORD-1 ORD-2", "\ud800" * 40],
}


@pytest.mark.parametrize(("language", "text"), [(key, text) for key, texts in TEXTS.items() for text in texts])
def test_the_language_of_a_text_is_told_and_of_next_to_nothing_is_undetermined(identify, language, text):
    assert identify(text) == language


def test_a_text_of_twenty_letters_is_the_shortest_that_is_looked_at(identify):
    assert identify("Ich bin sehr glücklic") == "und"  # 18 letters
    assert identify("Ich bin sehr glücklich darüber") == "de"


@pytest.mark.skipif(not CLINC.exists(), reason="the recorded utterances are not here")
def test_real_english_utterances_are_english(identify):
    texts = [json.loads(line)["text"] for line in CLINC.read_text("utf-8").splitlines()[::20]]
    told = [identify(text) for text in texts if sum(map(str.isalpha, text)) >= 20]

    assert told.count("en") / len(told) > 0.98


def test_language_and_length_are_those_of_the_newest_user_turn():
    assert values("language", "length", text="Hallo") == {
        "language": "language of Hallo",
        "length": "under-100",
        "teacher_version": "gpt-4o-2026",
    }


@pytest.mark.parametrize(
    ("characters", "band"),
    [
        (0, "under-100"),
        (99, "under-100"),
        (100, "100-500"),
        (499, "100-500"),
        (500, "500-2k"),
        (2_000, "2k-8k"),
        (7_999, "2k-8k"),
        (8_000, "over-8k"),
        (10**7, "over-8k"),
    ],
)
def test_lengths_fall_into_bands(characters, band):
    assert length_band(characters) == band


def test_turn_is_what_the_request_is():
    assert values("turn", turn="after_tool")["turn"] == "after_tool"


FUNCTION = {"type": "function", "function": {"name": "get_weather"}}
OF_RESPONSES = {"type": "function", "name": "book_flight"}
CUSTOM = {"type": "custom", "custom": {"name": "run_query"}}


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({}, "none"),
        ({"tools": []}, "none"),
        ({"tools": [FUNCTION, OF_RESPONSES, CUSTOM, FUNCTION]}, "book_flight,get_weather,run_query"),
        ({"functions": [{"name": "get_weather"}]}, "get_weather"),
        ({"tools": [{"name": ["no name"]}, "no tool", {"type": 3}]}, "none"),
        ({"tools": "none at all"}, "none"),
    ],
)
def test_tools_are_those_that_the_request_offers(body, told):
    assert values("tools", body=body)["tools"] == told


def test_many_tools_are_told_by_a_fingerprint_whatever_their_order():
    tools = [{"type": "function", "function": {"name": f"a_tool_of_many_{n}"}} for n in range(12)]

    told = values("tools", body={"tools": tools})["tools"]

    assert re.fullmatch("12-tools-[0-9a-f]{8}", told)
    assert values("tools", body={"tools": tools[::-1]})["tools"] == told
    assert values("tools", body={"tools": tools[1:]})["tools"] != told


def instructed(text, surface="chat/completions"):
    body = (
        {"messages": [{"role": "system", "content": text}]} if surface == "chat/completions" else {"instructions": text}
    )
    return values("system_prompt", body=body, surface=surface)["system_prompt"]


def test_a_system_prompt_is_told_by_a_fingerprint_whatever_its_numbers_and_white_space():
    told = instructed("You are a bank's assistant.\nToday is day 17 of 2026.")

    assert re.fullmatch("[0-9a-f]{8}", told)
    assert instructed("You are  a bank's assistant. Today is day 8 of 2027. ") == told
    assert instructed("You are a bank's assistant.\nToday is day 17 of 2026.", surface="responses") == told
    assert instructed("You are a shop's assistant.\nToday is day 17 of 2026.") != told
    assert instructed(" ") == "none"


@pytest.mark.parametrize(
    ("hours", "told"), [(0, "00-06"), (5.99, "00-06"), (6, "06-12"), (12, "12-18"), (23.99, "18-24"), (24, "00-06")]
)
def test_hour_is_a_quarter_of_the_day(hours, told):
    assert values("hour", arrived_at=20_000 * 86_400 + hours * 3600)["hour"] == told


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (" transfer_money\n", "transfer_money"),
        ("x" * 40, "x" * 40),
        ("x" * 41, "none"),
        ("two\nlines", "none"),
        ("", "none"),
        (None, "none"),
    ],
)
def test_a_short_answer_of_one_line_is_a_label(answer, told):
    assert values("label", answer=answer)["label"] == told


def test_a_label_is_redacted():
    assert values("label", answer="ann@example.org", redact=redactor(["email"]))["label"] == "[email]"


def test_an_exchange_is_sliced_by_what_it_is_told_of_its_own_arrival_and_of_the_redacted_answer():
    [route] = configuration(segments=["hour", "label"], redact=["email"]).routes
    terms = Terms(route=route, definition="", comparators=(), redact=redactor(route.redact), salt=b"", limit=10_000)

    told = read_exchange(exchange(answer="ann@example.org", arrived_at=13 * 3600.0), terms).record.segments

    assert told == {"hour": "12-18", "label": "[email]", "teacher_version": TEACHER}


def test_no_segment_reads_an_answer_that_is_not_asked_for():
    assert "secret answer" not in values("language", "length", "turn", answer="secret answer").values()


def test_headers_are_found_whatever_their_case():
    tenant = HeaderSegment(header="X-Tenant", **{"as": "tenant"})

    assert values(tenant, headers={"x-tenant": "acme"})["tenant"] == "acme"
    assert values(tenant)["tenant"] == "none"
    assert values(tenant, headers={"x-tenant": " "})["tenant"] == "none"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("metadata.tier", "gold"),
        ("metadata.beta", "true"),
        ("metadata.level", "3"),
        ("metadata.list.1", "b"),
        ("metadata.list", "other"),
        ("metadata", "other"),
        ("metadata.nothing", "none"),
        ("metadata.tier.deeper", "none"),
        ("no.such", "none"),
        ("metadata.list.7", "none"),
    ],
)
def test_body_fields_are_found_by_dotted_path(path, value):
    metadata = {"tier": "gold", "beta": True, "level": 3, "list": ["a", "b"], "nothing": None}

    assert values(BodySegment(body=path, **{"as": "x"}), body={"metadata": metadata})["x"] == value


def test_every_tag_has_its_own_key_and_none_displaces_a_segment_of_the_route():
    tags = {"tenant": "acme", "tier": "gold", "turn": "faked", "teacher_version": "faked", "": "nameless"}

    assert values("tags", "turn", tags=tags) == {
        "tenant": "acme",
        "tier": "gold",
        "turn": "first",
        "teacher_version": "gpt-4o-2026",
    }
    assert values("turn", tags=tags) == {"turn": "first", "teacher_version": "gpt-4o-2026"}


def test_the_teacher_version_is_always_told():
    assert values(teacher_version=None) == {"teacher_version": "none"}


@given(value=st.text(max_size=200))
def test_values_are_short_and_without_control_characters(value):
    [told] = {key: told for key, told in values("tags", tags={"k": value}).items() if key == "k"}.values()

    assert 1 <= len(told) <= 64
    assert all(ord(character) >= 32 for character in told)
    assert told.encode("utf-8")
    assert told == told.strip()


def test_the_documented_bands_and_languages_are_those_in_use():
    page = (Path(__file__).parents[2] / "docs" / "segments.md").read_text("utf-8")

    bands = page.partition("## Lengths")[2].partition("## Languages")[0]
    assert re.findall(r"^\| `(.*?)` \|", bands, re.MULTILINE) == list(LENGTH_BANDS.values())
    segments = page.partition("## How many values")[0]
    assert {*get_args(BuiltInSegment), "teacher_version"} <= {*re.findall(r"^\| `(\w+)` \|", segments, re.MULTILINE)}
    assert all(f"`{value}`" in segments for known in SEGMENT_VALUES.values() for value in known)
    assert f"among {len(LANGUAGES)} languages, from the first {READ_CHARACTERS:,} characters" in " ".join(page.split())
