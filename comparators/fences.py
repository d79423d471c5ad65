"""Fenced blocks in prose, as CommonMark has them, and a little more leniently, as models write them."""

from __future__ import annotations

import re
import textwrap

import msgspec

# Possessive throughout: no line takes more than one pass.
_OPENING = re.compile(r"[ \t]*+(?:[-*+>][ \t]++)?+(`{3,}+|~{3,}+)([^`]*+)$")
_CLOSING = re.compile(r"[ \t]*+(?:>[ \t]++)?+(`{3,}+|~{3,}+)[ \t]*+$")


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """A fenced block: what its fence says it is, in lower case (``python``; perhaps nothing), and what stands in it."""

    language: str
    text: str  # the lines in between, what they are all indented by taken off


def blocks(text: str) -> list[Block]:
    """The fenced blocks of a text, in order. One that is never closed ends with the text."""
    return _split(text)[0]


def outside(text: str) -> str:
    """The text without its fenced blocks."""
    return _split(text)[1]


def _split(text: str) -> tuple[list[Block], str]:
    found: list[Block] = []
    rest: list[str] = []
    fence, language, inside = "", "", list[str]()
    for line in text.replace("\r\n", "\n").split("\n"):
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
    return Block(language=words[0].rstrip("}").lower(), text=textwrap.dedent("\n".join(lines)))
