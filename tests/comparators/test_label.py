import json

import pytest

from comparators.base import ComparatorError
from tests.comparators.pairs import compare


@pytest.mark.parametrize(
    "student",
    [
        "Refund.",
        "refund",
        "REFUND!",
        " refund\n",
        '"refund"',
        "'Refund'.",
        "“Refund”",
        "**Refund**",
        "**refund**.",
        "*refund.*",
        "`refund`",
        "_refund_",
        "- refund",
        "## Refund",
        "(refund)",
        "[refund]",
        "refund)",
        "「refund」。",
        "ｒｅｆｕｎｄ",  # noqa: RUF001 - full-width letters
        "```\nrefund\n```",
        "~~~text\nrefund\n~~~",
        "- ```\n  refund\n  ```",
        '{"label": "refund"}',
        '{"anything": "Refund."}',
        '```json\n{"label": "refund"}\n```',
    ],
)
def test_a_label_is_the_same_however_it_is_written_down(student):
    assert compare("label", "refund", student).agree


@pytest.mark.parametrize(
    ("teacher", "student"),
    [
        ("refund", "refunds"),
        ("refund", "The label is refund."),
        ("refund", "refund, exchange"),
        ("account_closed", "account closed"),
        ("C", "C++"),
        ("C", "C#"),
        ("5", "-5"),
        ("f(x)", "f(y)"),
        ("!!!", "???"),
        ("refund", ""),
        ("refund", '{"label": "refund", "reason": "late"}'),
        ("refund", '{"label": ["refund"]}'),
        ("ABC-123", "abc-123"),
        ("sk_Aa1", "sk_aa1"),
        ("API_KEY", "api_key"),
        ("Order ABC-123", "order abc-123"),
        ("https://a.example/Xy", "https://a.example/xY"),
        ("ls -L", "ls -l"),
        ("10²", "102"),
        ("1½", "11/2"),
    ],
)
def test_what_makes_another_label_is_not_tolerated(teacher, student):
    score = compare("label", teacher, student)

    assert (score.score, score.agree, score.kinds) == (0.0, False, ("label_changed",))
    assert score.agree == compare("label", student, teacher).agree


@pytest.mark.parametrize(
    "student",
    [
        "Refund.",
        '{"label": "refund"}',
        '{"label": "Refund", "reason": "it came late"}',
        '```json\n{"label": "refund"}\n```',
        'Here it is:\n```json\n{"label": "refund"}\n```\nAnything else?',
        'I would say {"label": "refund"}.',
    ],
)
def test_with_a_field_the_label_is_found_in_the_json_that_the_answer_carries(student):
    assert compare("label", '{"label": "refund"}', student, field="label").agree
    assert not compare("label", '{"label": "exchange"}', student, field="label").agree


def test_the_field_may_be_a_dotted_path_and_its_value_any_scalar():
    teacher = json.dumps({"result": {"urgent": True, "stars": 4.0}})

    assert compare("label", teacher, '{"result": {"urgent": "true"}}', field="result.urgent").agree
    assert compare("label", teacher, '{"result.stars": 4}', field="result.stars").agree


def test_without_the_field_in_it_json_is_no_label():
    assert not compare("label", "refund", '{"category": "refund"}', field="label").agree


def test_an_answer_that_is_none_of_the_labels_is_told_apart():
    labels = ["Refund", "exchange", "other"]

    assert compare("label", "refund", "I am not sure.", labels=labels).kinds == ("label_unknown",)
    assert compare("label", "refund", "exchange", labels=labels).kinds == ("label_changed",)
    assert compare("label", "refund.", "REFUND", labels=labels).agree


def test_the_case_of_a_label_that_is_among_those_given_does_not_count():
    labels = ["card_arrival", "Top_Up_2", "other"]

    assert compare("label", "card_arrival", "CARD_ARRIVAL", labels=labels).agree
    assert compare("label", "top_up_2", "Top_Up_2.", labels=labels).agree
    assert compare("label", "sk_Aa1", "sk_aa1", labels=labels).kinds == ("label_unknown",)


def test_the_case_of_words_beside_an_id_does_not_count():
    assert compare("label", "Order ABC-123", "order ABC-123.").agree


def test_detail_shows_both_labels_and_stays_short():
    detail = compare("label", "Refund.", "no " * 500).detail

    assert detail["teacher"] == "refund"
    assert len(detail["student"]) < 250


@pytest.mark.parametrize("labels", [["a", "A."], ["a", ""]])
def test_labels_that_cannot_be_told_apart_are_refused(labels):
    with pytest.raises(ComparatorError, match="labels"):
        compare("label", "a", "a", labels=labels)
