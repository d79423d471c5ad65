import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.shadow.redaction import redactor

KINDS = ["email", "phone", "card", "iban", "secret"]
EVERYTHING = redactor(KINDS)

FOUND = [
    ("email", "Write to jane.doe+news@mail.example.co.uk.", "Write to [email]."),
    ("email", "<müller@exämple.de>, x_y@a-b.io", "<[email]>, [email]"),
    ("phone", "Call +49 151 12345678 or +1 (415) 555-2671.", "Call [phone] or [phone]."),
    ("phone", "Call (555) 123-4567, 1-800-555-1234 or 555.123.4567", "Call [phone], [phone] or [phone]"),
    (
        "phone",
        "Ruf 030 12345678, 0151/23456789, 01512345678 oder 0049 30 1234567",
        "Ruf [phone], [phone], [phone] oder [phone]",
    ),
    ("phone", "020 7946 0958", "[phone]"),
    ("card", "4111 1111 1111 1111, 4111-1111-1111-1111, 4111111111111111", "[card], [card], [card]"),
    ("card", "in 2024 5500 0000 0000 0004; Amex 3782 822463 10005", "in 2024 [card]; Amex [card]"),
    ("iban", "DE89 3704 0044 0532 0130 00 BIC COBADEFF", "[iban] BIC COBADEFF"),
    ("iban", "GB82WEST12345698765432, gb82 west 1234 5698 7654 32.", "[iban], [iban]."),
    ("secret", "use sk-proj-" + "aB3_" * 10, "use [secret]"),
    ("secret", "ghp_" + "a1" * 18 + " and github_pat_" + "a1_" * 20, "[secret] and [secret]"),
    ("secret", "AKIAIOSFODNN7EXAMPLE xoxb-123456789012-abcdefABCDEF", "[secret] [secret]"),
    ("secret", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abcDEF_-12", "[secret]"),
    ("secret", "Authorization: Bearer abc123.def456-ghi789", "Authorization: Bearer [secret]"),
    ("secret", "curl -H 'x-api-key: 0123456789abcdef'", "curl -H 'x-api-key: [secret]'"),
    ("secret", "password=hunter2 and password: hunter2", "password=[secret] and password: [secret]"),
    ("secret", 'OPENAI_API_KEY="a b c"', 'OPENAI_API_KEY="[secret]"'),
    ("secret", "{'client_secret': 'x!y'}", "{'client_secret': '[secret]'}"),
    ("secret", "postgresql://user:p4ss@db.example/app", "postgresql://user:[secret]@db.example/app"),
    ("secret", "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\nrest", "[secret]\nrest"),
    ("secret", "cut off: -----BEGIN PRIVATE KEY-----\nMIIE", "cut off: [secret]"),
]

KEPT = [
    "",
    "Where is my order 1700000000? It cost 1,234,567.89 on 2024-11-20, or 20.11.2024.",
    "react@18.2.0, @angular/core, a @ b",
    "192.168.100.200, 3f:aa:12, 0.4111111111111111",
    "4111 1111 1111 1112 has a wrong check digit",
    "DE89370400440532013001 has wrong check digits, XX89370400440532013000 no country",
    "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16",
    "max_tokens=100, prompt_cache_key=abc, token: hello, key: value",
    "The password: must be long. Secretary: Jane. password=${PASSWORD}, api_key=<YOUR KEY>",
    "sk-learn, bearer responsibilities-and-such, eyJ",
    "data:image/png;base64,iVBORw0KGgo4111111111111111==",
    "日本語のテキスト 😀 \ud800",
]

PIECES = st.sampled_from(
    [text for _, text, _ in FOUND]
    + KEPT
    + ["password", "=", ": ", '"', "'", "\\", "{", "}", "[secret]", "@", "+", " 1"]
)
TEXTS = st.one_of(st.text(), st.lists(PIECES, max_size=5).map("".join))
JSON_VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXTS, inner, max_size=4)),
    max_leaves=12,
)


def shape(value):
    """A JSON value with every scalar blanked out: its keys and its nesting."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items()}
    return [shape(inner) for inner in value] if isinstance(value, list) else None


@pytest.mark.parametrize(("kind", "text", "redacted"), FOUND)
def test_personal_data_and_secrets_are_replaced_by_their_kind(kind, text, redacted):
    assert redactor([kind])(text) == redacted


@pytest.mark.parametrize("text", KEPT)
def test_other_text_is_not_touched(text):
    assert EVERYTHING(text) == text


def test_only_the_kinds_asked_for_are_taken_out():
    text = "a@b.de, +49 151 12345678, password=x1y"

    assert redactor(["email"])(text) == "[email], +49 151 12345678, password=x1y"
    assert redactor([])(text) == text


def test_an_unknown_kind_is_refused_with_those_that_exist():
    with pytest.raises(ValueError, match="'mail' cannot be redacted; allowed are card, email, iban, phone, secret"):
        redactor(["mail"])


def test_every_string_of_a_body_is_redacted_and_the_body_itself_is_not_changed():
    body = {
        "model": "gpt-4o",
        "temperature": 0.5,
        "created": 4111111111111111,
        "a@b.de": None,
        "messages": [{"role": "user", "content": [{"type": "text", "text": "I am a@b.de"}]}],
    }
    before = json.dumps(body)

    redacted = EVERYTHING(body)

    assert json.dumps(body) == before
    assert json.dumps(redacted) == before.replace("I am a@b.de", "I am [email]")
    assert redacted["messages"][0] is not body["messages"][0]


def test_the_value_of_a_key_that_names_a_secret_goes_whatever_it_looks_like():
    body = {"metadata": {"db_password": "tiger", "API-Key": "short", "pwd": 1234, "note": "tiger"}}

    assert EVERYTHING(body)["metadata"] == {
        "db_password": "[secret]",
        "API-Key": "[secret]",
        "pwd": "[secret]",
        "note": "tiger",
    }


def test_a_schema_that_speaks_of_a_password_stays_as_it_is():
    schema = {"properties": {"password": {"type": "string"}, "token": {"type": "string"}}, "required": ["password"]}

    assert EVERYTHING(schema) == schema
    assert EVERYTHING(json.dumps(schema)) == json.dumps(schema)


def test_arguments_stay_json_and_keep_all_that_is_not_taken_out_to_the_letter():
    arguments = '{ "to":"a@b.de",  "password" : "x\\"y", "card": 4111111111111111, "n": 1.50, "note": "\\u00e9 \\n" }'

    assert EVERYTHING(arguments) == (
        '{ "to":"[email]",  "password" : "[secret]", "card": "[card]", "n": 1.50, "note": "\\u00e9 \\n" }'
    )


def test_json_inside_json_is_redacted_too():
    inner = json.dumps({"mail": 'Jane "J" <a@b.de>', "pwd": "é"})
    outer = json.dumps({"arguments": inner, "x": ["+49 151 12345678"]})

    redacted = json.loads(EVERYTHING(outer))

    assert json.loads(redacted["arguments"]) == {"mail": 'Jane "J" <[email]>', "pwd": "[secret]"}
    assert redacted["x"] == ["[phone]"]


@given(value=JSON_VALUES)
def test_redacting_twice_is_redacting_once(value):
    once = EVERYTHING(value)

    assert EVERYTHING(once) == once


@given(value=JSON_VALUES)
def test_keys_and_nesting_stay(value):
    assert shape(EVERYTHING(value)) == shape(value)


@given(value=JSON_VALUES.filter(lambda value: isinstance(value, dict | list)), ascii_only=st.booleans())
def test_a_string_that_is_json_stays_json_of_the_same_shape(value, ascii_only):
    redacted = EVERYTHING(json.dumps(value, ensure_ascii=ascii_only))

    assert shape(json.loads(redacted)) == shape(value)


@pytest.mark.parametrize("kind", KINDS)
def test_a_find_is_taken_out_wherever_it_stands_in_other_text(kind):
    for expected, text, redacted in FOUND:
        if expected == kind:
            assert redactor([kind])(f"Hello,\n{text}\nBye.") == f"Hello,\n{redacted}\nBye." or text.startswith(
                "cut off"
            )


PIECES_OF_A_MAIL = ["mail", " john", ".doe", "@example", ".com", " now"]


def chat_token(text, token=None, alternatives=()):
    tops = [{"token": each, "logprob": -3.0, "bytes": list(each.encode())} for each in alternatives]
    shown = text if token is None else token
    return {"token": shown, "logprob": -0.1, "bytes": list(text.encode()), "top_logprobs": tops}


def logprobs_of(surface, pieces):
    """Log-probabilities as a surface gives them."""
    tokens = [chat_token(piece, alternatives=[piece]) for piece in pieces]
    if surface == "completions":
        tops = [{piece: -0.1} for piece in pieces]
        return {"tokens": pieces, "token_logprobs": [-0.1] * len(pieces), "top_logprobs": tops, "text_offset": []}
    return {
        "chat": {"content": tokens, "refusal": None},
        "refusal": {"content": None, "refusal": tokens},
        "shown as ids": {"content": [chat_token(piece, token="token_id:7") for piece in pieces]},
        "an alternative": {"content": [chat_token("none", alternatives=["john.doe@example.com"])]},
        "responses": tokens,
    }[surface]


@pytest.mark.parametrize("surface", ["chat", "refusal", "completions", "responses", "shown as ids", "an alternative"])
def test_log_probabilities_do_not_keep_what_was_taken_out_of_the_text(surface):
    body = {"choices": [{"index": 0, "logprobs": logprobs_of(surface, PIECES_OF_A_MAIL)}]}

    assert EVERYTHING(body) == {"choices": [{"index": 0, "logprobs": None}]}


@pytest.mark.parametrize("surface", ["chat", "refusal", "completions", "responses"])
def test_log_probabilities_stay_where_nothing_is_taken_out(surface):
    harmless = {"logprobs": logprobs_of(surface, ["The", " order", " ships", " on", " Monday"])}
    mail = {"logprobs": logprobs_of(surface, PIECES_OF_A_MAIL)}

    assert EVERYTHING(harmless) == harmless
    assert redactor([])(mail) == mail


def test_what_else_is_called_logprobs_stays():
    body = [{"logprobs": each} for each in (True, 5, None, [], {}, ["a", 1], {"content": [{"bytes": [999, "x"]}]})]

    assert EVERYTHING(body) == body


@pytest.mark.parametrize(
    "path", ["password", "user.password", "accounts[0].api_key", "login.client_secret[2]", "PASSWORD"]
)
def test_a_difference_is_redacted_as_what_stands_under_its_path(path):
    found = {"path": path, "kind": "field_changed", "teacher": '"hunter2"', "student": 1234}

    assert EVERYTHING([found]) == [{**found, "teacher": "[secret]", "student": "[secret]"}]
    assert EVERYTHING({**found, "path": "name"}) == {**found, "path": "name"}
    assert redactor(["email"])(found) == found


def test_a_path_says_nothing_of_what_is_no_difference():
    for value in ({"path": "password", "kind": "x"}, {"path": ["password"], "teacher": "x"}, {"path": "$.x"}):
        assert EVERYTHING(value) == value


def test_what_only_looks_like_json_is_redacted_as_text():
    assert EVERYTHING('{"mail": "a@b.de" and more') == '{"mail": "[email]" and more'
    assert EVERYTHING('{"path": "C:\\\\x", "mail": "a@b.de \\q"}') == '{"path": "C:\\\\x", "mail": "[email] \\q"}'


def test_deep_nesting_is_no_obstacle():
    value = "a@b.de"
    for _ in range(5_000):
        value = [value]

    redacted = EVERYTHING(value)

    for _ in range(5_000):
        redacted = redacted[0]
    assert redacted == "[email]"
    assert EVERYTHING("[" * 5_000 + '"a@b.de"' + "]" * 5_000) == "[" * 5_000 + '"[email]"' + "]" * 5_000


HOSTILE = {
    "at signs": "a@",
    "domain": "a.",
    "digits": "1",
    "card digits": "4",
    "spaced digits": "1 ",
    "card groups": "4234 ",
    "zeros": "0",
    "pluses": "+1",
    "parentheses": "(",
    "gaps": "+1. ",
    "names": "password",
    "parts of names": "a_",
    "dashes": "a-",
    "assignments": "password=",
    "open quotes": "secret='",
    "backslashes": "password\\",
    "keys": "-----BEGIN PRIVATE KEY-----",
    "tokens": "eyJaaaaaaaaa.",
    "prefixes": "sk-",
    "urls": "://a:",
    "bearer": "bearer ",
    "ibans": "DE89 ",
    "solid ibans": "DE89",
    "objects": '{"a":',
    "blanks": " ",
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("unit", HOSTILE.values(), ids=HOSTILE.keys())
def test_time_grows_in_step_with_the_text_whatever_stands_in_it(unit, kind):
    redact = redactor([kind])

    def seconds(size: int) -> float:
        text = "password +1 a@ " + unit * (size // len(unit)) + "é"
        start = time.thread_time()  # this thread's own: others may be busy too
        redact(text)
        return time.thread_time() - start

    # Quadratic time would take 100 times as long, and would do so every time.
    assert any(seconds(60_000) < 35 * max(seconds(6_000), 0.001) for _ in range(8))


@pytest.mark.parametrize(("kind", "text", "redacted"), FOUND)
def test_it_tells_what_it_takes_out(kind, text, redacted):
    taken = redactor([kind]).taken_out({"a": [text]})

    assert len(taken) == redacted.count(f"[{kind}]")
    rest = text
    for found, mark in taken:
        assert (found in rest, mark) == (True, f"[{kind}]")
        rest = rest.replace(found, mark, 1)
    assert rest == redacted


@given(st.lists(PIECES).map("".join))
def test_it_tells_of_something_wherever_it_takes_something_out(text):
    taken = EVERYTHING.taken_out(text)

    assert bool(taken) == (EVERYTHING(text) != text)
    assert all(found and found in text for found, _ in taken if text.lstrip()[:1] not in ("{", "["))
