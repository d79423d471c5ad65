"""What options hold, what of them shows, and what is part of the definition of agreement."""

import pytest

from comparators.base import ComparatorError
from comparators.registry import build
from tests.comparators.judge_asking import judge


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "option 'url' of comparator 'judge': field required"),
        ({"url": "judge.example"}, "must be a base URL such as https://api.openai.com/v1"),
        ({"url": "https://me:sk-secret@judge.example/v1"}, "without credentials or a query"),
        ({"url": "https://judge.example/v1?key=sk-secret"}, "without credentials or a query"),
        ({"api_key": "sk-secret\n"}, "must be the key alone"),
        ({"api_key": ""}, "must be the key alone"),
        ({"api_key": "passthrough"}, "must be a key of your own"),
        ({"api_key": ["sk-secret"]}, "option 'api_key' of comparator 'judge'"),
        ({"api_kee": "sk-secret"}, "did you mean 'api_key'?"),
        ({"timeout": "soon"}, "must be a duration such as 500ms, 30s or 5m, found 'soon'"),
        ({"timeout": 0}, "greater than 0"),
        ({"budget": -1}, "greater than or equal to 0"),
        ({"budget": float("inf")}, "finite"),
        ({"price": {"inputs": 1}, "api_key": "sk-secret"}, "option 'price.input'"),
        ({"cannot_tell": "agree"}, "'error' or 'disagree'"),
        ({"model": ""}, "option 'model'"),
        ({"concurrency": 0}, "option 'concurrency'"),
    ],
)
def test_options_that_do_not_hold_are_told_in_a_line_without_secrets(options, message):
    given = {"url": "http://127.0.0.1:1/v1", "model": "judge-1", "api_key": "sk-secret", **options}
    if not options:
        del given["url"]
    with pytest.raises(ComparatorError) as refused:
        build("judge", given)

    assert message in str(refused.value)
    assert "sk-secret" not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_key_shows_nowhere():
    comparator = judge("http://127.0.0.1:1/v1", api_key="sk-secret")
    options = comparator.options

    shown = [repr(options), str(options), str(options.model_dump()), options.model_dump_json(), repr(vars(comparator))]

    assert not [text for text in shown if "sk-secret" in text]


def test_what_changes_no_verdict_is_no_part_of_the_definition_of_agreement():
    plain = judge("http://127.0.0.1:1/v1")
    tuned = judge(
        "http://127.0.0.1:1/v1",
        api_key="sk",
        concurrency=2,
        timeout="5m",
        budget=None,
        price={"input": 0, "output": 0},
        cache=5,
    )

    assert tuned.options.timeout == 300.0
    assert plain.options.model_dump(mode="json") == tuned.options.model_dump(mode="json")
    assert plain.options.model_dump() != judge("http://127.0.0.1:1/v1", rubric="Shorter.").options.model_dump()
