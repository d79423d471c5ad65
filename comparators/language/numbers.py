"""Reading numbers as people and models write them: separators, signs, fractions, exponents, magnitudes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal

from comparators.language.number_forms import plain

_MINUS = "-−–‑﹣－"  # noqa: RUF001 - the minus signs of typography count too
_SPACES = " \u00a0\u2007\u2009\u202f"
# Scripts without spaces between words: digits after a letter of these are a number, those of `B12` and `x_1` are none.
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff"
_POWERS = {
    # "billion" is the English one; "Billionen", "biljoen" and "billones" are a thousand times as much.
    **dict.fromkeys(("thousand", "tausend", "mille", "mila", "mil", "duizend"), 3),
    **dict.fromkeys(("million", "millions", "millionen", "mio", "mln", "mn", "millón", "millones"), 6),
    **dict.fromkeys(("milhão", "milhões", "milione", "milioni", "miljoen"), 6),
    **dict.fromkeys(("billion", "bn", "milliarde", "milliarden", "mrd", "milliard", "milliards", "miliardo"), 9),
    **dict.fromkeys(("miliardi", "miljard", "bilhão", "bilhões", "mil millones", "mil milhões"), 9),
    **dict.fromkeys(("trillion", "billionen", "biljoen", "billón", "billones", "trilhão", "trilhões"), 12),
}
_WORDS = "|".join(word.replace(" ", r"\ ") for word in sorted(_POWERS, key=len, reverse=True))
_LETTER_POWERS = {"k": 3, "m": 6, "b": 9, "t": 12}  # `$5M`; without a currency `5m` is five metres
_CURRENCIES = "$€£¥₹₩"
# Digits with single separators between them, as long as they go on; what the separators mean is told afterwards.
# Possessive throughout: reading is linear in the text.
_NUMBER = re.compile(
    rf"""
    (?P<sign>(?<![^\W_])(?<![)\]%])[{_MINUS}](?=[\d.{_CURRENCIES}])
        |(?<![^\W_])(?<!\d[{_SPACES}])(?:minus|negative)[{_SPACES}](?=[\d.{_CURRENCIES}]))?
    (?:(?P<currency>[{_CURRENCIES}])[{_SPACES}]?(?P<inner_sign>[{_MINUS}])?)?
    (?<![^\W_{_UNSPACED}])(?<![^\W_]_)                                          # `B12`, `x_1`
    (?<!\^)(?<!\^[{_MINUS}{{+])(?<!\^\{{[{_MINUS}+])                        # the exponent of `m^2`, `s^{{-1}}`
    (?P<digits>(?:(?<![\w.])\.)?\d++(?:[.,'’_{_SPACES}]\d++)*+)
    (?:[eE](?P<exponent>[+-]?\d{{1,4}})(?!\w)
        |[{_SPACES}]?[×x*·⋅][{_SPACES}]?10\^\{{?(?P<power>[{_MINUS}+]?\d{{1,4}})(?!\d)
        |(?:\^|\*\*(?=[{_MINUS}\d]))\{{?(?P<raised>[{_MINUS}+]?\d{{1,4}})(?!\d))?
    (?:[{_SPACES}]?[/⁄][{_SPACES}]?(?P<denominator>\d{{1,3}}(?:,\d{{3}})++|\d{{1,30}})(?![\d/]))?
    (?:[{_SPACES}]?(?P<magnitude>{_WORDS})\b
        |(?P<letter>(?:k|(?(currency)[mbt]|[mb](?=[{_SPACES}]?[{_CURRENCIES}])))\b))?
    """,  # noqa: RUF001 - typographic apostrophes, fraction slashes and multiplication signs stand between digits
    re.VERBOSE | re.IGNORECASE,
)
_GROUPED = {
    separator: re.compile(rf"\d{{1,3}}(?:{re.escape(separator)}\d{{3}})+")
    for separator in (",", ".", "'", "’", "_", *_SPACES)  # noqa: RUF001 - Swiss thousands
}
_GROUPED_INDIAN = re.compile(r"\d{1,2}(?:,\d{2})+,\d{3}")

_CONTEXT = Context(prec=50, Emin=MIN_EMIN, Emax=MAX_EMAX, traps=[])


def context() -> Context:
    """Arithmetic that never raises: overflow becomes infinity, what is undefined not a number."""
    return _CONTEXT


def first_number(text: str) -> Decimal | None:
    """The first number in a text."""
    text = plain(text)
    for match in _NUMBER.finditer(text):
        return next(_values(match), None)
    return None


def last_number(text: str) -> Decimal | None:
    """The last number in a text."""
    text = plain(text)
    last = None
    for match in _NUMBER.finditer(text):
        last = match
    return None if last is None else list(_values(last))[-1]


def _values(match: re.Match[str]) -> Iterator[Decimal]:
    """The numbers that a run of digits stands for: mostly one."""
    numbers = _read(match["digits"])
    ctx = context()
    if match["raised"] and numbers[-1]:
        numbers[-1] = ctx.power(numbers[-1], _integer(match["raised"]))
    places = _places(match)
    if places:
        numbers[-1] = numbers[-1].scaleb(places, ctx)
    denominator = Decimal((match["denominator"] or "").replace(",", "") or 0)
    if denominator:
        numbers[-1] = ctx.divide(numbers[-1], denominator)
    if denominator > 1 and len(numbers) == 2:  # noqa: PLR2004 - `3 1/2`
        numbers = [ctx.add(*numbers)]
    if match["sign"] or match["inner_sign"]:
        numbers[0] = numbers[0].copy_negate()
    yield from numbers


def _places(match: re.Match[str]) -> int:
    """By how many decimal places the number is to be shifted."""
    power = _integer(match["exponent"] or match["power"] or "0")
    return (
        power
        + _POWERS.get((match["magnitude"] or "").lower(), 0)
        + _LETTER_POWERS.get((match["letter"] or "").lower(), 0)
    )


def _integer(text: str) -> int:
    return int(text.translate({ord(sign): "-" for sign in _MINUS}))


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
