import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comparators.judge_verdict import VerdictUnreadableError, read_verdict

VERDICT = '{"reason": "It is complete.", "verdict": "A"}'
PRETTY = '{\n  "reason": "It is {complete}.",\n  "verdict": "A"\n}'


@pytest.mark.parametrize(
    "text",
    [
        VERDICT,
        PRETTY,
        f"```json\n{PRETTY}\n```",
        f"Let me think. Answer B is short. {VERDICT} I hope this helps!",
        f"<think>At first {{B}} looks better: Verdict: B</think>\n{VERDICT}",
        f"{VERDICT}\n{VERDICT}",
        f"Here it is: {VERDICT}\n\n**Verdict: A**",
        '{"result": {"verdict": "A"}}',
        '{"verdict": "a"}',
        '{"reason": "One.\nTwo.", "verdict": "A"}',
        '{"verdict": "Answer A"}',
        "A",
        "**A**",
        "[[A]]",
        "Both are good.\nVerdict: A",
        "Both are good.\n**My final verdict:** A.",
        "The verdict is A",
    ],
)
def test_a_verdict_is_read_however_it_is_wrapped(text):
    assert read_verdict(text).word == "A"


@pytest.mark.parametrize("word", ["A", "B", "equal", "cannot tell"])
def test_all_four_words_are_known(word):
    assert read_verdict(json.dumps({"reason": "So.", "verdict": word})).word == word
    assert read_verdict(f"Verdict: {word}").word == word


def test_the_reason_comes_with_it():
    assert read_verdict(PRETTY).reason == "It is {complete}."


@pytest.mark.parametrize(
    "text",
    [
        None,
        ["A"],
        "",
        "I would rather not say.",
        "Answer A is better than answer B in some ways.",
        '{"verdict": "C"}',
        '{"verdict": null}',
        '{"verdict": ["A"]}',
        '{"winner": "A"}',
        '{"verdict": "A',
        '{"verdict": "A"',
        'One answer says {"verdict": "B"}, but: {"verdict": "A"}',
        'One answer says {"verdict": "B"}.\nVerdict: A',
        '{"verdict": "A"} {"verdict": "better"}',
        "Verdict: A or B",
        "Verdict: A\nVerdict: B",
        VERDICT + " " * 10 + "x" * 70_000,
        '{"a": ' * 10_000,
        '{"verdict": "A", "x": ' + "9" * 5000 + "}",
        '{"a":1}' * 200 + VERDICT,
        "\n" * 60_000 + "verdict",
        "verdict" + ":" * 60_000,
        "_" * 60_000,
    ],
    ids=lambda text: str(text)[:20],
)
def test_none_or_two_of_them_are_an_error_and_it_repeats_no_text(text):
    with pytest.raises(VerdictUnreadableError) as unreadable:
        read_verdict(text)

    assert str(unreadable.value).startswith("the judge's answer ")
    assert "answer says" not in str(unreadable.value)


PIECES = st.sampled_from(
    ["{", "}", '"verdict"', ":", '"A"', '"B"', "A", " ", "\n", "Verdict: B", "```", "</think>", ","]
)


@given(st.one_of(st.text(), st.lists(PIECES, max_size=20).map("".join)))
def test_any_text_is_a_verdict_or_the_error(text):
    try:
        verdict = read_verdict(text)
    except VerdictUnreadableError:
        return
    assert verdict.word in {"A", "B", "equal", "cannot tell"}
