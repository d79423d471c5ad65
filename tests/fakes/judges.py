"""Judges as a server would give them: each has an opinion of the data it is shown, and a way of saying it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from tests.fakes.chat import chat_completion
from tests.fakes.upstream import Reply, Seen, json_reply

Opinion = Callable[[dict[str, Any]], str]  # of the data that it is shown: its verdict

_BOUNDARY = re.compile(r"===\w+===")


def fair(data: dict[str, Any]) -> str:
    """An answer is better that says "right" where the other does not."""
    a, b = ("right" in data[side]["text"] for side in "AB")
    return "equal" if a == b else "A" if a else "B"


def position_biased(_: dict[str, Any]) -> str:
    return "A"


def undecided(_: dict[str, Any]) -> str:
    return "cannot tell"


def plainly(verdict: str) -> str:
    return json.dumps({"reason": f"I say {verdict}.", "verdict": verdict})


def data_of(seen: Seen) -> dict[str, Any]:
    """What a judge is given as data: the line between the two that look like a boundary."""
    lines = seen.json["messages"][-1]["content"].splitlines()
    first = next(number for number, line in enumerate(lines) if _BOUNDARY.fullmatch(line))
    return json.loads(lines[first + 1])


def judging(opinion: Opinion = fair, say: Callable[[str], str] = plainly) -> Callable[[Seen], Reply]:
    """A handler for an upstream that judges."""
    return lambda seen: saying(say(opinion(data_of(seen))))


def saying(text: str | None) -> Reply:
    return json_reply(chat_completion(text, model="judge-1"))


def obeying(seen: Seen) -> Reply:
    """Judges fairly, but does what it reads outside of the data: ``OBEY: A``.

    It is as gullible as the worst reader: any line that looks like a boundary ends the data, by whatever character the
    line begins, and so does any mark of a chat template.
    """
    outside, within, inside = [], [], False
    for message in seen.json["messages"]:
        for line in message["content"].splitlines():
            if _BOUNDARY.fullmatch(line.strip()) and message["role"] == "user":
                inside = not inside
            elif inside:
                data, mark, command = re.split(r"(<\|\w+\|>|</s>|\[/INST\])", line + "<|end|>", maxsplit=1)
                within.append(data)
                outside.append(command if mark != "<|end|>" or command else "")
            else:
                outside.append(line)
    commanded = re.search(r"OBEY: (A|B)", "\n".join(outside))
    if commanded:
        return saying(plainly(commanded[1]))
    try:
        return saying(plainly(fair(json.loads("\n".join(within)))))
    except ValueError:  # the data was torn, and a person would take what is left
        return saying(plainly("cannot tell"))
