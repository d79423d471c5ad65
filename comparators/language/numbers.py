"""Reading numbers as people and models write them: separators, signs, fractions, exponents, magnitudes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal

_MINUS = "-−–"  # noqa: RUF001 - the minus signs of typography count too
_SPACES = " \u00a0\u2007\u2009\u202f"
# Digits with single separators between them, as long as they go on; what the separators mean is told afterwards.
# Possessive throughout: reading is linear in the text.
_NUMBER = re.compile(
    rf"""
    (?P<sign>(?<![\w)\]%])[{_MINUS}](?=[\d.$€£¥₹₩]))?
    (?:[$€£¥₹₩][{_SPACES}]?(?P<inner_sign>[{_MINUS}])?)?
    (?P<digits>(?<![^\W\d])(?:(?<![\w.])\.)?\d++(?:[.,'’_{_SPACES}]\d++)*+)
    (?:[eE](?P<exponent>[+-]?\d{{1,4}})(?!\w)|[{_SPACES}]?[×x*][{_SPACES}]?10\^\{{?(?P<power>[{_MINUS}+]?\d{{1,4}})(?!\d))?
    (?:[{_SPACES}]?[/⁄][{_SPACES}]?(?P<denominator>\d{{1,30}})(?![\d/]))?
    (?:[{_SPACES}]?(?P<magnitude>thousand|million|billion|trillion)\b)?
    """,  # noqa: RUF001 - typographic apostrophes, fraction slashes and multiplication signs stand between digits
    re.VERBOSE | re.IGNORECASE,
)
_LATEX = re.compile(r"\\[dt]?frac\{(-?\d{1,30})\}\{(\d{1,30})\}")
_GROUPED = {
    separator: re.compile(rf"\d{{1,3}}(?:{re.escape(separator)}\d{{3}})+")
    for separator in (",", ".", "'", "’", "_", *_SPACES)  # noqa: RUF001 - Swiss thousands
}
_GROUPED_INDIAN = re.compile(r"\d{1,2}(?:,\d{2})+,\d{3}")
_POWERS = {"thousand": 3, "million": 6, "billion": 9, "trillion": 12}


_CONTEXT = Context(prec=50, Emin=MIN_EMIN, Emax=MAX_EMAX, traps=[])


def context() -> Context:
    """Arithmetic that never raises: overflow becomes infinity, what is undefined not a number."""
    return _CONTEXT


def first_number(text: str) -> Decimal | None:
    """The first number in a text."""
    text = _plain(text)
    for match in _NUMBER.finditer(text):
        return next(_values(match), None)
    return None


def last_number(text: str) -> Decimal | None:
    """The last number in a text."""
    text = _plain(text)
    last = None
    for match in _NUMBER.finditer(text):
        last = match
    return None if last is None else list(_values(last))[-1]


def _plain(text: str) -> str:
    text = text.replace("{,}", ",")
    if "\\" not in text:
        return text
    text = text.replace("\\,", ",").replace("\\$", "$").replace("\\%", "%")
    return _LATEX.sub(r"\1/\2", text)


def _values(match: re.Match[str]) -> Iterator[Decimal]:
    """The numbers that a run of digits stands for: mostly one."""
    digits, *others = match.group("digits", "exponent", "power", "denominator", "magnitude", "sign", "inner_sign")
    numbers = _read(digits)
    if not any(others):
        yield from numbers
        return
    ctx = context()
    exponent = match["exponent"] or (match["power"] or "0").translate({ord(sign): "-" for sign in _MINUS})
    last = numbers[-1].scaleb(int(exponent) + _POWERS.get((match["magnitude"] or "").lower(), 0), ctx)
    denominator = Decimal(match["denominator"] or 1)
    if denominator:
        last = ctx.divide(last, denominator) if match["denominator"] else last
    numbers[-1] = last
    if denominator > 1 and len(numbers) == 2:  # noqa: PLR2004 - `3 1/2`
        numbers = [ctx.add(*numbers)]
    if match["sign"] or match["inner_sign"]:
        numbers[0] = numbers[0].copy_negate()
    yield from numbers


def _read(digits: str) -> list[Decimal]:
    """Numbers in a run of digits and separators; several where no one number is written so."""
    if digits.isdecimal():
        return [Decimal(digits)]
    whole = _one(digits)
    if whole is not None:
        return [whole]
    for separators in (_SPACES, ",", ".'’_"):  # noqa: RUF001 - as above
        pieces = re.split(rf"[{separators}]", digits)
        if len(pieces) > 1:
            return [number for piece in pieces if piece for number in _read(piece)]
    raise AssertionError(digits)  # unreachable: a run without separators is one number


def _one(digits: str) -> Decimal | None:
    separators = {character for character in digits if not character.isdecimal()}
    # What stands last, and once, may be the decimal point; what is left must group thousands.
    point = max(digits.rfind("."), digits.rfind(","))
    mark = digits[point] if point >= 0 else ""
    grouping = separators - {mark}
    if mark and digits.count(mark) == 1 and (grouping or mark == "." or not _grouped(digits, mark)):
        head, tail = digits[:point], digits[point + 1 :]
        if tail.isdecimal() and (head.isdecimal() or not head or (len(grouping) == 1 and _grouped(head, *grouping))):
            return Decimal(f"{''.join(filter(str.isdecimal, head)) or 0}.{tail}")
        return None
    if len(separators) == 1 and _grouped(digits, *separators):
        return Decimal("".join(filter(str.isdecimal, digits)))
    return None


def _grouped(digits: str, separator: str) -> bool:
    """Whether the separator groups thousands: `1,000`, `12,34,567`; not `0,125`."""
    if digits.startswith("0"):
        return False
    return bool(_GROUPED[separator].fullmatch(digits) or (separator == "," and _GROUPED_INDIAN.fullmatch(digits)))
