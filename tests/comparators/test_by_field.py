import asyncio

import pytest

from comparators.base import SURFACES, Answer, ComparatorError, Request
from comparators.registry import build

TOOLS = [{"type": "function", "function": {"name": "f"}}]
CASES = [
    {"when": {"surface": "embeddings"}, "use": "embedding"},
    {"when": {"body": {"metadata.task": "triage*", "messages[0].role": "system"}}, "use": "label"},
    {"when": {"has_tools": True}, "use": "tool_calls"},
    {"when": {"has_schema": True, "has_tools": False}, "use": "json"},
    {"when": {"model": "gpt-4o*", "body": {"temperature": 0}}, "use": "exact"},
]
OPTIONS = {"cases": CASES, "otherwise": {"use": "text"}}


def request(surface="chat/completions", **body):
    return Request(surface=surface, body=body)


SYSTEM = {"role": "system", "content": "Sort the request into a class."}


@pytest.mark.parametrize(
    ("asked", "case", "use"),
    [
        (request("embeddings"), 1, "embedding"),
        (request(metadata={"task": "triage-2"}, messages=[SYSTEM], tools=TOOLS), 2, "label"),
        (request(metadata={"task": "triage-2"}, messages=[{"role": "user"}], tools=TOOLS), 3, "tool_calls"),
        (request(metadata={"task": "a triage"}, messages=[SYSTEM]), "otherwise", "text"),
        (request("responses", tools=[{"type": "function", "name": "f"}]), 3, "tool_calls"),
        (request("responses", text={"format": {"type": "json_object"}}), 4, "json"),
        (request(response_format={"type": "json_object"}), 4, "json"),
        (request(model="gpt-4o-mini", temperature=0), 5, "exact"),
        (request(model="gpt-4o-mini", temperature=0.0), 5, "exact"),
        (request(model="gpt-4o-mini", temperature=False), "otherwise", "text"),
        (request(model="gpt-4.1", temperature=0), "otherwise", "text"),
        (request(metadata=["task"], messages={}, model=7, tools=7, response_format=[]), "otherwise", "text"),
        (request(), "otherwise", "text"),
    ],
)
def test_the_first_case_that_holds_has_the_request(asked, case, use):
    answer = Answer(embeddings=((1.0,),)) if asked.surface == "embeddings" else Answer(content='{"a": 1}')

    score = build("by_field", OPTIONS).compare(asked, answer, answer)

    assert (score.agree, score.detail["case"], score.detail["use"]) == (True, case, use)


def test_what_the_chosen_one_says_is_what_is_said():
    sides = Answer(content="refund"), Answer(content="billing")
    asked = request(metadata={"task": "triage"}, messages=[SYSTEM])

    alone, score = build("label", {}).compare(asked, *sides), build("by_field", OPTIONS).compare(asked, *sides)

    assert (score.score, score.agree, score.kinds) == (alone.score, alone.agree, alone.kinds)
    assert score.detail == {"use": "label", "case": 2, "detail": alone.detail}


def test_options_stand_beside_the_condition():
    cases = [{"when": {"model": "*"}, "use": "text", "agree_at": 0.1}]
    sides = Answer(content="a b"), Answer(content="a c")

    assert build("by_field", {"cases": cases}).compare(request(model="m"), *sides).agree


def test_all_other_requests_are_autos():
    comparator = build("by_field", {"cases": [{"when": {"has_tools": True}, "use": "exact"}]})

    assert comparator.surfaces == SURFACES
    answer = Answer(content="refund")
    assert comparator.compare(request(), answer, answer).detail["use"] == "auto"


def test_a_null_is_nothing():
    cases = [{"when": {"body": {"seed": None}}, "use": "exact"}]
    comparator = build("by_field", {"cases": cases, "otherwise": "text"})
    answer = Answer(content="a")

    seeds = [request(), request(seed=None), request(seed=0)]
    assert [comparator.compare(asked, answer, answer).detail["case"] for asked in seeds] == [1, 1, "otherwise"]


def test_a_surface_that_the_chosen_one_does_not_serve_is_an_error():
    comparator = build("by_field", {"cases": CASES[:1], "otherwise": "text"})
    answer = Answer(content="a")

    assert comparator.surfaces == SURFACES
    with pytest.raises(ComparatorError, match="embedding does not compare answers of chat/completions"):
        build("by_field", {"cases": [{"when": {"model": "*"}, "use": "embedding"}]}).compare(
            request(model="m"), answer, answer
        )


def test_it_is_light_where_all_are_and_else_each_runs_where_it_must():
    assert (
        build("by_field", {"cases": [{"when": {"model": "*"}, "use": "label"}], "otherwise": "exact"}).runs == "light"
    )
    comparator = build("by_field", OPTIONS)
    assert comparator.runs == "awaited"
    ran = []

    async def run(chosen, *pair):
        ran.append(chosen.name)
        return chosen.compare(*pair)

    sides = Answer(content="a"), Answer(content="b")
    asyncio.run(comparator.ask(request(), *sides, run))
    asyncio.run(comparator.ask(request(tools=TOOLS), *sides, run))
    assert ran == ["text", "tool_calls"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "'cases'"),
        ({"cases": []}, "at least 1"),
        ({"cases": ["text"]}, "'cases.0.when'"),
        ({"cases": [{"when": {}, "use": "text"}]}, "says nothing; what holds for all other requests is `otherwise`"),
        ({"cases": [{"when": {"has_tool": True}, "use": "text"}]}, "has_tool"),
        ({"cases": [{"when": {"surface": "chat"}, "use": "text"}]}, "'chat/completions'"),
        ({"cases": [{"when": {"body": {"messages[].role": "user"}}, "use": "text"}]}, "must lead to one value"),
        ({"cases": [{"when": {"body": {"a..b": 1}}, "use": "text"}]}, "is not a path"),
        ({"cases": [{"when": {"model": "*"}, "use": "txet"}]}, "did you mean 'text'?"),
    ],
)
def test_what_cannot_be_used_is_said_at_once(options, message):
    with pytest.raises(ComparatorError) as refused:
        build("by_field", options)

    assert message in str(refused.value)
    assert "\n" not in str(refused.value)
