"""Ways of writing a number that are rewritten before it is read: LaTeX, superscripts, fractions, bases, Chinese units.

What comes out is what ``numbers`` reads: ``2*10^6``, ``1 1/2``, ``30000``.  Linear in the text.
"""

from __future__ import annotations

import re
from decimal import Context, Decimal

_LATEX_SIGNS = {"\\,": ",", "\\$": "$", "\\%": "%", "\\times": "×", "\\cdot": "×"}  # noqa: RUF001 - what stands there
_LATEX_SIGN = re.compile(r"\\(?:[,$%]|times(?![a-z])|cdot(?![a-z]))")
_LATEX_FRACTION = re.compile(r"(\d)?\\[dt]?frac(?:\{(-?\d{1,30})\}\{(\d{1,30})\}|(\d)(\d))")
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻", "0123456789+-")
_RAISED = re.compile(r"(?<=\d)[⁺⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹]++")
_FRACTIONS = {
    "½": "1/2", "⅓": "1/3", "⅔": "2/3", "¼": "1/4", "¾": "3/4", "⅕": "1/5", "⅖": "2/5", "⅗": "3/5", "⅘": "4/5",
    "⅙": "1/6", "⅚": "5/6", "⅐": "1/7", "⅛": "1/8", "⅜": "3/8", "⅝": "5/8", "⅞": "7/8", "⅑": "1/9", "⅒": "1/10",
}  # fmt: skip
_OTHER_BASE = re.compile(r"(?<![\w.])0(?:[xX][0-9a-fA-F]{1,30}|[bB][01]{1,100})(?!\w)")
_FRACTION = re.compile(rf"(\d)?([{''.join(_FRACTIONS)}])")
_CHINESE_POWERS = {"千": 3, "천": 3, "万": 4, "萬": 4, "만": 4, "億": 8, "亿": 8, "억": 8, "兆": 12, "조": 12}
_UNITS = "".join(_CHINESE_POWERS)
_PIECE = re.compile(rf"([\d,.]++)([{_UNITS}]*+)")
_CHINESE = re.compile(rf"(?<![\d.,])(?:\d[\d,.]*+[{_UNITS}]++)++(?:\d[\d,]*+)?")
_LONGEST = 40  # characters of a number in Chinese units
_CONTEXT = Context(prec=50, traps=[])


def plain(text: str) -> str:
    """The text with its numbers in the forms that ``numbers`` reads."""
    text = text.replace("{,}", ",")
    if "\\" in text:
        text = _LATEX_SIGN.sub(lambda sign: _LATEX_SIGNS[sign[0]], text)
        text = _LATEX_FRACTION.sub(_latex_fraction, text)
    if "0x" in text or "0b" in text or "0X" in text or "0B" in text:
        text = _OTHER_BASE.sub(lambda found: str(int(found[0], 0)), text)
    if text.isascii():
        return text
    text = _RAISED.sub(lambda raised: "^" + raised[0].translate(_SUPERSCRIPTS), text)
    text = _FRACTION.sub(lambda found: _beside(found[1], _FRACTIONS[found[2]]), text)
    return _CHINESE.sub(_chinese, text)


def _latex_fraction(found: re.Match[str]) -> str:
    return _beside(found[1], f"{found[2] or found[4]}/{found[3] or found[5]}")


def _beside(digit: str | None, fraction: str) -> str:
    """`1½` is `1 1/2`, not `11/2`."""
    return f"{digit} {fraction}" if digit else fraction


def _chinese(found: re.Match[str]) -> str:
    """`1億2000万` as `120000000`; as it is where the digits are no number."""
    if len(found[0]) > _LONGEST:
        return found[0]
    total = Decimal(0)
    for digits, units in _PIECE.findall(found[0]):
        number = digits.replace(",", "")
        if number.count(".") > 1 or not number.strip("."):
            return found[0]
        total = _CONTEXT.add(total, Decimal(number).scaleb(sum(_CHINESE_POWERS[unit] for unit in units), _CONTEXT))
    return f"{total:f}"
