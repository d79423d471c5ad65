"""Fenced blocks in prose, as CommonMark has them, and a little more leniently, as models write them."""

from __future__ import annotations

import re
import textwrap

import msgspec

# Possessive throughout: no line takes more than one pass.
_OPENING = re.compile(r"[ \t]*+(?:[-*+>][ \t]++)?+(`{3,}+|~{3,}+)([^`]*+)$")
_MOST = 200  # blocks that are told apart: no answer for people has more, and each costs time
_CLOSING = re.compile(r"[ \t]*+(?:>[ \t]++)?+(`{3,}+|~{3,}+)[ \t]*+$")


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """A fenced block: what its fence says it is, in lower case (``python``; perhaps nothing), and what stands in it."""

    language: str
    text: str  # the lines in between, what they are all indented by taken off


def blocks(text: str) -> list[Block]:
    """The fenced blocks of a text, in order. One that is never closed ends with the text.

    After two hundred, what is left of the text is one more.
    """
    return split(text)[0]


def outside(text: str) -> str:
    """The text without its fenced blocks."""
    return split(text)[1]


def only(text: str) -> str | None:
    """What stands in the one fenced block that a text consists of, no white space at its ends. Else None."""
    found, rest = split(text)
    return found[0].text.strip() if len(found) == 1 and not rest.strip() else None


def split(text: str) -> tuple[list[Block], str]:
    """Both."""
    text = text.replace("\r\n", "\n")
    if "```" not in text and "~~~" not in text:
        return [], text
    found: list[Block] = []
    rest: list[str] = []
    fence, language, inside = "", "", list[str]()
    lines = text.split("\n")
    for number, line in enumerate(lines):
        if len(found) == _MOST:
            found.append(Block(language="", text="\n".join(lines[number:])))
            break
        if fence:
            closing = _CLOSING.match(line)
            if closing and closing[1].startswith(fence):
                found.append(_block(language, inside))
                fence = ""
            else:
                inside.append(line)
        elif opening := _OPENING.match(line):
            fence, language, inside = opening[1], opening[2], []
        else:
            rest.append(line)
    if fence:
        found.append(_block(language, inside))
    return found, "\n".join(rest)


def _block(info: str, lines: list[str]) -> Block:
    words = re.split(r"[\s,:{]", info.strip().removeprefix("{").removeprefix("."), maxsplit=1)
    text = "\n".join(lines)
    if not any(line and not line[0].isspace() for line in lines):  # else they are not all indented
        text = textwrap.dedent(text)
    return Block(language=words[0].rstrip("}").lower(), text=text)
