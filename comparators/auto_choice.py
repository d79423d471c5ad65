r"""The choice that an answer announces: a letter of several, or a few words, however long the way to it is.

Told are ``\boxed{B}``, a last line such as ``Answer: Oslo``, ``So the answer is (B).`` or ``**B**``, and a letter that
is announced on the first or last line, whatever follows it: ``The answer is B (see rule 4).``  Where others are too,
anywhere, nobody can tell.  A letter that begins a name or a sentence (``Answer: C major``) is none.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from comparators.auto_form import FEW_WORDS, Form

_READS = 20_000  # characters, from the end
_LONGEST_LINE = 400
_LONGEST_OPTION = 4  # words; more after a letter are no option's text but an explanation
_NOUN = r"""(?:(?i:\b(?:answer|option|choice|antwort|lösung|réponse|choix|respuesta|opción|resposta|alternativa|opção
    |risposta|opzione|antwoord|optie|odpowiedź|odpowiedzią|ответ|вариант|відповідь))|答案|选项|選項|正解|答え|選択肢|정답|답)"""
_LINK = r"""[*_\s]{0,9}(?:[:：=]|\b(?i:is|ist|est|es|é|è|to|jest)\b:?|\s[–—-]\s|[是为為は은는])"""  # noqa: RUF001 - as they are written
_LETTER = r"[A-JА-Е](?![A-Za-z0-9_а-я'’+#])"  # noqa: RUF001 - Latin and Cyrillic
_LETTERS = (
    rf"(?P<letters>{_LETTER}(?:\s?(?:[,&/+、和及或と]|(?i:and|or|und|oder|et|ou|y|o|e|en|of|i|и|или))\s?{_LETTER})*)"
)
_OPENING = r"[\s*_`\"'“„«(\[$]{0,9}(?:\\boxed\{)?(?:\\text\{)?"
_CLOSING = r"[*_`\"'”»)\]}$]{0,9}"
_REASON = r"(?i:because|since|as|which|see|weil|denn|car|puisque|porque|pois|perché|poiché|want|omdat|ponieważ)"
_ANNOUNCED_LETTER = re.compile(
    rf"""{_NOUN}{_LINK}(?:\s*(?i:option|choice|letter|opción|opção|opzione|optie|вариант)\b)?{_OPENING}{_LETTERS}
    (?={_CLOSING}(?:\s*\Z|\s*\n|\s*[(,;!。，；！]|\s*[.:](?:\Z|[\s*_"')])|\s[–—-]\s|\s{_REASON}\b|\)|[选選]|です|だ))""",  # noqa: RUF001
    re.VERBOSE,
)
_LAST_LINE = re.compile(
    rf"""[\W_]{{0,9}}(?:(?i:so|thus|therefore|hence|then|also|daher|somit|donc|portanto|quindi|dus|por\slo\stanto),?\s)?
    (?:(?i:the|my|our|die|meine|la|ma|mi|a|o|minha|il|het|de|mijn)\s)?
    (?:(?i:final|correct|right|best|endgültige|richtige|bonne|meilleure|finale|correcta|mejor|juiste|beste)\s)?
    {_NOUN}(?:\s(?i:final|finale|correcte|correcta|correta|corretta))?{_LINK}(?P<said>.+)""",
    re.VERBOSE,
)
_LETTERS_ALONE = re.compile(
    rf"[\W_]{{0,9}}{_LETTERS}(?:です|だ)?{_CLOSING}[.:)。]?{_CLOSING}(?:(?<=[).:\]*])\s+(?P<option>\S.*))?"
)
_SMALL_IN_BRACKETS = re.compile(r"[\W_]{0,9}[(\[]\s?(?P<letter>[a-jа-е])\s?[)\]][\W_]{0,9}")  # noqa: RUF001 - Cyrillic
_BOXED = "\\boxed{"
_LONGEST_BOXED = 200
_WRAPPED = re.compile(r"\\(?:text|textbf|mathrm|mathbf)\{([^{}]*)\}")


class Choice(NamedTuple):
    """What was chosen."""

    said: str  # letters (``B``, ``A, C``) or words
    option: str = ""  # what stands after the letter, where that is short


def announced(form: Form) -> Choice | None:
    """The choice that an answer announces."""
    text = form.text[-_READS:]
    boxed = _boxed(text)
    if boxed:
        return _read(boxed) or Choice("".join(boxed.split()))
    last = text.rpartition("\n")[2].strip()
    said = _LAST_LINE.fullmatch(last) if len(last) <= _LONGEST_LINE else None
    if said is not None:
        chosen = _read(said["said"]) or _few_words(said["said"])
        if chosen is not None:
            return chosen
    if len(text) > len(last):
        alone = _read(last)
        if alone is not None and not alone.option:
            return alone
    found = list(_ANNOUNCED_LETTER.finditer(text))
    if len(set(map(_letters, found))) != 1:
        return None
    first, end = len(text.partition("\n")[0]), len(text) - len(last)
    return next((_choice(match, text) for match in found if match.start() < first or match.end() > end), None)


def chosen(form: Form) -> Choice | None:
    """The choice that an answer announces, or is."""
    return announced(form) or _read(form.text) or _few_words(form.text)


def both(wanted: Choice, given: Choice) -> tuple[str, str]:
    """Two choices as texts to compare: letters, and what is said after them only where both say something."""
    if wanted.option and given.option:
        return f"{wanted.said} {wanted.option}", f"{given.said} {given.option}"
    return wanted.said, given.said


def _read(text: str) -> Choice | None:
    """A text that is a letter, or several, and perhaps the option's own text."""
    small = _SMALL_IN_BRACKETS.fullmatch(text)
    if small is not None:
        return Choice(small["letter"].upper())
    alone = _LETTERS_ALONE.fullmatch(text) if len(text) <= _LONGEST_LINE else None
    return None if alone is None else Choice(_letters(alone), _option(alone["option"] or ""))


def _few_words(text: str) -> Choice | None:
    form = Form(text)
    few = form.words is not None and form.words <= FEW_WORDS and not form.json
    return Choice(form.text) if few else None


def _choice(match: re.Match[str], text: str) -> Choice:
    rest = text[match.end() : match.end() + _LONGEST_LINE].partition("\n")[0].lstrip("*_`\"'”»]}$")
    parted = rest.startswith((")", ".", ":", " - ", " – ", " — "))  # noqa: RUF001 - dashes
    return Choice(_letters(match), _option(rest[1:]) if parted else "")


def _letters(match: re.Match[str]) -> str:
    return ", ".join(re.findall(_LETTER, match["letters"]))


def _option(text: str) -> str:
    text = text.strip(" *_`\"'“”.)(:–—-")  # noqa: RUF001 - dashes
    return text if 0 < len(text.split()) <= _LONGEST_OPTION else ""


def _boxed(text: str) -> str:
    """What stands in the last box; nothing where there is none, or it does not end."""
    start = text.rfind(_BOXED)
    if start < 0:
        return ""
    start += len(_BOXED)
    depth = 1
    for place, character in enumerate(text[start : start + _LONGEST_BOXED], start):
        depth += (character == "{") - (character == "}")
        if not depth:
            return _WRAPPED.sub(r"\1", text[start:place]).strip()
    return ""
