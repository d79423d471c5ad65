"""``semantic``: by a folder's model (a real one where the machine has it), and by an endpoint."""

import asyncio
import hashlib
import json
import math
import re
import threading
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given

from comparators.asking.budget import BudgetSpentError, MemoryLedger
from comparators.asking.client import EndpointAnswerError, EndpointFailedError, EndpointRefusedError
from comparators.base import Answer, ComparatorError
from comparators.registry import build
from comparators.running import Runner
from comparators.semantic import _windows
from tests.comparators.pairs import DEFAULTING, LEFT_OUT, REQUEST, SPELLED_OUT, calling, compare
from tests.comparators.test_what_all_comparators_promise import ANSWERS, is_sound
from tests.fakes.sentence_models import real_model, tiny_model
from tests.fakes.upstream import Reply, Upstream, json_reply

KEY = "sk-semantic-planted"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_model(tmp_path_factory.mktemp("tiny"))


# The model in a folder.


@pytest.mark.parametrize(
    ("teacher", "student"),
    [
        ("Your refund will arrive within five days.", "You will get your money back in at most 5 days."),
        ("Please restart the router.", "Try turning the router off and on again."),
        ("The meeting was moved to Friday.", "They rescheduled the meeting for Friday."),
        ("The new movie is awesome", "The new movie is so great"),
    ],
)
def test_paraphrases_are_nearer_than_other_answers_of_the_same_subject_and_those_than_unrelated_ones(teacher, student):
    real = str(real_model())
    unrelated = "Photosynthesis turns light into sugar."

    assert compare("semantic", teacher, student, folder=real).score > 0.55
    assert compare("semantic", teacher, unrelated, folder=real).score < 0.2


@pytest.mark.parametrize(
    ("teacher", "student"),
    [
        ("The refund was approved.", "The refund was not approved."),
        ("Take 10 mg twice a day.", "Take 100 mg twice a day."),
        ("Alice pays Bob.", "Bob pays Alice."),
    ],
)
def test_a_not_a_number_and_who_did_it_hardly_show(teacher, student):
    """What the documentation warns of: were this to fail, its warning could go."""
    assert compare("semantic", teacher, student, folder=str(real_model())).agree


def test_a_disagreement_has_its_kind_and_shows_both_texts(folder):
    score = compare("semantic", "the cat  sat", "refund is late", folder=folder, agree_at=0.999)

    assert (score.agree, score.kinds) == (False, ("meaning",))
    assert (score.detail["teacher"], score.detail["student"]) == ("the cat sat", "refund is late")
    assert score.detail["similarity"] == round(score.score, 4)


def test_the_same_words_in_other_white_space_agree_without_any_model(folder, monkeypatch):
    monkeypatch.setattr("comparators.semantic.model_in", None)

    assert compare("semantic", "the cat sat", " the\n\ncat  sat ", folder=folder).score == 1.0


def test_an_empty_answer_disagrees(folder):
    assert compare("semantic", "the cat", "", folder=folder).kinds == ("empty",)
    assert compare("semantic", None, "the cat", folder=folder).kinds == ("meaning",)
    assert compare("semantic", None, "", folder=folder).agree


def test_refusals_and_tool_calls_are_decided_by_form(folder):
    assert compare("semantic", "yes", Answer(refusal="No."), folder=folder).score == 0
    assert compare("semantic", calling(("f", "{}")), calling(("g", "{}")), folder=folder).score == 0
    assert compare("semantic", calling(("f", "{}")), calling(("f", " {}")), folder=folder).agree
    with pytest.raises(ComparatorError, match="embeddings"):
        compare("semantic", Answer(embeddings=((1.0,),)), Answer(embeddings=((0.0,),)), folder=folder)


def test_calls_are_compared_by_the_schemas_of_the_request(folder):
    assert build("semantic", {"folder": str(folder)}).compare(DEFAULTING, SPELLED_OUT, LEFT_OUT).agree


def test_another_model_in_the_folder_is_another_version(tmp_path):
    one, other = tiny_model(tmp_path / "one"), tiny_model(tmp_path / "other", seed=1)

    versions = [build("semantic", {"folder": str(path)}).version for path in (one, one, other)]

    assert versions[0] == versions[1] != versions[2]


def test_a_folder_s_model_runs_in_a_process_of_its_own(folder):
    comparator = build("semantic", {"folder": str(folder)})
    teacher, student = Answer(content="the cat sat"), Answer(content="refund is late")

    async def scored():
        runner = Runner(processes=1, seconds=60)
        try:
            return [await runner.run(comparator, REQUEST, teacher, student) for _ in range(2)]
        finally:
            await runner.close()

    assert comparator.runs == "heavy"
    first, second = asyncio.run(scored())
    assert first == second
    assert first.score == pytest.approx(comparator.compare(REQUEST, teacher, student).score, abs=1e-5)


@given(teacher=ANSWERS, student=ANSWERS)
def test_any_two_answers_get_a_sound_score_whoever_is_the_teacher(tiny_comparator, teacher, student):
    there = tiny_comparator.compare(REQUEST, teacher, student)
    back = tiny_comparator.compare(REQUEST, student, teacher)

    assert is_sound(there)
    assert (there.score, there.agree) == (back.score, back.agree)
    assert there == tiny_comparator.compare(REQUEST, teacher, student)
    assert tiny_comparator.compare(REQUEST, teacher, teacher).score == 1.0


@pytest.fixture(scope="module")
def tiny_comparator(folder):
    return build("semantic", {"folder": str(folder)})


@pytest.mark.parametrize("text", ["日" * 300_000, "a" * 1_000_000, "the cat " * 60_000, "\x00\ud800" * 50_000])
def test_huge_texts_are_read_in_a_bounded_number_of_windows(tiny_comparator, text):
    assert is_sound(tiny_comparator.compare(REQUEST, Answer(content=text), Answer(content=text[:-3] + " mat")))


# The endpoint.


def embedded(text: str) -> list[float]:
    """A vector by the words of a text: the more words in common, the nearer."""
    vector = [0.0] * 64
    for word in re.findall(r"\w+", text.casefold()):
        vector[int(hashlib.sha256(word.encode()).hexdigest(), 16) % 64] += 1.0
    return vector if any(vector) else [1.0] * 64


def embedding(seen):
    texts = seen.json["input"]
    data = [{"object": "embedding", "index": at, "embedding": embedded(text)} for at, text in enumerate(texts)]
    usage = {"prompt_tokens": 10 * len(texts), "total_tokens": 10 * len(texts)}
    return json_reply({"object": "list", "data": data[::-1], "model": "e-1", "usage": usage})


def semantic(url, **options):
    return build("semantic", {"url": url, "model": "e-1", "price": {"input": 1.0}, **options})


async def no_other(*_):
    raise AssertionError("semantic uses no other comparator")


def ask(comparator, *pairs):
    """The scores of pairs, asked all at once; errors stand in their places."""

    async def asked():
        sides = [[side if isinstance(side, Answer) else Answer(content=side) for side in pair] for pair in pairs]
        try:
            return await asyncio.gather(
                *(comparator.ask(REQUEST, *pair, no_other) for pair in sides), return_exceptions=True
            )
        finally:
            await comparator.close()

    return asyncio.run(asked())


def sent(upstream) -> list[str]:
    return [text for seen in upstream.seen for text in seen.json["input"]]


def test_the_score_is_the_cosine_of_the_endpoints_embeddings_whatever_their_order():
    with Upstream(embedding) as upstream:
        [score] = ask(semantic(upstream.url, api_key=KEY), ("one two", "one three"))

    assert score.score == pytest.approx(0.5, abs=1e-6)
    [seen] = upstream.seen
    assert (seen.method, seen.path) == ("POST", "/v1/embeddings")
    assert seen.json == {"model": "e-1", "input": ["one two", "one three"]}
    assert seen.header("authorization") == f"Bearer {KEY}"


def test_both_texts_and_those_of_other_pairs_that_wait_go_in_one_request():
    pairs = [(f"teacher {number}", f"student {number}") for number in range(10)]

    with Upstream(embedding) as upstream:
        scores = ask(semantic(upstream.url), *pairs)

    assert [round(score.score, 4) for score in scores] == [0.5] * 10
    assert len(upstream.seen) == 1
    assert sorted(sent(upstream)) == sorted(text for pair in pairs for text in pair)


@dataclass
class Held:
    """An endpoint that answers nobody until it is let go."""

    asked: threading.Event = field(default_factory=threading.Event)
    go: threading.Event = field(default_factory=threading.Event)

    async def __call__(self, seen):
        self.asked.set()
        await asyncio.to_thread(self.go.wait)
        return embedding(seen)


def asking(comparator, teacher, student):
    return asyncio.create_task(comparator.ask(REQUEST, Answer(content=teacher), Answer(content=student), no_other))


def test_what_comes_while_every_place_is_taken_is_sent_together_when_one_is_free():
    held = Held()

    async def asked(comparator):
        first = asking(comparator, "a", "b")
        await asyncio.to_thread(held.asked.wait)
        later = []
        for number in range(70):
            later.append(asking(comparator, f"t{number}", f"s{number}"))
            await asyncio.sleep(0)
        held.go.set()
        await asyncio.gather(first, *later)
        await comparator.close()

    with Upstream(held) as upstream:
        asyncio.run(asked(semantic(upstream.url, concurrency=1)))

    assert [len(seen.json["input"]) for seen in upstream.seen] == [2, 64, 64, 12]


def test_a_text_is_asked_for_once_however_often_and_in_whatever_pair_it_comes():
    with Upstream(embedding) as upstream:
        comparator = semantic(upstream.url)
        ask(comparator, ("one", "two"), ("one", "three"), ("two", "one"))
        ask(comparator, ("three", "two"))

    assert sorted(sent(upstream)) == ["one", "three", "two"]


def test_no_question_is_asked_where_the_texts_are_equal_or_the_form_decides():
    with Upstream(embedding) as upstream:
        scores = ask(
            semantic(upstream.url),
            ("one  two", "one two"),
            ("one", ""),
            ("one", Answer(refusal="no")),
            (calling(("f", "{}")), calling(("f", "{}"))),
        )

    assert [score.score for score in scores] == [1.0, 0.0, 0.0, 1.0]
    assert upstream.seen == []


def test_one_text_that_is_refused_takes_no_other_with_it():
    def refusing(seen):
        return json_reply({"error": "input too long"}, 400) if "bad" in seen.json["input"] else embedding(seen)

    with Upstream(refusing) as upstream:
        good, bad, other = ask(semantic(upstream.url), ("one", "one two"), ("one", "bad"), ("three", "three four"))

    assert [good.score, other.score] == pytest.approx([math.sqrt(0.5)] * 2, abs=1e-6)
    assert isinstance(bad, EndpointRefusedError)


def test_an_endpoint_that_fails_leaves_the_pairs_unscored_and_is_asked_again_later():
    replies = [Reply(status=500)]

    with Upstream(lambda seen: replies.pop() if replies else embedding(seen)) as upstream:
        comparator = semantic(upstream.url)
        failed = ask(comparator, ("one", "two"), ("three", "four"))
        [later] = ask(comparator, ("one", "one two"))

    assert [type(error) for error in failed] == [EndpointFailedError] * 2
    assert later.score == pytest.approx(math.sqrt(0.5), abs=1e-6)


@pytest.mark.parametrize(
    "answer",
    [
        {},
        [],
        {"data": []},
        {"data": [{"embedding": [1.0]}]},
        {"data": [{"embedding": [1.0]}, {"embedding": "AAAA"}]},
        {"data": [{"embedding": [1.0]}, {"embedding": [None]}]},
        {"data": [{"embedding": [1.0]}, {"embedding": [0.0]}]},
        {"data": [{"embedding": [1.0]}, {"embedding": []}]},
        {"data": [{"embedding": [1.0]}, {"embedding": [True]}]},
        {"data": [{"embedding": [1.0]}, {"embedding": [1e300]}]},
        {"data": [{"embedding": [1.0], "index": 0}, {"embedding": [1.0], "index": 0}]},
        {"data": [{"embedding": [1.0], "index": 0}, {"embedding": [1.0], "index": 7}]},
    ],
)
def test_an_answer_of_another_shape_is_an_error(answer):
    with Upstream(lambda _: json_reply(answer)) as upstream:
        [error] = ask(semantic(upstream.url), ("one", "two"))

    assert isinstance(error, EndpointAnswerError)
    assert "one" not in str(error).replace("one embedding", "")


def test_embeddings_of_different_dimensions_are_an_error():
    answer = {"data": [{"embedding": [1.0]}, {"embedding": [1.0, 2.0]}]}
    with Upstream(lambda _: json_reply(answer)) as upstream:
        [error] = ask(semantic(upstream.url), ("one", "two"))

    assert isinstance(error, ComparatorError)


def test_what_was_read_is_written_down_and_a_spent_budget_asks_nobody():
    ledger = MemoryLedger()
    with Upstream(embedding) as upstream:
        comparator = semantic(upstream.url, price={"input": 1_000_000.0}, budget=25)
        comparator.keep_accounts(ledger)
        ask(comparator, ("one", "two"))
        ask(comparator, ("three", "four"))
        [error] = ask(comparator, ("five", "six"))

    assert isinstance(error, BudgetSpentError)
    assert len(upstream.seen) == 2
    [(_, spent)] = ledger._spent.values()
    assert spent == 40


def test_somebody_who_goes_away_takes_the_answer_from_nobody():
    held = Held()

    async def asked(comparator):
        leaving, staying = asking(comparator, "a", "b"), asking(comparator, "b", "b c")
        await asyncio.to_thread(held.asked.wait)
        leaving.cancel()
        await asyncio.wait([leaving])
        held.go.set()
        try:
            return await staying
        finally:
            await comparator.close()

    with Upstream(held) as upstream:
        score = asyncio.run(asked(semantic(upstream.url)))

    assert score.score == pytest.approx(math.sqrt(0.5), abs=1e-6)


def test_long_texts_go_in_windows_between_words_and_their_vectors_are_pooled_by_length():
    teacher, student = "alpha " * 40 + "beta " * 20, "alpha " * 40 + "gamma " * 20

    with Upstream(embedding) as upstream:
        [score] = ask(semantic(upstream.url, window=120), (teacher, student))

    texts = sent(upstream)
    assert all(len(text) <= 120 and text == text.strip() for text in texts)
    assert {word for text in texts for word in text.split()} == {"alpha", "beta", "gamma"}
    pooled = [
        sum(
            len(window) * np.array(embedded(window)) / np.linalg.norm(embedded(window))
            for window in _windows(side, 120)
        )
        for side in (teacher.strip(), student.strip())
    ]
    assert score.score == pytest.approx(
        pooled[0] @ pooled[1] / np.linalg.norm(pooled[0]) / np.linalg.norm(pooled[1]), abs=1e-6
    )


def test_windows_hold_the_whole_text_up_to_a_number_from_which_on_they_are_spread_over_it():
    assert _windows("one two three", 7) == ["one two", "three"]
    assert _windows("abcdefghij", 4) == ["abcd", "efgh", "ij"]
    assert _windows("a bcdefgh", 4) == ["a", "bcde", "fgh"]
    many = _windows(" ".join(f"{number:04}" for number in range(1000)), 4)
    assert (len(many), many[0], many[-1]) == (16, "0000", "0999")


# Options.


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({}, "either `folder` with a model, or `url` and `model` of an endpoint"),
        ({"url": "http://e/v1", "model": "m", "folder": "."}, "either `folder`"),
        ({"url": "http://e/v1"}, "both `url` and `model`"),
        ({"url": "ftp://e", "model": "m"}, "option 'url'"),
        ({"folder": "/nowhere"}, "/nowhere holds no sentence-transformer"),
    ],
)
def test_options_that_do_not_hold_are_said_in_one_line_without_the_key(options, says):
    with pytest.raises(ComparatorError, match=re.escape(says)) as raised:
        build("semantic", {**options, "api_key": KEY})
    assert KEY not in str(raised.value)
    assert "\n" not in str(raised.value)


def test_the_key_and_what_asking_may_cost_are_no_part_of_the_definition_of_agreement():
    options = semantic("http://e/v1", api_key=KEY).options

    assert KEY not in json.dumps(options.model_dump(mode="json")) + repr(options)
    assert not {"api_key", "budget", "timeout", "cache"} & options.model_dump().keys()
    assert options.model_dump(mode="json")["model"] == "e-1"
