"""A tool that tells the weather, with others beside it on every surface, and calls of them."""

import json

from comparators.base import Answer, Request
from tests.comparators.pairs import calling

WEATHER = {
    "type": "object",
    "properties": {
        "city": {"type": "string"},
        "days": {"type": "integer", "default": 3},
        "unit": {"$ref": "#/$defs/unit"},
        "note": {},
        "code": {"anyOf": [{"type": "integer"}, {"type": "string"}]},
        "stops": {"type": "array", "items": {"type": "object", "properties": {"n": {"type": "number"}}}},
    },
    "required": ["city"],
    "additionalProperties": False,
    "$defs": {"unit": {"enum": ["c", "f"], "default": "c"}},
}
NOW = {"type": "object", "properties": {}}
CHAT = Request(
    surface="chat/completions",
    body={
        "tools": [
            {"type": "function", "function": {"name": "weather", "parameters": WEATHER}},
            {"type": "function", "function": {"name": "now", "parameters": NOW}},
            {"type": "function", "function": {"name": "loose"}},
            {"type": "custom", "custom": {"name": "shell"}},
        ]
    },
)
RESPONSES = Request(
    surface="responses",
    body={
        "tools": [
            {"type": "function", "name": "weather", "parameters": WEATHER},
            {"type": "namespace", "name": "clock", "tools": [{"type": "function", "name": "now", "parameters": NOW}]},
            {"type": "function", "name": "loose"},
            {"type": "custom", "name": "shell"},
            {"type": "web_search"},
        ]
    },
)
OLD = Request(
    surface="chat/completions",
    body={
        "functions": [
            {"name": "weather", "parameters": WEATHER},
            {"name": "now", "parameters": NOW},
            {"name": "loose"},
        ],
        "tools": [{"type": "custom", "custom": {"name": "shell"}}],
    },
)


def call(name, *text, **arguments):
    return name, text[0] if text else json.dumps(arguments)


def weather(**arguments):
    return call("weather", **arguments)


BERLIN, PARIS, ROME = (weather(city=city) for city in ("Berlin", "Paris", "Rome"))
NOW_CALL = call("now")


def answer(said):
    return calling(*said) if isinstance(said, list) else Answer(content=said)
