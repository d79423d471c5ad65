import json

import pytest

from comparators.base import ComparatorError
from tests.comparators.pairs import calling, compare

ORDER = {"id": 7, "customer": {"name": "Ada", "vip": True}, "items": [{"sku": "a", "n": 1}, {"sku": "b", "n": 2}]}


def differences(teacher, student, **options):
    sides = [side if isinstance(side, str) else json.dumps(side) for side in (teacher, student)]
    detail = compare("json", *sides, **options).detail
    return [(found["path"], found["kind"]) for found in detail.get("differences", [])]


def changed(**fields):
    return {**ORDER, **fields}


@pytest.mark.parametrize(
    "student",
    [
        json.dumps(ORDER, indent=4, sort_keys=True),
        f"```json\n{json.dumps(ORDER, indent=2)}\n```",
        f"Here is the order:\n\n```\n{json.dumps(ORDER)}\n```\nI hope [1] this helps.",
        f'Unlike {{"id": 8}}:\n\n~~~json\n{json.dumps(ORDER)}\n~~~',
        f"Sure: {json.dumps(ORDER)} (see [1])",
        json.dumps(changed(id=7.0)),
        json.dumps(changed(customer={"vip": True, "name": "  Ada\n"})),
    ],
    ids=["layout", "fence", "fence in prose", "fence of tildes", "prose", "number form", "white space"],
)
def test_layout_key_order_and_what_stands_around_do_not_matter(student):
    score = compare("json", json.dumps(ORDER), student)

    assert (score.score, score.agree, score.kinds) == (1.0, True, ())


@pytest.mark.parametrize(
    ("student", "expected", "score"),
    [
        (changed(id=8), [("id", "field_changed")], 6 / 7),
        (changed(id="7"), [("id", "field_type_changed")], 6 / 7),
        (changed(id=True), [("id", "field_type_changed")], 6 / 7),
        (changed(id=None), [("id", "field_missing")], 6 / 7),
        (changed(note="x"), [("note", "field_invented")], 7 / 8),
        (changed(note={"a": 1, "b": 2}), [("note", "field_invented")], 7 / 9),
        (changed(customer={"name": "Ada"}), [("customer.vip", "field_missing")], 6 / 7),
        (changed(customer={}), [("customer.name", "field_missing"), ("customer.vip", "field_missing")], 5 / 7),
        (changed(customer="Ada"), [("customer", "field_type_changed")], 5 / 8),
        (changed(items=ORDER["items"][:1]), [("items[1]", "field_missing")], 5 / 7),
        (
            changed(items=ORDER["items"][::-1]),
            [(f"items[{i}].{k}", "field_changed") for i in (0, 1) for k in ("sku", "n")],
            3 / 7,
        ),
        (changed(items=[]), [("items[0]", "field_missing"), ("items[1]", "field_missing")], 3 / 7),
        ([ORDER], [("$", "field_type_changed")], 0.0),
    ],
)
def test_every_field_that_differs_is_named_with_how(student, expected, score):
    result = compare("json", json.dumps(ORDER), json.dumps(student))

    assert differences(ORDER, student) == expected
    assert result.score == pytest.approx(score)
    assert not result.agree
    assert set(result.kinds) == {kind for _, kind in expected}


def test_detail_shows_both_values_and_is_bounded():
    teacher, student = ({str(key): value * 500 for key in range(100)} for value in ("a ", "b "))

    detail = compare("json", json.dumps(teacher), json.dumps(student)).detail

    assert (detail["fields"], detail["equal"], len(detail["differences"]), detail["more"]) == (100, 0, 20, 80)
    assert detail["differences"][0]["teacher"].startswith('"a a')
    assert len(json.dumps(detail)) < 10_000


def test_a_share_of_equal_fields_may_be_enough():
    pair = (json.dumps(ORDER), json.dumps(changed(id=8)))

    assert compare("json", *pair, agree_at=0.85).agree
    assert compare("json", *pair, agree_at=0.85).kinds == ()
    assert not compare("json", *pair, agree_at=0.86).agree


@pytest.mark.parametrize(
    ("ignore", "left"),
    [
        (["id"], ["customer.name", "items[0].n", "items[1].n"]),
        (["items[].n", "id"], ["customer.name"]),
        (["items[0]"], ["id", "customer.name", "items[1].n"]),
        (["items", "*.name"], ["id"]),
        (["customer", "items[].*", "id"], []),
    ],
)
def test_ignored_paths_do_not_count(ignore, left):
    student = changed(id=8, customer={"name": "Bob", "vip": True}, items=[{"sku": "a", "n": 9}, {"sku": "b", "n": 9}])

    assert [path for path, _ in differences(ORDER, student, ignore=ignore)] == left


def test_numbers_may_differ_by_a_tolerance():
    teacher, student = '{"a": 1.0, "b": 100}', '{"a": 1.05, "b": 100.1}'

    assert not compare("json", teacher, student).agree
    assert compare("json", teacher, student, tolerance=0.1).agree


def test_arrays_may_be_unordered_all_or_some():
    teacher, student = {"tags": ["a", "b", "c"], "steps": [1, 2]}, {"tags": ["c", "x", "a"], "steps": [2, 1]}

    assert differences(teacher, student, unordered=True) == [("tags[1]", "field_changed")]
    assert differences(teacher, student, unordered=["tags"]) == [
        ("tags[1]", "field_changed"),
        ("steps[0]", "field_changed"),
        ("steps[1]", "field_changed"),
    ]
    assert differences({"tags": ["a"]}, {"tags": ["b", "a"]}, unordered=True) == [("tags[1]", "field_invented")]


def test_null_may_count_as_missing():
    teacher, student = {"a": 1, "b": None}, {"a": 1}

    assert differences(teacher, student) == [("b", "field_missing")]
    assert differences(teacher, student, null_is_missing=True) == []


@pytest.mark.parametrize(
    "student", ["No JSON at all.", '{"a": 1', '{"a": NaN}', '{"a": 1} or {"a": 2}', "```\n{}\n```\n```\n[]\n```", ""]
)
def test_an_answer_without_unambiguous_json_is_told_apart(student):
    score = compare("json", '{"a": 1}', student)

    assert (score.score, score.kinds, score.detail["no_json"]) == (0.0, ("invalid_format",), ["student"])


def test_two_answers_without_json_agree_when_they_are_the_same():
    assert compare("json", "I cannot say.", "I  cannot say.").agree
    assert compare("json", "I cannot say.", "No idea.").kinds == ("invalid_format", "teacher_invalid_format")


@pytest.mark.parametrize("path", ["", "a..b", "a.", "a[x]", "[", "a]"])
@pytest.mark.parametrize("option", ["ignore", "unordered"])
def test_what_is_no_path_is_refused(option, path):
    with pytest.raises(ComparatorError, match=f"option '{option}' of comparator 'json'.*is not a path such as"):
        compare("json", "{}", "{}", **{option: [path]})


@pytest.mark.parametrize(
    ("teacher", "student", "agree"),
    [
        ("if x:\n    a()\n    b()", "if x:\n    a()\nb()", False),
        ("a:\n  b: 1\n", "a:\n  b:  1 \n\n", True),
        ("one line", " one   line\n", True),
        ("two\r\nlines", "two\nlines", True),
    ],
)
def test_of_several_lines_each_keeps_its_indentation(teacher, student, agree):
    assert compare("json", json.dumps({"code": teacher}), json.dumps({"code": student})).agree is agree
    calls = [calling(("run", json.dumps({"code": code}))) for code in (teacher, student)]
    assert compare("tool_calls", *calls).agree is agree


TWICE = '{"a": 1, "a": 2}'


@pytest.mark.parametrize(
    "twice",
    [
        TWICE,
        f"```json\n{TWICE}\n```",
        f"Here: {TWICE}.",
        '{"b": {"a": 1, "a": 2}}',
        '[{"a": 1, "\\u0061": 2}]',
    ],
)
@pytest.mark.parametrize("clean", ['{"a": 1}', '{"a": 2}', '{"b": {"a": 2}}', '[{"a": 2}]'])
def test_a_key_twice_is_no_json_whichever_of_its_values_the_other_side_has(twice, clean):
    score = compare("json", clean, twice)

    assert (score.score, score.agree, score.kinds) == (0.0, False, ("invalid_format",))
    assert score.detail["problems"] == {"student": "a key twice in one object"}
    assert compare("json", twice, clean).kinds == ("teacher_invalid_format",)


def test_two_answers_with_a_key_twice_agree_word_for_word_alone():
    assert compare("json", TWICE, "{'a':1}".replace("'", '"')).agree is False
    assert compare("json", TWICE, '{"a": 3, "a": 2}').kinds == ("invalid_format", "teacher_invalid_format")
    assert compare("json", TWICE, TWICE + "\n").agree


def test_arguments_with_a_key_twice_are_invalid():
    score = compare("tool_calls", calling(("f", '{"a": 2}')), calling(("f", TWICE)))

    assert (score.agree, score.kinds) == (False, ("arguments_invalid",))
    [difference] = score.detail["differences"]
    assert difference["student"] == "a key twice in one object"


@pytest.mark.parametrize("use", ["label", "format", "auto", "exact", "text"])
def test_no_other_comparator_takes_the_last_of_them_either(use):
    options = {"label": {"field": "a"}, "format": {"form": "json"}}.get(use, {})

    assert not compare(use, '{"a": 2}', TWICE, **options).agree
    assert not compare("label", "2", '{"a": 1, "a": 2}').agree
    assert not compare("exact", calling(("f", '{"a": 2}')), calling(("f", TWICE))).agree
