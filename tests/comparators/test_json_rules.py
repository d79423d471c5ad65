"""What ``json`` says of hand-made pairs: each with its options and every difference expected of it."""

import asyncio
import itertools
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from comparators.base import Answer, ComparatorError, Request, Score
from comparators.registry import build
from tests.comparators.pairs import REQUEST, compare

PEOPLE = [{"name": "Ada", "age": 36}, {"name": "Bob", "age": 41}, {"name": "Cy", "age": 50}]


def rule(path, **says):
    return {"rules": [{"path": path, **says}]}


CASES = {
    # ignore
    "ignored field": ({"id": 1, "a": 2}, {"id": 9, "a": 2}, rule("id", ignore=True), []),
    "ignored field that one side lacks": ({"id": 1, "a": 2}, {"a": 2}, rule("id", ignore=True), []),
    "ignored subtree": ({"m": {"x": [1]}, "a": 2}, {"m": 3, "a": 2}, rule("m", ignore=True), []),
    "ignored at any depth": ({"id": 1, "a": [{"id": 2}]}, {"id": 3, "a": [{"id": 4}]}, rule("**.id", ignore=True), []),
    "ignored under one key at any depth": (
        {"meta": {"a": {"b": 1}}, "b": 1},
        {"meta": {"a": {"b": 2}}, "b": 2},
        rule("meta.**", ignore=True),
        ["b field_changed"],
    ),
    "a later rule overrides an earlier one": (
        {"a": 1, "b": 1},
        {"a": 2, "b": 2},
        {"rules": [{"path": "*", "ignore": True}, {"path": "b", "ignore": False}]},
        ["b field_changed"],
    ),
    # numbers
    "within a tolerance": ({"price": 1.0}, {"price": 1.1}, rule("price", tolerance=0.1), []),
    "beyond a tolerance": ({"price": 1.0}, {"price": 1.11}, rule("price", tolerance=0.1), ["price field_changed"]),
    "tolerance of another path": ({"a": 1, "b": 1}, {"a": 2, "b": 2}, rule("a", tolerance=1), ["b field_changed"]),
    "a path's own tolerance": (
        {"a": 1, "b": 1},
        {"a": 2, "b": 2},
        {"tolerance": 5, **rule("a", tolerance=0)},
        ["a field_changed"],
    ),
    "relative tolerance": ({"n": 1000}, {"n": 1009}, rule("n", relative=0.01), []),
    "beyond relative tolerance": ({"n": 1000}, {"n": 1020}, {"relative": 0.01}, ["n field_changed"]),
    "tolerance is for numbers": ({"n": "1"}, {"n": "2"}, rule("n", tolerance=5), ["n field_changed"]),
    "a number in a text": ({"n": 5}, {"n": "5"}, {}, ["n field_type_changed"]),
    "true is no number": ({"n": 1}, {"n": True}, rule("n", tolerance=5), ["n field_type_changed"]),
    # texts
    "case ignored": ({"name": "ADA  Byron"}, {"name": "Ada Byron"}, rule("name", ignore_case=True), []),
    "case ignored elsewhere": ({"name": "ADA"}, {"name": "Ada"}, rule("id", ignore_case=True), ["name field_changed"]),
    "case ignored everywhere": ({"a": {"b": ["X"]}}, {"a": {"b": ["x"]}}, rule("**", ignore_case=True), []),
    "another word in other case": ({"a": "X"}, {"a": "y"}, rule("a", ignore_case=True), ["a field_changed"]),
    # dates
    "same day in words": ({"d": "2024-03-01"}, {"d": "March 1st, 2024"}, rule("d", date="day"), []),
    "same day in German": ({"d": "2024-03-01"}, {"d": "01.03.2024"}, rule("d", date="day"), []),
    "same day with a time": ({"d": "2024-03-01"}, {"d": "2024-03-01T12:00:00Z"}, rule("d", date="day"), []),
    "same day, other time as instants": (
        {"d": "2024-03-01"},
        {"d": "2024-03-01T12:00:00Z"},
        rule("d", date="instant"),
        ["d field_changed"],
    ),
    "same instant, other offset": (
        {"d": "2024-03-01T12:00:00Z"},
        {"d": "2024-03-01T13:00:00+01:00"},
        rule("d", date="instant"),
        [],
    ),
    "same instant, mail's form": (
        {"d": "2024-03-01T12:00:00Z"},
        {"d": "Fri, 01 Mar 2024 12:00:00 +0000"},
        rule("d", date="instant"),
        [],
    ),
    "same instant, Unix time": ({"d": "2024-03-01T12:00:00Z"}, {"d": 1709294400}, rule("d", date="instant"), []),
    "same instant, milliseconds": ({"d": "2024-03-01T12:00:00Z"}, {"d": 1709294400000}, rule("d", date="instant"), []),
    "another day": ({"d": "2024-03-01"}, {"d": "2 March 2024"}, rule("d", date="day"), ["d field_changed"]),
    "which is the month": ({"d": "2024-03-04"}, {"d": "03/04/2024"}, rule("d", date="day"), ["d field_changed"]),
    "that is no month": ({"d": "2024-03-14"}, {"d": "03/14/2024"}, rule("d", date="day"), []),
    "no date at all": ({"d": "2024-03-01"}, {"d": "soon"}, rule("d", date="day"), ["d field_changed"]),
    "dates without a rule": ({"d": "2024-03-01"}, {"d": "1 March 2024"}, {}, ["d field_changed"]),
    # arrays without order
    "another order": ({"t": [1, 2, 3]}, {"t": [3, 1, 2]}, rule("t", unordered=True), []),
    "order matters elsewhere": (
        {"t": [1, 2], "u": [1, 2]},
        {"t": [2, 1], "u": [2, 1]},
        rule("t", unordered=True),
        ["u[0] field_changed", "u[1] field_changed"],
    ),
    "elements most alike meet": (
        PEOPLE,
        [{"name": "Cy", "age": 51}, {"name": "Bob", "age": 41}, {"name": "Ada", "age": 36}],
        {"unordered": True},
        ["[2].age field_changed"],
    ),
    "one is missing": (PEOPLE, [PEOPLE[2], PEOPLE[0]], {"unordered": True}, ["[1] field_missing"]),
    "one is invented": (PEOPLE[:2], [PEOPLE[2], PEOPLE[1], PEOPLE[0]], {"unordered": True}, ["[2] field_invented"]),
    "within a tolerance, in another order": (
        {"t": [1.0, 2.0, 2.1]},
        {"t": [2.19, 1.95, 1.05]},
        {"tolerance": 0.1, "unordered": True},
        [],
    ),
    "ignored fields do not keep elements apart": (
        [{"id": i, "v": i} for i in range(300)],
        [{"id": -i, "v": i} for i in reversed(range(300))],
        {"unordered": True, "ignore": ["[].id"]},
        [],
    ),
    "unordered within unordered": (
        [[1, 2], [3, 4, 5]],
        [[5, 4, 3], [2, 9]],
        {"unordered": True},
        ["[0][0] field_changed"],
    ),
    "texts that are near meet": (
        {"t": ["a red fox", "one blue whale"]},
        {"t": ["one blue whales", "red fox"]},
        {"unordered": True, "rules": [{"path": "t[]", "compare": {"use": "text", "agree_at": 0.5}}]},
        [],
    ),
    # other comparators
    "compared as text": (
        {"s": "The order came late."},
        {"s": "the order came very late"},
        rule("s", compare={"use": "text", "agree_at": 0.8}),
        [],
    ),
    "another text": (
        {"s": "The order came late.", "id": 1},
        {"s": "No idea", "id": 1},
        rule("s", compare="text"),
        ["s field_changed"],
    ),
    "compared as numbers": ({"n": "1,000 EUR"}, {"n": 1000}, rule("n", compare="number"), []),
    "compared as a label": ({"l": "Refund."}, {"l": "refund"}, rule("l", compare={"use": "label"}), []),
    "nothing to compare": ({"s": "x"}, {"s": None}, rule("s", compare="text"), ["s field_missing"]),
    "an object compared whole": (
        {"o": {"a": 1, "b": 2}},
        {"o": {"a": 1, "b": 3}},
        rule("o", compare={"use": "json", "agree_at": 0.5}),
        [],
    ),
    # null
    "null for a value": ({"a": 1}, {"a": None}, {}, ["a field_missing"]),
    "a value for null": ({"a": None}, {"a": 1}, {}, ["a field_invented"]),
    "null for nothing": ({"a": 1, "b": None}, {"a": 1}, {"null_is_missing": True}, []),
    "empty object for null": ({"a": {}}, {"a": None}, {}, ["a field_missing"]),
    "empty array for empty object": ({"a": {}}, {"a": []}, {}, ["a field_type_changed"]),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_every_difference_is_found_and_no_other(case):
    teacher, student, options, expected = case

    score = compare("json", json.dumps(teacher), json.dumps(student), **options)

    assert [f"{found['path']} {found['kind']}" for found in score.detail.get("differences", [])] == expected
    assert score.agree is not bool(expected)
    assert {line.split()[-1] for line in expected} <= set(score.kinds)
    assert (score.score == 1) is score.agree


def test_what_another_comparator_says_is_shown_and_its_kinds_count():
    score = compare("json", '{"s": "a b c", "n": 1}', '{"s": "x y z", "n": 1}', **rule("s", compare="text"))

    [found] = score.detail["differences"]
    assert score.kinds == ("field_changed", "wording")
    assert (found["use"], found["score"], found["kinds"]) == ("text", 0.0, ["wording"])
    assert score.score == 0.5


def test_the_version_and_where_it_runs_are_those_of_the_comparators_used():
    alone, using = build("json", {"response_format": False}), build("json", rule("s", compare="text"))

    assert (alone.version in using.version, "text" in using.version) == (True, True)
    assert alone.runs == "light"
    assert using.runs == build("json", {}).runs == "heavy"
    assert build("json", {"response_format": False, "unordered": ["a"]}).runs == "heavy"


def test_it_is_symmetric_if_all_that_it_uses_is():
    assert build("json", rule("s", compare="text")).symmetric
    assert not build("json", rule("s", compare="auto")).symmetric
    assert not build("json", {"unordered": True}).symmetric


def test_another_process_makes_the_same_of_its_options():
    options = {
        **rule("s[]", compare={"use": "text", "agree_at": 0.6}),
        "unordered": ["a"],
        "json_schema": {"type": "object"},
    }
    comparator = build("json", options)

    again = type(comparator)(comparator.Options.model_validate(comparator.options.model_dump()))

    assert again.version == comparator.version
    assert again.options.model_dump() == comparator.options.model_dump()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"path": "a"}, "lacks what holds at its path"),
        ({"path": "a..b", "ignore": True}, "is not a path"),
        ({"path": "a", "ignroe": True}, "did you mean 'ignore'"),
        ({"path": "a", "date": "year"}, "day"),
        ({"path": "a", "tolerance": -1}, "greater than or equal to 0"),
        ({"path": "a", "compare": {"use": "nonsense"}}, "nonsense"),
        ({"path": "a", "compare": {"use": "text", "agree_at": 3}}, "agree_at"),
        ({"path": "a", "compare": {"use": "embedding"}}, "does not compare texts"),
        ({"ignore": True}, "path"),
    ],
)
def test_a_rule_that_does_not_hold_is_refused(wrong, message):
    with pytest.raises(ComparatorError, match=message):
        build("json", {"rules": [wrong]})


async def through(comparator, *sides):
    """As the worker runs it: every comparator that is used wherever it has to."""
    ran = []

    async def run(used, request, teacher, student):
        ran.append(used.name)
        return used.compare(request, teacher, student)

    return await comparator.ask(REQUEST, *sides, run), ran


def test_asked_it_says_the_same_as_called():
    comparator = build("json", {**rule("s", compare="text"), "json_schema": {"required": ["s"]}})
    sides = [Answer(content='{"s": "a b c"}'), Answer(content='{"s": "a b d"}')]

    score, ran = asyncio.run(through(comparator, *sides))

    assert score == comparator.compare(REQUEST, *sides)
    assert ran == ["text", "json_validity"]


VALUES = st.recursive(
    st.sampled_from(
        [None, True, False, 0, 1, 1.0, 1.05, 2, 1e308, 10**400, "", "a", "A", " a ", "2024-03-01", "\ud800"]
    ),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=12,
)
OPTIONS = [
    {},
    {"unordered": True},
    {"unordered": True, "tolerance": 0.1, "null_is_missing": True, **rule("**.a", ignore=True)},
    {"unordered": True, **rule("**", ignore_case=True, date="day")},
    {"rules": [{"path": "**[]", "unordered": True, "relative": 0.1}, {"path": "b", "ignore": True}]},
]


@pytest.mark.parametrize("options", OPTIONS)
@given(teacher=VALUES, student=VALUES)
def test_teacher_and_student_may_change_places(options, teacher, student):
    there, back = (
        compare("json", *map(json.dumps, sides), **options) for sides in ((teacher, student), (student, teacher))
    )

    assert (there.score, there.agree) == (back.score, back.agree)


@given(items=st.lists(VALUES, max_size=6), order=st.randoms(use_true_random=False))
def test_no_order_of_an_unordered_array_makes_a_difference(items, order):
    shuffled = list(items)
    order.shuffle(shuffled)

    assert compare("json", json.dumps(items), json.dumps(shuffled), unordered=True).agree


PAIRS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=5)


@given(teacher=PAIRS, student=PAIRS)
@settings(deadline=None)
def test_elements_are_matched_so_that_the_most_fields_are_equal(teacher, student):
    few, many = sorted([teacher, student], key=len)
    best = max(
        sum((a == c) + (b == d) for (a, b), (c, d) in zip(few, order, strict=False))
        for order in itertools.permutations(many, len(few))
    )

    sides = (json.dumps([{"a": a, "b": b} for a, b in side]) for side in (teacher, student))

    assert compare("json", *sides, unordered=True).detail["equal"] == (best if teacher or student else 1)


def test_of_too_many_elements_the_rest_is_compared_in_its_order():
    teacher = [{"a": i, "b": i} for i in range(3_000)]
    student = [{"a": i, "b": -i} for i in range(3_000)]

    score = compare("json", json.dumps(teacher), json.dumps(student), unordered=True)

    assert isinstance(score, Score)
    assert score.score == pytest.approx(0.5, abs=0.01)


def test_hostile_nesting_of_unordered_arrays_ends():
    def nested(depth, leaf):
        value = leaf
        for _ in range(depth):
            value = [value, leaf]
        return json.dumps(value)

    assert not compare("json", nested(300, 1), nested(300, 2), unordered=True).agree
    assert compare("json", nested(300, 1), nested(300, 1), unordered=True).agree


FORMATS = {
    "chat/completions": lambda schema: {
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": schema}}
    },
    "responses": lambda schema: {"text": {"format": {"type": "json_schema", "name": "n", "schema": schema}}},
}
PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name", "age"],
    "additionalProperties": False,
}
VALID, OLDER, INVALID, OTHER_INVALID = (
    '{"name": "Ada", "age": 36}',
    '{"name": "Ada", "age": 37}',
    '{"name": "Ada", "age": "36"}',
    '{"name": "Ada"}',
)


@pytest.mark.parametrize("surface", FORMATS)
@pytest.mark.parametrize(
    ("teacher", "student", "kinds", "score"),
    [
        (VALID, VALID, (), 1),
        (VALID, OLDER, ("field_changed",), 0.5),
        (VALID, INVALID, ("field_type_changed", "invalid_format"), 0),
        (INVALID, VALID, ("field_type_changed", "teacher_invalid_format"), 0),
        (INVALID, INVALID, (), 1),
        (INVALID, OTHER_INVALID, ("field_missing", "invalid_format", "teacher_invalid_format"), 0.5),
        (VALID, "Ada is 36.", ("invalid_format",), 0),
    ],
)
def test_each_side_is_held_to_the_schema_that_the_request_asks_for(surface, teacher, student, kinds, score):
    request = Request(surface=surface, body=FORMATS[surface](PERSON))

    said = build("json", {}).compare(request, Answer(content=teacher), Answer(content=student))

    assert (said.kinds, said.score, said.agree) == (kinds, score, not kinds)


def test_an_invalid_answer_disagrees_even_where_the_rules_leave_out_what_is_wrong():
    options = {"ignore": ["age"], "agree_at": 0.1, "json_schema": PERSON}

    said = compare("json", VALID, INVALID, **options)

    assert (said.kinds, said.agree) == (("invalid_format",), False)
    assert said.detail["schema"] == {"student": 'age: "36" is not of type "integer"'}


def test_a_schema_of_ones_own_takes_the_requests_place_and_one_may_do_without():
    request = Request(surface="chat/completions", body=FORMATS["chat/completions"](PERSON))
    sides = Answer(content='{"a": 1}'), Answer(content='{"a": 1.0}')

    def kinds(**options):
        return build("json", options).compare(request, *sides).kinds

    assert kinds(json_schema={"properties": {"a": {"const": 2}}}) == ()
    assert kinds(response_format=False) == ()
    assert kinds(json_schema={"properties": {"a": {"type": "string"}}}) == ()


def test_json_mode_asks_for_an_object():
    request = Request(surface="chat/completions", body={"response_format": {"type": "json_object"}})

    assert build("json", {}).compare(request, Answer(content="{}"), Answer(content="[]")).kinds == (
        "field_type_changed",
        "invalid_format",
    )


@pytest.mark.parametrize(
    "body",
    [
        {"response_format": 3},
        {"response_format": {"type": "json_schema"}},
        {"response_format": {"type": "json_schema", "json_schema": {"schema": {"type": "nonsense"}}}},
        {"response_format": {"type": "json_schema", "json_schema": {"schema": [1]}}},
        {"text": 3},
    ],
)
def test_a_request_without_a_usable_schema_is_compared_all_the_same(body):
    for surface in FORMATS:
        said = build("json", {}).compare(
            Request(surface=surface, body=body), Answer(content="[1]"), Answer(content="[2]")
        )
        assert said.kinds == ("field_changed",)


def test_to_another_comparator_true_within_a_value_is_not_the_number_1():
    comparator = build("json", {"rules": [{"path": "a", "compare": "exact"}]})
    request = Request(surface="chat/completions", body={})

    def agree(teacher, student):
        return comparator.compare(request, Answer(content=teacher), Answer(content=student)).agree

    assert not agree('{"a": {"x": true}}', '{"a": {"x": 1}}')
    assert not agree('{"a": [[false]]}', '{"a": [[0]]}')
    assert agree('{"a": {"x": 1, "y": [true]}}', '{"a": {"y": [true], "x": 1.0}}')
