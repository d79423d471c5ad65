"""What drift is told by: features of a request and of an answer, as bins of histograms.  Pure, without a model.

What each is, and in how many bins: docs/drift.md and ``proxy.store.sketches.BINS``.  Names and texts are hashed with
the store's salt; nothing that is kept of a feature can be read.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Callable
from typing import Any

from comparators.base import Answer
from comparators.language import fences
from comparators.language.detection import language_of
from comparators.language.refusal_phrases import refusing_words
from comparators.structured.text import NoJsonError, parse_json
from proxy.openai import json_text, turns
from proxy.openai.tools import offered_tools
from proxy.shadow import hashing
from proxy.store.records import Features
from proxy.store.sketches import BINS

LABEL_CHARACTERS = 40  # an answer of so many at most is a label
SAMPLED_WORDS = 8
_MOST_TOOLS = 128
_ANSWER_LANGUAGE_CHARACTERS = 100  # reading more costs more than all other features
_LONGEST_JSON = 20_000  # characters that are parsed; beyond, brackets tell
_DIGITS = string.digits.encode()
_PUNCTUATION = string.punctuation.encode()
_FINISH_REASONS = ("stop", "length", "tool_calls", "content_filter", "function_call", "incomplete")
_FORMATS = ("tool_call", "refusal", "empty", "json", "code", "list", "label", "prose")
_ITEM = re.compile(r"^[ \t]*(?:[-*+•]|\d{1,3}[.)])[ \t]", re.MULTILINE)


def request_features(surface: str, body: dict[str, Any], *, salt: bytes, identify: Callable[[str], str]) -> Features:
    """Those of a request.  ``identify`` tells the language of its newest user turn: ``language_segment``."""
    text = turns.prompt_text(surface, body)
    system = turns.system_text(surface, body)
    read = hashing.excerpt(text).encode("utf-8", "replace")
    words = hashing.words(salt, text)
    return {
        "length": _one(_log2_bin("length", len(text))),
        "system_length": _one(_log2_bin("system_length", len(system))),
        "messages": _one(min(turns.number_of_messages(surface, body), BINS["messages"] - 1)),
        "tools": _tools(salt, offered_tools(body)),
        "response_format": _one(_response_format(salt, surface, body)),
        "language": _one(language_bin(identify(text))),
        "digits": _one(_share_bin("digits", read, _DIGITS)),
        "punctuation": _one(_share_bin("punctuation", read, _PUNCTUATION)),
        "system_prompt": _one(_fingerprint(salt, system)),
        "novelty": Counter(hashing.sampled(words, SAMPLED_WORDS, BINS["novelty"])),
        "words": hashing.word_features(words),
    }


def answer_features(answer: Answer, *, salt: bytes) -> Features:
    """Those of an answer, the teacher's or a student's; embeddings have none."""
    if answer.embeddings is not None:
        return {}
    text = (answer.content or "").strip()
    is_label = 0 < len(text) <= LABEL_CHARACTERS
    label = text.casefold().strip(string.punctuation + string.whitespace)
    reason = answer.finish_reason
    return {
        "length": _one(_log2_bin("length", len(text))),
        "finish_reason": _one(
            0 if reason is None else 1 + (_FINISH_REASONS.index(reason) if reason in _FINISH_REASONS else 6)
        ),
        "format": _one(_FORMATS.index(format_of(answer))),
        "tools": _tools(salt, [call.name for call in answer.tool_calls]),
        "label": _one(hashing.bin_of(salt, label, BINS["label"]) if is_label else 0),
        "language": _one(language_bin(language_of(text[:_ANSWER_LANGUAGE_CHARACTERS]))),
    }


def language_bin(code: str | None) -> int:
    """The bin of an ISO 639-1 code, so that it can be told from the bin; 0 for none and for ``und``."""
    if code is None or len(code) != 2:  # noqa: PLR2004
        return 0
    first, second = (ord(letter) - ord("a") for letter in code)
    return 1 + 26 * first + second


def format_of(answer: Answer) -> str:
    """The form of an answer, one of eight."""
    if answer.tool_calls:
        return "tool_call"
    text = (answer.content or "").strip()
    if answer.refusal or answer.finish_reason == "content_filter" or refusing_words(text) is not None:
        return "refusal"
    return _form_of_text(text) if text else "empty"


def _form_of_text(text: str) -> str:
    fenced = fences.only(text)
    if _is_json(text if fenced is None else fenced):
        return "json"
    if "```" in text:
        return "code"
    if _is_list(text):
        return "list"
    return "label" if len(text) <= LABEL_CHARACTERS and "\n" not in text else "prose"


def _is_json(text: str) -> bool:
    if (text[:1], text[-1:]) not in {("{", "}"), ("[", "]")}:
        return False
    if len(text) > _LONGEST_JSON:
        return True
    try:
        parse_json(text)
    except NoJsonError:
        return False
    return True


def _is_list(text: str) -> bool:
    """Whether half of the lines or more are items, and there are two of these."""
    read = hashing.excerpt(text)
    items = len(_ITEM.findall(read))
    return items > 1 and 2 * items >= sum(1 for line in read.splitlines() if line.strip())


def _log2_bin(feature: str, number: int) -> int:
    """0 for nothing, 1 for 1, 2 for 2 and 3, 3 for 4 to 7, and so on."""
    return min(number.bit_length(), BINS[feature] - 1)


def _share_bin(feature: str, text: bytes, which: bytes) -> int:
    """The same of a share in thousandths."""
    count = len(text) - len(text.translate(None, which))
    return _log2_bin(feature, 1000 * count // max(1, len(text)))


def _tools(salt: bytes, names: list[str]) -> dict[int, int]:
    return Counter([hashing.bin_of(salt, name, BINS["tools"]) for name in names[:_MOST_TOOLS]] or [0])


def _response_format(salt: bytes, surface: str, body: dict[str, Any]) -> int:
    asked = body.get("response_format")
    if surface == "responses":
        text = body.get("text")
        asked = text.get("format") if isinstance(text, dict) else None
    if not isinstance(asked, dict) or asked.get("type") == "text":
        return 0
    return hashing.bin_of(salt, json_text.canonical(asked), BINS["response_format"])


def _fingerprint(salt: bytes, system: str) -> int:
    """Of a system prompt, whatever its white space and its numbers; 0 where there is none."""
    text = hashing.without_numbers(" ".join(hashing.excerpt(system).split()))
    return hashing.bin_of(salt, text, BINS["system_prompt"]) if text else 0


def _one(bin_: int) -> dict[int, int]:
    return {bin_: 1}
