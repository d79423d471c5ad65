import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from comparators.base import Answer, ComparatorError, Score, ToolCall
from comparators.registry import build
from tests.comparators.pairs import REQUEST, calling, compare

BUILT_IN = ["code", "exact", "json", "label", "number", "sql", "text", "tool_calls"]
# These look at the form of an answer and not at what it says, nor at what it calls.
OF_FORM = ["format", "refusal"]
OPTIONS = [
    ("all_of", {"comparators": ["label", "number"]}),
    ("any_of", {"comparators": ["exact", "json"]}),
    ("by_field", {"cases": [{"when": {"model": "*"}, "use": "json"}], "otherwise": "number"}),
    ("code", {}),
    ("code", {"language": "python", "ignore_names": True}),
    ("exact", {}),
    ("format", {}),
    ("format", {"form": "json", "fence": True}),
    ("format", {"form": "length", "most": 2, "teacher_invalid": "alike"}),
    ("format", {"form": "markdown_table"}),
    ("format", {"form": "regex", "pattern": r"\W*", "teacher_invalid": "disagreement"}),
    ("json", {}),
    ("json", {"unordered": True, "tolerance": 0.5, "null_is_missing": True, "ignore": ["*.id", "[]", "a[].b"]}),
    ("label", {}),
    ("label", {"field": "label", "labels": ["a", "b"]}),
    ("number", {}),
    ("number", {"pattern": r"(?m)^= (.*)$", "tolerance": 0.1, "relative": 0.01}),
    ("refusal", {}),
    ("sql", {}),
    ("text", {}),
    ("tool_calls", {}),
    ("weighted", {"comparators": ["text", {"use": "number", "weight": 3}]}),
]

# Random text seldom looks like an answer: pieces of answers, glued together, reach the branches that matter.
NUMBERS = [
    "1,000",
    "-",
    "\u2212",
    "$",
    "1e9999",
    "1/0",
    "3 1/2",
    "A:",
    "####",
    "answer is",
    "\\boxed{",
    "=",
    "%",
    " million",
]
WRAPPINGS = [
    "{",
    "}",
    "[",
    "]",
    '"',
    ":",
    ",",
    "null",
    "NaN",
    "1e999",
    '{"label": "a"}',
    "```json\n",
    "```",
    "**",
    "(",
    "_",
]
CHARACTERS = ["\ud800", "\u0301", "日本語", "ß", "İ", "٣", "½", " ", "\n", "refund", "."]
PIECES = st.sampled_from([*NUMBERS, *WRAPPINGS, *CHARACTERS])
TEXTS = st.one_of(st.none(), st.text(), st.lists(PIECES, max_size=12).map("".join))
CALLS = st.lists(st.builds(ToolCall, name=st.text(max_size=3), arguments=st.text(max_size=8)), max_size=2).map(tuple)
ANSWERS = st.builds(
    Answer, content=TEXTS, refusal=st.sampled_from([None, None, "no"]), tool_calls=st.one_of(st.just(()), CALLS)
)


def is_sound(score: Score) -> bool:
    return (
        0 <= score.score <= 1
        and bool(score.kinds) != score.agree
        and all(kind.isidentifier() and kind.islower() for kind in score.kinds)
        and len(msgspec.json.encode(score.detail)) < 20_000
    )


@pytest.mark.parametrize(("use", "options"), OPTIONS)
@given(teacher=ANSWERS, student=ANSWERS)
def test_any_two_answers_get_a_sound_score_whoever_is_the_teacher(use, options, teacher, student):
    comparator = build(use, options)

    there = comparator.compare(REQUEST, teacher, student)
    back = comparator.compare(REQUEST, student, teacher)

    assert is_sound(there)
    assert is_sound(back)
    assert (there.score, there.agree) == (back.score, back.agree) or not comparator.symmetric
    assert there == comparator.compare(REQUEST, teacher, student)


@pytest.mark.parametrize(("use", "options"), OPTIONS)
def test_one_is_made_again_from_the_options_of_another(use, options):
    """That is how they come into a process of their own."""
    comparator = build(use, options)

    again = build(use, comparator.options.model_dump(mode="json"))

    assert again.options.model_dump(mode="json") == comparator.options.model_dump(mode="json")
    assert (again.version, again.runs) == (comparator.version, comparator.runs)


@pytest.mark.parametrize(("use", "options"), OPTIONS)
@given(answer=ANSWERS)
def test_the_same_answer_agrees_with_score_one(use, options, answer):
    score = build(use, options).compare(REQUEST, answer, answer)

    assert (score.score, score.agree) == (1.0, True)


@pytest.mark.parametrize("use", [*BUILT_IN, *OF_FORM])
@pytest.mark.parametrize(
    "text",
    [
        "[" * 300_000,
        '{"a":' * 60_000,
        "```a\n" * 60_000,
        "{[" * 150_000,
        "1," * 150_000,
        "1 " * 150_000,
        "9" * 300_000,
        "answer " * 40_000,
        "A: " * 100_000,
        "(" * 300_000,
        "a" + "\u0301\u0323" * 100_000,
        "日" * 100_000,
        "'" * 300_000,
        "a " * 100_000 + "b",
        '{"a": "' + "\\" * 299_999,
        "\\frac{1" * 40_000,
        '["' + '","'.join(map(str, range(40_000))) + '"]',
    ],
    ids=lambda text: text[:6].encode("ascii", "backslashreplace").decode(),
)
def test_huge_and_hostile_texts_are_compared_all_the_same(use, text):
    assert is_sound(compare(use, text, text[:-7] + "?"))


@pytest.mark.parametrize("use", [*BUILT_IN, *OF_FORM])
def test_a_refusal_on_one_side_alone_is_a_disagreement(use):
    answered, refused = Answer(content="Sure."), Answer(content="Sure.", refusal="I can't help with that.")

    assert compare(use, answered, refused).kinds == ("refused",)
    assert compare(use, refused, answered).kinds == ("not_refused",)


@pytest.mark.parametrize("use", [*BUILT_IN, *OF_FORM])
def test_two_refusals_agree_in_whatever_words(use):
    assert compare(use, Answer(refusal="I can't."), Answer(refusal="I won't.")).agree


@pytest.mark.parametrize("use", BUILT_IN)
@pytest.mark.parametrize(
    ("student", "there", "back"),
    [
        (Answer(content=""), ["not_called"], ["called"]),
        (Answer(content="Looking it up."), ["not_called"], ["called"]),
        (calling(("search", '{"query": "dogs"}')), ["argument_changed"], ["argument_changed"]),
        (calling(("find", '{"query": "cats"}')), ["tool_extra", "tool_missing"], ["tool_extra", "tool_missing"]),
        (calling(*[("search", '{"query": "cats"}')] * 2), ["tool_extra"], ["tool_missing"]),
        (calling(("search", "not JSON")), ["arguments_invalid"], ["teacher_invalid_format"]),
    ],
    ids=["nothing", "text", "argument", "name", "twice", "invalid"],
)
def test_different_tool_calls_disagree_even_where_neither_side_has_text(use, student, there, back):
    teacher = calling(("search", '{"query": "cats"}'))

    assert list(compare(use, teacher, student).kinds) == there
    assert list(compare(use, student, teacher).kinds) == back


@pytest.mark.parametrize("use", BUILT_IN)
def test_tool_calls_are_the_same_whatever_their_order_spacing_and_ids(use):
    teacher = calling(("search", '{"query": "cats", "limit": 10}'), ("now", ""))
    student = calling(("now", "{}"), ("search", ' {"limit":10.0,"query":"cats"}'))

    assert compare(use, teacher, student).agree


def test_words_beside_equal_calls_count_for_comparators_of_wording_alone():
    call = ("search", "{}")
    teacher, student = calling(call, content="Let me look that up."), calling(call)

    assert {use: compare(use, teacher, student).agree for use in BUILT_IN} == {
        "code": True,
        "exact": False,
        "json": True,
        "label": True,
        "number": True,
        "sql": True,
        "text": False,
        "tool_calls": True,
    }


@pytest.mark.parametrize("use", [*BUILT_IN, *OF_FORM])
def test_embeddings_are_refused_rather_than_called_equal(use):
    with pytest.raises(ComparatorError, match="embeddings"):
        compare(use, Answer(embeddings=((1.0,),)), Answer(embeddings=((0.0,),)))


@pytest.mark.parametrize("use", [*BUILT_IN, *OF_FORM])
def test_detail_never_cuts_a_word_so_that_a_secret_stays_recognisable(use):
    secret = "sk-" + "a1B2" * 40

    detail = str(compare(use, "word " * 35 + secret, "other").detail)

    assert secret in detail or "sk-a1B2" not in detail
