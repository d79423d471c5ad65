"""``n > 1``: choice 0 is compared, and the spread of the others is told."""

import pytest

from tests.fakes.chat import chat_completion
from tests.fakes.judges import judging
from tests.fakes.upstream import Upstream, json_reply
from tests.shadow.shadow_world import exchange, only, student, world

COMPARATORS = "tests.shadow.shadow_comparators"


def choices(*said, finish=None):
    completion = chat_completion("", model="student-1")
    completion["choices"] = [
        {
            "index": index,
            "message": {"role": "assistant", "content": text},
            "finish_reason": (finish or {}).get(index, "stop"),
        }
        for index, text in enumerate(said)
    ]
    return json_reply(completion)


def decided(tmp_path, reply, *comparators, body=None, settings=None):
    """The deciding score of one pair."""
    more = {} if settings is None else {"settings": settings}
    with Upstream(lambda _: reply) as upstream:
        with world(
            tmp_path, student(url=upstream.url), comparators=list(comparators) or [{"use": "exact"}], **more
        ) as there:
            pair = only(there.run(exchange(body={"n": 4} if body is None else body)))
        assert upstream.seen[0].json["n"] == 4
    return pair.pair.scores[pair.pair.decides]


def test_choice_0_is_compared_and_the_others_are_counted(tmp_path):
    score = decided(tmp_path, choices("four", "four", "five", "four"))

    assert (score.score, score.agree) == (1.0, True)
    assert score.detail == {"others": {"choices": 3, "agree": 2}}


def test_what_choice_0_says_decides_however_the_others_agree(tmp_path):
    score = decided(tmp_path, choices("five", "four", "four"), {"use": "label"})

    assert score.agree is False
    assert score.detail["others"] == {"choices": 2, "agree": 2}
    assert len(score.detail) > 1


def test_others_that_cannot_be_used_do_not_agree(tmp_path):
    score = decided(tmp_path, choices("four", "four", "four", "", finish={1: "length"}))

    assert score.detail["others"] == {"choices": 3, "agree": 1}


def test_a_comparator_chosen_by_another_that_asks_nobody_tells_the_spread_too(tmp_path):
    score = decided(tmp_path, choices("four", "five"), {"use": "auto"})

    assert score.detail["others"] == {"choices": 1, "agree": 0}
    assert "use" in score.detail


def test_only_so_many_are_compared(tmp_path):
    score = decided(tmp_path, choices(*["four"] * 20))

    assert score.detail["others"] == {"choices": 19, "agree": 7, "not_compared": 12}


def test_one_choice_has_no_others(tmp_path):
    assert decided(tmp_path, choices("four")).detail is None


def test_a_comparator_that_hangs_over_another_choice_costs_that_choice_alone(tmp_path):
    score = decided(tmp_path, choices("four", "four", "hang", "four"), {"use": f"{COMPARATORS}:Hangs"})

    assert score.agree is True
    assert score.detail["others"] == {"choices": 3, "agree": 1, "not_compared": 2}


@pytest.mark.parametrize("within", [False, True])
def test_one_that_asks_other_machines_is_never_asked_about_other_choices(tmp_path, within):
    with Upstream(judging()) as judge:
        asking = {"use": "judge", "url": judge.url, "model": "judge-1", "price": {"input": 1}}
        comparator = {"use": "any_of", "comparators": [{"use": "exact"}, asking]} if within else asking
        score = decided(tmp_path, choices("a right one", "b", "c"), comparator)

        assert len(judge.seen) == 1
    assert "others" not in score.detail
