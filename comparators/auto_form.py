"""The form of an answer's text: JSON, a number, a few words, code, prose. Told in time linear in its length."""

from __future__ import annotations

import re
from typing import Any, Literal, NamedTuple

from comparators.base import Request
from comparators.language import fences
from comparators.structured.text import NoJsonError, RepeatedKeyError, find_json, parse_json

FEW_WORDS = 3
_MANY_WORDS = 12  # more is no label, whatever the request names
_LONGEST_LABEL = 80  # characters
_DATA = frozenset({"", "json", "text", "txt", "plain", "plaintext", "markdown", "md"})  # fences that hold no code
_MARKS = "$€£¥₹₩"
_NUMBER = re.compile(
    rf"""[-+−]?\s?(?P<before>[{_MARKS}]?)\s?[-+−]?
    (?:0|[1-9][0-9]{{0,14}}|[1-9][0-9]{{0,2}}(?:[,.'’ \u00a0\u202f][0-9]{{3}}){{1,4}})(?:[.,][0-9]{{1,15}})?
    (?:[eE][-+]?[0-9]{{1,3}})?\s?(?P<after>[%{_MARKS}]?)""",  # noqa: RUF001 - as people and models write numbers
    re.VERBOSE,
)
_GROUPED = r"[0-9]{1,3}(?:(?:[,.'’ \u00a0\u202f]|\{,\})[0-9]{3}){1,4}|[0-9]{1,2}(?:,[0-9]{2})+,[0-9]{3}"  # noqa: RUF001
_CLOSING = r"(?:[\s*_`\"'”»)\]}$.!,;。！]|\\[)\]])*"  # noqa: RUF001
# A last line that is a number, announced or with nothing before it: no sentence that has a number somewhere.
_SAID = re.compile(
    rf"""(?:(?P<marker>\#\#\#\#|\\boxed\{{|\bA:
        |(?i:\b(?:answer|antwort|réponse|respuesta|resposta|risposta|antwoord)|答案|答え)[*_\s]*
        (?:[:：=是は]|(?:is|ist|est|es|é)\b:?))|^)
    (?:[\s*_`(\[$]*(?P<name>[^\W\d_])\s?=)?               # x = 5
    (?:(?:[\W\d_x]|\\[a-z]+)*=)?                          # 2 * 3 x 4 = 24
    (?:[\s*_`\"'“”„«(\[≈~{_MARKS}+−–-]|\\[(\[$]|\\boxed\{{)*
    (?:\\[dt]?frac\{{-?[0-9]+\}}\{{[0-9]+\}}
        |(?:{_GROUPED}|[0-9]+)(?:[.,][0-9]+)?|\.[0-9]+)
    (?:[eE][-+]?[0-9]{{1,4}}|\s?(?:[×x*]|\\times)\s?10\^\{{?[-−]?[0-9]{{1,4}}\}}?|(?:\s[0-9]+)?\s?[/⁄]\s?[0-9]+)?
    (?:\s?(?i:thousand|million|billion|trillion)\b)?
    [\s*_`)\]}}$]*(?P<percent>\\?%)?[{_MARKS}]?
    (?:(?:[\s*_`)\]}}$(~]|\\[,;\s]|\\(?:text|mathrm)\{{)*(?P<unit>(?![xyzniπ]\b)°?[^\W\d_]+(?:(?:\s?/\s?|\sper\s)[^\W\d_]+)?))?
    {_CLOSING}$""",  # noqa: RUF001 - as people and models write numbers
    re.VERBOSE,
)
_PERCENT = frozenset({"percent", "pct", "prozent"})
_SHORTEST_PLURAL = 3  # "m" and "ms" are two units
_LAST_LINE_READS = 400  # characters
_SQL = re.compile(
    r"\(?\s*(?:(?:SELECT|select)\s|(?:WITH|with)\s+(?:(?:RECURSIVE|recursive)\s+)?[\w\"`]+\s*(?:\([^)]{0,500}\)\s*)?(?:AS|as)\s*\("
    r"|(?:INSERT\s+INTO|insert\s+into|DELETE\s+FROM|delete\s+from|CREATE\s+(?:TABLE|VIEW)|create\s+(?:table|view))\s"
    r"|(?:UPDATE|update)\s+[\w.\"`]+\s+(?:SET|set)\s)"
)
_SQL_FENCES = frozenset({"sql", "mysql", "pgsql", "plpgsql", "postgres", "postgresql", "sqlite", "sqlite3", "tsql"})
_PYTHON_FENCES = frozenset({"py", "py3", "python", "python3"})
# Scripts without spaces between words: four characters count as a word.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]{4}"
)
_AROUND = " \t\n*_`\"'“”„‘’«»「」.!。！"  # noqa: RUF001 - what a short answer is wrapped in
_PROMPTS = ("messages", "input", "instructions", "prompt", "response_format", "text")
_MOST_PARTS = 2_000  # of a request are looked through


class Measure(NamedTuple):
    """What a number is of."""

    unit: str  # a word, in lower case and the singular; may be empty
    currency: str  # its mark; may be empty
    percent: bool
    name: str  # of the variable; may be empty


class Form:
    """What the text of an answer looks like.

    Attributes:
        text: The text, no white space at its ends.
        fences: Its fenced blocks.
        is_one_fence: There is nothing beside a fenced block.
        is_mostly_fenced: At least half of it stands in fenced blocks.
        json: Whether it is a JSON object or array: ``bare`` alone, ``carried`` within a few words.
        words: How many words it is, where it could be a label.
    """

    def __init__(self, text: str) -> None:
        self.text = text.strip()
        self.fences, outside = fences.split(self.text)
        self.is_one_fence = self.is_mostly_fenced = False
        self._bare = self.text  # without a fence around all of it, where that is no code's
        if self.fences:
            beside = len(outside.strip())
            self.is_one_fence = len(self.fences) == 1 and not beside
            self.is_mostly_fenced = sum(len(block.text) for block in self.fences) >= beside
            if self.is_one_fence and self.fences[0].language in _DATA:
                self._bare = self.fences[0].text.strip()
        self.json = self._json()
        # Without emphasis, quotes and the like around a short answer.
        self._plain = self._bare.strip(_AROUND) if len(self._bare) <= _LONGEST_LABEL else ""
        self.words = self._words()

    @property
    def is_code(self) -> bool:
        """Whether most of it is fenced code, of more than a few words."""
        return self.is_mostly_fenced and not self.json and self.words is None

    @property
    def is_python(self) -> bool:
        """Whether that is Python, all of it."""
        return self.is_code and all(block.language in _PYTHON_FENCES for block in self.fences)

    @property
    def is_sql(self) -> bool:
        """Whether it is a query, or most of it is a fenced one."""
        if self.is_mostly_fenced:
            return all(
                block.language in _SQL_FENCES or (not block.language and _SQL.match(block.text))
                for block in self.fences
            )
        return _SQL.match(self._bare) is not None

    @property
    def number(self) -> str | None:
        """The mark (currency, percent; mostly none) of the number that it is; None where it is no number alone."""
        found = _NUMBER.fullmatch(self._plain)
        return None if found is None else found["before"] or found["after"]

    @property
    def announces_number(self) -> bool:
        """Whether its last line says that this is the answer, and a number is all that it says."""
        said = self._said()
        return said is not None and said["marker"] is not None

    @property
    def measure(self) -> Measure | None:
        """What the number is of that its last line is; None where that is no number alone."""
        said = self._said()
        if said is None:
            return None
        unit = (said["unit"] or "").casefold()
        percent = said["percent"] is not None or unit in _PERCENT
        if len(unit) >= _SHORTEST_PLURAL:
            unit = unit.removesuffix("s")
        currency = "".join(sorted(set(_MARKS) & set(said[0])))
        return Measure("" if percent else unit, currency, percent, said["name"] or "")

    def _said(self) -> re.Match[str] | None:
        return _SAID.search(self.text[-_LAST_LINE_READS:].rpartition("\n")[2])

    def is_label(self, request: Request, words: int = 0) -> bool:
        """Whether it is as short as a label, or as ``words``, or is said so in the request."""
        if self.words is None or self.json:
            return False
        return self.words <= max(words, FEW_WORDS) or _names(request, self._plain)

    def _json(self) -> Literal["bare", "carried", ""]:
        if self._bare.startswith(("{", "[")) and _holds_fields(parse_json, self._bare):
            return "bare"
        if (self.is_mostly_fenced or self._is_mostly_braced()) and _holds_fields(find_json, self.text):
            return "carried"
        return ""

    def _is_mostly_braced(self) -> bool:
        length = self.text.rfind("}") - self.text.find("{")
        return 2 * length >= len(self.text) > 0

    def _words(self) -> int | None:
        if not self._plain or "\n" in self._plain:
            return None
        words = len(self._plain.split()) + len(_UNSPACED.findall(self._plain))
        return words if words <= _MANY_WORDS else None


def _holds_fields(read: Any, text: str) -> bool:
    try:
        return isinstance(read(text), dict | list)
    except RepeatedKeyError:
        return True
    except NoJsonError:
        return False


def _names(request: Request, text: str) -> bool:
    """Whether the request itself has this text somewhere: one of the labels to choose from."""
    todo: list[Any] = [request.body.get(key) for key in _PROMPTS]
    for count, part in enumerate(todo):  # grows on the way
        if isinstance(part, str):
            if text in part:
                return True
        elif count + len(todo) > 2 * _MOST_PARTS:
            return False
        elif isinstance(part, dict):
            todo.extend(part.values())
        elif isinstance(part, list):
            todo.extend(part)
    return False
