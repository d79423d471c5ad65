"""``code``: the same code, once parsed."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Hashable, Sequence
from itertools import chain, zip_longest
from typing import Any, Literal, NamedTuple, get_args

from pydantic import Field

from comparators.base import Answer, Comparator, ComparatorOptions, Request, Runs, Score
from comparators.extras import need
from comparators.language.fences import Block, blocks
from comparators.language.sequences import similarity
from comparators.parts import decided_by_form, short
from comparators.source.python import Name, python_tokens
from comparators.source.tree import GRAMMARS, tree_tokens

LanguageName = Literal[
    "bash", "c", "cpp", "csharp", "go", "java", "javascript", "php", "python", "ruby", "rust", "tsx", "typescript"
]
_LANGUAGES = frozenset(get_args(LanguageName))
_CALLED = {
    "c#": "csharp",
    "c++": "cpp",
    "cc": "cpp",
    "cs": "csharp",
    "cxx": "cpp",
    "golang": "go",
    "h": "c",
    "hpp": "cpp",
    "htm": "html",
    "js": "javascript",
    "jsx": "javascript",
    "kt": "kotlin",
    "mjs": "javascript",
    "node": "javascript",
    "ps1": "powershell",
    "pwsh": "powershell",
    "py": "python",
    "py3": "python",
    "python3": "python",
    "rb": "ruby",
    "rs": "rust",
    "sh": "bash",
    "shell": "bash",
    "ts": "typescript",
    "yml": "yaml",
    "zsh": "bash",
}
_NO_LANGUAGE = frozenset({"", "plain", "plaintext", "text", "txt"})
# Tried in this order, as a later one often takes an earlier one's code, where the text has what such code has.
_GUESSED = {
    "bash": re.compile(r"\A#!.*sh\b"),
    "php": re.compile(r"<\?php"),
    "python": re.compile(""),
    "javascript": re.compile(r"[(=;]"),
    "typescript": re.compile(r"[:<;]"),
    "tsx": re.compile(r"</|/>"),
    "go": re.compile(r"\bpackage\b|\bfunc\b|:="),
    "rust": re.compile(r"\bfn\b|\blet\b|\bstruct\b|\bimpl\b|\buse\b"),
    "java": re.compile(r";\s"),
    "csharp": re.compile(r";\s"),
    "c": re.compile(r";\s|#include"),
    "cpp": re.compile(r";\s|#include"),
    "ruby": re.compile(r"(?m)^\s*end\b"),
}
# Parsers take long, and some crash, on endless text: of a longer block the words are compared.
_LONGEST_PARSED = 30_000
_LONGEST_GUESSED = 10_000  # for this each parser is tried
_MOST_SHOWN = 5


class CodeOptions(ComparatorOptions):
    """Options of ``code``."""

    language: LanguageName | None = Field(
        None, description=f"one of {', '.join(sorted(_LANGUAGES))}; by default told by the fence, or else guessed"
    )
    ignore_names: bool = Field(False, description="names that the code gives may be others, one for one throughout")
    agree_at: float = Field(1.0, gt=0, le=1, description="similarity from which on code that parses agrees")


_BREAK = ("block",)


class _Pair(NamedTuple):
    """Two blocks, teacher's and student's, read alike."""

    language: str
    texts: tuple[str, str]
    tokens: tuple[list[Hashable], list[Hashable]]  # what their trees hold; words, where one of them does not parse
    invalid: tuple[bool, bool] = (False, False)
    other_language: bool = False  # the fences name two


class Code(Comparator):
    """Agreement is the same code once parsed, whatever its layout and comments."""

    name = "code"
    version = "3"
    runs: Runs = "heavy"
    Options = CodeOptions
    options: CodeOptions

    def __init__(self, options: CodeOptions | None = None) -> None:
        super().__init__(options)
        language = self.options.language
        needed = [grammar.module for name, grammar in GRAMMARS.items() if language in {None, name}]
        if needed:
            so_that = "comparator 'code' reads other languages than `language: python` by parsers of their own"
            need("code", ["tree_sitter", *needed], so_that=so_that)

    def compare(self, request: Request, teacher: Answer, student: Answer) -> Score:
        decided = decided_by_form(teacher, student, words_beside_calls=False, request=request)
        if decided is not None:
            return decided
        wanted, given = ((side.content or "") for side in (teacher, student))
        if wanted.strip() == given.strip():  # would have done just as well, code or not
            return Score(score=1.0, agree=True)
        nothing = Block(language="", text="")
        both = zip_longest(self._blocks(wanted), self._blocks(given), fillvalue=nothing)
        return self._score([self._read(*blocks) for blocks in both])

    def _blocks(self, text: str) -> list[Block]:
        found = blocks(text)
        if not found:
            return [Block(language="", text=textwrap.dedent(text))]
        if self.options.language is not None:  # others are beside the point: how to install it, what it prints
            found = [block for block in found if _language(block) in {"", self.options.language}] or found
        return found

    def _read(self, wanted: Block, given: Block) -> _Pair:
        texts = (wanted.text, given.text)
        named = [_language(block) or self.options.language or "" for block in (wanted, given)]
        if named[0] != named[1] and _NO_LANGUAGE.isdisjoint(named):  # the same words mean, or do, something else
            first, second = ([("language", name), *_words(text)] for name, text in zip(named, texts, strict=True))
            return _Pair(" and ".join(named), texts, (first, second), other_language=True)
        told = self.options.language or _language(wanted) or _language(given)
        language = told or _guessed(*texts, self._parsed)
        unread: tuple[bool, bool] | None = None
        if max(map(len, texts)) <= _LONGEST_PARSED and texts[0].strip() != texts[1].strip():
            if language in _LANGUAGES:
                ours, theirs = (self._parsed(text, language) for text in texts)
                if ours is not None and theirs is not None:
                    return _Pair(language, texts, (ours, theirs))
                unread = (ours is None, theirs is None)
            elif not told and max(map(len, texts)) <= _LONGEST_GUESSED:  # told: nothing but the words is known of it
                unread = (True, True)
        words = (_words(wanted.text), _words(given.text))
        return _Pair(language, texts, words, unread if unread and words[0] != words[1] else (False, False))

    def _parsed(self, text: str, language: str) -> list[Hashable] | None:
        if language == "python":
            return python_tokens(text, own_names=self.options.ignore_names)
        return tree_tokens(text, language)

    def _score(self, pairs: Sequence[_Pair]) -> Score:
        ours, theirs = (self._sequences(pairs, side) for side in (0, 1))
        alike = similarity(*(list(chain.from_iterable((*each, _BREAK) for each in side)) for side in (ours, theirs)))
        detail: dict[str, Any] = {"languages": [pair.language or "unknown" for pair in pairs[:_MOST_SHOWN]]}
        kinds = tuple(
            kind
            for kind, side in (("teacher_invalid_format", 0), ("invalid_format", 1))
            if any(pair.invalid[side] for pair in pairs)
        )
        other_language = any(pair.other_language for pair in pairs)
        if not kinds and not other_language and alike >= self.options.agree_at:
            return Score(score=alike, agree=True, detail=detail)
        differing = [pair for pair, *both in zip(pairs, ours, theirs, strict=True) if both[0] != both[1]]
        detail["differing"] = [_shown(pair) for pair in differing[:_MOST_SHOWN]]
        return Score(score=alike, agree=False, kinds=kinds or ("code_changed",), detail=detail)

    def _sequences(self, pairs: Sequence[_Pair], side: int) -> list[list[Hashable]]:
        """The tokens of one side's blocks, names by the order in which they first occur where they do not count."""
        blocks_of_side = [pair.tokens[side] for pair in pairs]
        own = {token for tokens in blocks_of_side for token in tokens if isinstance(token, Name)}
        order: dict[str, Hashable] = {}

        def read(token: Hashable) -> Hashable:
            match token:
                case Name(name) | ("name", str(name)) if name in own and self.options.ignore_names:
                    return order.setdefault(name, (len(order),))
                case Name(name):
                    return ("name", name)
            return token

        return [[read(token) for token in tokens] for tokens in blocks_of_side]


def _language(block: Block) -> str:
    """As we call the language that the fence names; its own word for one that we do not know."""
    return _CALLED.get(block.language, block.language)


def _guessed(wanted: str, given: str, parse: Callable[[str, str], Any]) -> str:
    """The first language that takes both, or else the teacher's, or else the student's; nothing if none does."""
    if max(len(wanted), len(given)) > _LONGEST_GUESSED:
        return ""
    takes_first, takes_second = "", ""
    for language, sign in _GUESSED.items():
        if not (sign.search(wanted) or sign.search(given)):
            continue
        first, second = (parse(text, language) is not None for text in (wanted, given))
        if first and second:
            return language
        if first:
            takes_first = takes_first or language
        if second:
            takes_second = takes_second or language
    return takes_first or takes_second


def _words(text: str) -> list[Hashable]:
    """Words, with how far each line is indented."""
    return [
        part
        for line in text.splitlines()
        if (words := line.split())
        for part in (line[: len(line) - len(line.lstrip())], *words)
    ]


def _shown(pair: _Pair) -> dict[str, Any]:
    """Both from the first line that differs."""
    ours, theirs = (text.splitlines() for text in pair.texts)
    same = next((at for at, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a.split() != b.split()), 0)
    shown: dict[str, Any] = {"teacher": short("\n".join(ours[same:])), "student": short("\n".join(theirs[same:]))}
    lacking = [side for side, invalid in zip(("teacher", "student"), pair.invalid, strict=True) if invalid]
    return shown | {"does_not_parse": lacking} if lacking else shown
