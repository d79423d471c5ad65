"""Making answers and comparing them, for the tests of this room."""

from comparators.base import Answer, Request, Score, ToolCall
from comparators.registry import build

REQUEST = Request(surface="chat/completions", body={})


def compare(use: str, teacher: str | Answer | None, student: str | Answer | None, **options) -> Score:
    sides = [side if isinstance(side, Answer) else Answer(content=side) for side in (teacher, student)]
    return build(use, options).compare(REQUEST, *sides)


def calling(*calls: tuple[str, str], content: str | None = None) -> Answer:
    return Answer(content=content, tool_calls=tuple(ToolCall(name=name, arguments=text) for name, text in calls))


# A request whose tool takes 7 for an argument that is not there: what no comparator can tell without the request.
DEFAULTING = Request(
    surface="chat/completions",
    body={
        "tools": [
            {
                "type": "function",
                "function": {
                    "name": "f",
                    "parameters": {"type": "object", "properties": {"days": {"type": "integer", "default": 7}}},
                },
            }
        ]
    },
)
SPELLED_OUT = calling(("f", '{"days": 7}'))
LEFT_OUT = calling(("f", "{}"))
