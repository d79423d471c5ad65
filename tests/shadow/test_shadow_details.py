"""What of a score's detail is stored: nothing that redaction takes out of the answers that it tells of."""

import asyncio
import json
import re

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from comparators.base import Answer, Request, ToolCall
from comparators.registry import build
from comparators.running import InPlace
from proxy.shadow.details import DetailRedaction
from proxy.shadow.redaction import redactor
from proxy.shadow.scoring import score_pair
from tests.fakes.chat import chat_completion
from tests.fakes.upstream import Upstream, json_reply
from tests.shadow.shadow_world import exchange, only, student, world


def said(password):
    return json.dumps({"name": "jane", "password": password})


@pytest.mark.parametrize("comparator", [{"use": "label", "field": "password"}, {"use": "json"}])
def test_a_detail_does_not_keep_the_secrets_that_are_taken_out_of_the_answers(tmp_path, comparator):
    teacher, given = (json_reply(chat_completion(said(word), model="m")) for word in ("hunter2", "swordfish"))
    with Upstream(lambda _: given) as upstream:
        with world(tmp_path, student(url=upstream.url), comparators=[comparator]) as there:
            pair = only(there.run(exchange(response=teacher.pieces[0])))

    [score] = pair.pair.scores.values()
    shown = json.dumps(score.detail)
    assert not score.agree
    assert "[secret]" in shown
    assert "hunter2" not in shown
    assert "swordfish" not in shown


def test_a_detail_shows_what_is_no_secret(tmp_path):
    teacher, given = (
        json_reply(chat_completion(json.dumps({"intent": word}), model="m")) for word in ("refund", "exchange")
    )
    with Upstream(lambda _: given) as upstream:
        with world(tmp_path, student(url=upstream.url), comparators=[{"use": "label", "field": "intent"}]) as there:
            pair = only(there.run(exchange(response=teacher.pieces[0])))

    assert pair.pair.scores["label"].detail == {"teacher": "refund", "student": "exchange"}


KINDS = ["secret", "email", "iban", "card", "phone"]
CARD = "4111 1111 1111 1111"
FILLER = "one two three four five six seven eight nine ten "


def details(comparators, *answers):
    """What is stored of the details of these scores, as JSON."""
    sides = [Answer(content=side) if isinstance(side, str) else side for side in answers]
    built = [(str(number), build(each["use"], each["options"])) for number, each in enumerate(comparators)]
    scored = asyncio.run(
        score_pair(
            built,
            Request(surface="chat/completions", body={}),
            *sides,
            redact=DetailRedaction(redactor(KINDS), *sides),
            runner=InPlace(),
        )
    )
    return [json.dumps(score.detail, ensure_ascii=False) for score in scored.scores.values()]


def build_of(use, **options):
    return {"use": use, "options": options}


def nested(use, **options):
    return {"use": use, **options}


FIELD = nested("label", field="password")


@pytest.mark.parametrize(
    "comparator",
    [
        build_of("label"),
        build_of("by_field", cases=[{"when": {"surface": "chat/completions"}, **FIELD}]),
        build_of("all_of", comparators=[FIELD]),
        build_of("weighted", comparators=[FIELD, nested("text")]),
        build_of("auto"),
        build_of("json"),
        build_of("exact"),
        build_of("text"),
    ],
    ids=lambda comparator: comparator["use"],
)
@pytest.mark.parametrize(
    ("teacher", "student"),
    [
        ("hunter2", "swordfish"),
        ("Hunter2.", "SwordFish!"),
        ("huńter2 sesame", "swordfish"),
        (1234567, 7654321),
        ("x1", "?!"),
    ],
)
def test_no_comparator_keeps_what_went_by_the_name_of_a_secret(comparator, teacher, student):
    [shown] = details(
        [comparator], *(json.dumps({"password": word}, ensure_ascii=False) for word in (teacher, student))
    )

    for word in (teacher, student):
        assert str(word).casefold() not in shown.casefold()
        assert str(word).rstrip(".!").casefold() not in shown.casefold() or not str(word).strip("?!")


@pytest.mark.parametrize("words", range(30, 45))
def test_a_number_that_a_cut_falls_into_is_not_kept_in_part(words):
    text = " ".join((FILLER * 10).split()[:words]) + f" {CARD} " + FILLER * 10
    [shown] = details([build_of("text")], text, "none")

    assert not any(
        character.isdecimal() for character in re.sub(r"\(\d+ characters\)", "", json.loads(shown)["teacher"])
    )


def test_what_is_no_secret_is_shown_beside_one_that_is_taken_out():
    [shown] = details(
        [build_of("text")], f"Welcome! Charge {CARD}, please, within 30 days.", "No, mail to jo@gmail.com"
    )

    assert json.loads(shown)["teacher"] == "Welcome! Charge [card], please, within 30 days."
    assert json.loads(shown)["student"] == "No, mail to [email]"


WORDS = st.lists(st.sampled_from((FILLER + "answer is Answer: ( ) , . \n").split(" ")), max_size=40).map(" ".join)
SECRETS = st.sampled_from(
    [
        CARD,
        "4111-1111-1111-1111",
        "3782 822463 10005",
        "DE89 3704 0044 0532 0130 00",
        "GB82 WEST 1234 5698 7654 32",
        "+49 151 12345678",
        "+1 (415) 555-2671",
        "0049 30 1234567",
        "x1@example42.org",
        "password=5a6b7c8d",
        'password: "1 22 333 4444 5"',
        "Bearer 123.456-789aaaaaaaa0",
        "https://user:77-88-99@host/",
    ]
)
TEXTS = st.lists(st.one_of(WORDS, SECRETS), min_size=1, max_size=5).map(" ".join)
AS_JSON = st.dictionaries(st.sampled_from(["password", "note", "n"]), TEXTS, min_size=1).map(json.dumps)
COMPARATORS = [
    *(build_of(use) for use in ("auto", "exact", "label", "number", "text", "refusal", "json")),
    build_of("label", field="password"),
    build_of("all_of", comparators=[FIELD, nested("number")]),
    build_of("tool_calls", otherwise="exact"),
]


@st.composite
def answers(draw):
    text = draw(st.one_of(TEXTS, AS_JSON))
    if draw(st.integers(0, 4)) == 0:
        return Answer(tool_calls=(ToolCall(name="f", arguments=text),))
    return Answer(content=text)


@settings(deadline=None)
@given(answers(), answers())
def test_no_digit_of_what_is_taken_out_of_the_answers_stays_in_any_detail(teacher, student):
    whole = [
        redactor(KINDS)([each.content, *(call.arguments for call in each.tool_calls)]) for each in (teacher, student)
    ]
    assume(not any(character.isdecimal() for character in str(whole)))  # all digits stood in what was taken out

    for shown in details(COMPARATORS, teacher, student):
        texts = "".join(re.findall(r'"(?:[^"\\]|\\.)*"', re.sub(r"\(\d+ characters\)", "", shown)))
        assert not re.search(r"\d", texts), shown
