import pytest

from comparators.base import Answer, ComparatorError, Request
from comparators.registry import build
from tests.comparators.pairs import REQUEST, calling, compare

TABLE = "Here:\n\n| Name | Age |\n|:-----|----:|\n| Ann | 3 |\n| Bob \\| Bo | |\n\nDone."
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": False}

# options, valid answers, invalid ones with what is said of them
FORMS = [
    (
        {"form": "json"},
        ['{"a": 1}', " [1, 2]\n", "3", '"x"', "null"],
        {
            "": "no JSON",
            "```json\n{}\n```": "no JSON",
            "Here: {}": "no JSON",
            "{'a': 1}": "no JSON",
            "NaN": "no JSON",
            "{} {}": "no JSON",
            "[" * 100_000: "no JSON",
        },
    ),
    ({"form": "json", "fence": True}, ["{}", "```json\n{}\n```", "```\n{}"], {"Here:\n```json\n{}\n```": "no JSON"}),
    (
        {"form": "json_schema", "json_schema": SCHEMA},
        ['{"n": 1}', '{"n": 1.0}'],
        {
            '{"n": "1"}': 'n: "1" is not of type "integer"',
            "{}": None,
            '{"n": 1, "m": 2}': None,
            "[]": None,
            "n = 1": "no JSON",
        },
    ),
    (
        {"form": "json_schema", "json_schema": {"type": "string", "pattern": "^(a+)+$"}},
        ['"' + "a" * 50_000 + '"'],
        {'"' + "a" * 50_000 + 'b"': None},
    ),
    (
        {"form": "regex", "pattern": r"(yes|no)(\s*\(.*\))?"},
        ["yes", " no ", "no (not yet)"],
        {"Yes": "no match: Yes", "yes!": "no match: yes!", "yes\nno": None, "": None},
    ),
    (
        {"form": "markdown_table"},
        [TABLE, "a|b\n-|-\n1|2", "|a|\n|-|", TABLE.replace("Done.", "| no table | any more")],
        {
            "": "no table",
            "| a | b |": "no table",
            "| a | b |\n| 1 | 2 |": "no table",
            "| a | b |\n|---|": "no table",
            "| a | b |\n|---|---|\n| 1 | 2 | 3 |": "row 1 of the table has 3 cells, not 2",
            f"```\n{TABLE}\n```": "no table",
            "<table></table>": "no table",
            "- | x\n" * 10_000: "no table",
            "|-|\n" * 10_000 + "|-|-|": None,
        },
    ),
    (
        {"form": "markdown_table", "columns": ["name", "AGE"]},
        [TABLE, "| **Name** | `Age` |\n|---|---|\n| x | y |"],
        {"a|b\n-|-\n1|2": "a table of the columns a, b", "Age|Name\n-|-": "a table of the columns Age, Name"},
    ),
    (
        {"form": "language", "languages": ["de", "fr"]},
        [
            "Ihre Bestellung ist heute Morgen bei uns angekommen.",
            "Votre commande est arrivée chez nous ce matin, merci.",
            "42",
            "",
        ],
        {"Your order has reached us this morning, thank you.": "en"},
    ),
    ({"form": "length", "most": 3}, ["", "one two three", " one  two "], {"one two three four": "4 words"}),
    ({"form": "length", "unit": "characters", "least": 2, "most": 4}, ["ab", "日本語"], {"a": "1 characters"}),
    ({"form": "length", "unit": "lines", "least": 2}, ["a\nb", "\na\n\nb\n"], {"a\n": "1 lines"}),
]
VALID = [(options, text) for options, valid, _ in FORMS for text in valid]
INVALID = [(options, valid[0], text, said) for options, valid, invalid in FORMS for text, said in invalid.items()]


@pytest.mark.parametrize(("options", "text"), VALID, ids=lambda value: repr(value)[:40])
def test_two_valid_answers_agree_whatever_is_in_them(options, text):
    score = compare("format", VALID[[each for each, _ in VALID].index(options)][1], text, **options)

    assert (score.score, score.agree) == (1.0, True), score.detail


@pytest.mark.parametrize(("options", "valid", "invalid", "said"), INVALID, ids=lambda value: repr(value)[:40])
def test_an_invalid_answer_disagrees_and_says_why(options, valid, invalid, said):
    score = compare("format", valid, invalid, **options)

    assert score.kinds == ("length" if options["form"] == "length" else "invalid_format",)
    assert score.detail["teacher"] == "valid"
    assert said is None or score.detail["student"] == said


@pytest.mark.parametrize(
    ("rule", "valid_student", "invalid_student"),
    [(None, True, False), ("student_valid", True, False), ("alike", False, True), ("disagreement", False, False)],
)
def test_where_the_teachers_answer_is_invalid_a_rule_says_what_agrees(rule, valid_student, invalid_student):
    options = {"form": "json"} | ({"teacher_invalid": rule} if rule else {})
    better, alike = compare("format", "no", "{}", **options), compare("format", "no", "neither", **options)

    assert (better.agree, alike.agree) == (valid_student, invalid_student)
    assert better.agree or better.kinds == ("teacher_invalid_format",)
    assert alike.agree or alike.kinds == ("teacher_invalid_format", "invalid_format")
    assert compare("format", "no", " no", **options).agree


def asking(surface: str, **body: object) -> Request:
    return Request(surface=surface, body=body)


@pytest.mark.parametrize(
    "request_",
    [
        asking("chat/completions", response_format={"type": "json_schema", "json_schema": {"schema": SCHEMA}}),
        asking("responses", text={"format": {"type": "json_schema", "schema": SCHEMA}}),
    ],
    ids=["chat", "responses"],
)
def test_by_default_the_form_is_what_the_request_asks_for(request_):
    comparator = build("format", {})
    good, other, bad = (Answer(content=text) for text in ('{"n": 1}', '{"n": 2}', '{"n": "one"}'))

    assert comparator.compare(request_, good, other).agree
    assert comparator.compare(request_, good, bad).kinds == ("invalid_format",)
    assert comparator.compare(REQUEST, good, Answer(content="anything")).agree


def test_of_a_schema_that_cannot_be_used_at_least_the_json_is_looked_at():
    outside = {"$ref": "https://example.com/schema.json"}
    request = asking("chat/completions", response_format={"type": "json_schema", "json_schema": {"schema": outside}})
    comparator = build("format", {})

    assert comparator.compare(request, Answer(content="{}"), Answer(content="[]")).agree
    assert comparator.compare(request, Answer(content="{}"), Answer(content="no")).kinds == ("invalid_format",)


def test_without_languages_it_is_the_teachers_that_counts():
    german, french = "Ihre Bestellung ist angekommen, vielen Dank.", "Votre commande est arrivée, merci beaucoup."

    assert compare("format", german, "Wir haben Ihr Paket heute Morgen erhalten.", form="language").agree
    assert compare("format", german, "Ok.", form="language").agree
    score = compare("format", german, french, form="language")
    assert score.kinds == ("invalid_format",)
    assert score.detail == {"teacher": "de", "student": "fr", "form": "language"}


def test_of_tool_calls_it_counts_alone_whether_there_are_any():
    call, other = calling(("a", "{}")), calling(("b", "not JSON"))

    assert compare("format", call, other, form="json").agree
    assert compare("format", call, "{}", form="json").kinds == ("not_called",)
    assert compare("format", "{}", call, form="json").kinds == ("called",)


@pytest.mark.parametrize(
    ("options", "runs"),
    [
        ({}, "heavy"),
        ({"form": "json"}, "light"),
        ({"form": "markdown_table"}, "light"),
        ({"form": "length", "most": 3}, "light"),
        ({"form": "regex", "pattern": "(a+)+"}, "heavy"),
        ({"form": "json_schema", "json_schema": {}}, "heavy"),
        ({"form": "language"}, "heavy"),
    ],
)
def test_what_may_take_long_runs_where_it_can_be_stopped(options, runs):
    assert build("format", options).runs == runs


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"form": "xml"}, "input should be 'asked', 'json'"),
        ({"form": "regex"}, "needs `pattern`"),
        ({"form": "regex", "pattern": "("}, "not a regular expression"),
        ({"form": "json_schema"}, "needs `json_schema`"),
        ({"form": "json_schema", "json_schema": {"type": "strin"}}, "cannot be used"),
        ({"form": "json_schema", "json_schema": {"$ref": "https://example.com"}}, "is outside of the schema"),
        ({"form": "json_schema", "json_schema": {"pattern": "(?=a)"}}, "cannot be used"),
        ({"form": "length"}, "needs `least`, `most` or both"),
        ({"form": "length", "least": 3, "most": 2}, "`least` is more than `most`"),
        ({"form": "language", "languages": ["english"]}, "none of the languages"),
        ({"form": "json", "pattern": "x"}, "`pattern` is for `form: regex`"),
        ({"most": 3}, "`most` is for `form: length`"),
    ],
)
def test_options_that_cannot_work_are_refused(options, reason):
    with pytest.raises(ComparatorError, match=reason) as refused:
        build("format", options)

    assert "\n" not in str(refused.value)
