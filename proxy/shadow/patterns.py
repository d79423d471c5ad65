"""What personal data and secrets look like in a text.  Every pattern is read in time linear in the text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

# Names whose values are secrets, as keys and in assignments; never a bare `token` or `key`, which mostly are none.
_NAMES = (
    r"(?:[\w-]{0,40}[_-])?(?:password|passwd|passphrase|pwd|secret|api[_-]?key|access[_-]?key|secret[_-]?key"
    r"|private[_-]?key|access[_-]?token|auth[_-]?token|refresh[_-]?token|bearer[_-]?token|client[_-]?secret"
    r"|connection[_-]?string)|x-api-key|authorization"
)
_SENSITIVE_NAME = re.compile(_NAMES, re.IGNORECASE)

_PEM = re.compile(
    r"-----BEGIN (?:[A-Z0-9]{1,20} ){0,3}PRIVATE KEY-----.*?"
    r"(?:-----END (?:[A-Z0-9]{1,20} ){0,3}PRIVATE KEY-----|\Z)",
    re.DOTALL,
)
_TOKENS = re.compile(
    r"""(?<![A-Za-z0-9])(?:
      sk-[A-Za-z0-9_-]{16,}                               # OpenAI, Anthropic and others
    | (?:sk|pk|rk|whsec)_(?:live_|test_)?[A-Za-z0-9]{16,} # Stripe
    | gh[pousr]_[A-Za-z0-9]{20,} | github_pat_\w{22,} | glpat-[\w-]{20,}
    | (?:AKIA|ASIA)[A-Z0-9]{16}                           # AWS
    | xox[a-z]-[A-Za-z0-9-]{10,} | xapp-[A-Za-z0-9-]{10,} # Slack
    | AIza[\w-]{35} | ya29\.[\w-]{20,}                    # Google
    | hf_[A-Za-z0-9]{20,} | npm_[A-Za-z0-9]{30,} | pypi-[\w-]{30,}
    | SG\.[\w-]{16,}\.[\w-]{16,}                          # SendGrid
    | eyJ[\w-]{8,}+\.[\w-]{8,}+(?:\.[\w-]*+)?             # JSON web tokens
    )(?![A-Za-z0-9])""",
    re.VERBOSE,
)
_SHAPE_HINTS = "sk- sk_ pk_ rk_ whsec_ gh glpat- AKIA ASIA xox xapp- AIza ya29. hf_ npm_ pypi- SG. eyJ"
_BEARER = re.compile(r"(?<!\w)(bearer\s{1,4})(?=[^\s\d]{0,200}\d)[\w.~+/=-]{16,}", re.IGNORECASE)
_URL_PASSWORD = re.compile(r"(?<=://)([^\s/:@]{0,100}:)[^\s/@\[\]]{1,200}(?=@)")
_ASSIGNMENT = re.compile(
    rf"""(?<![\w-])(?P<name>{_NAMES})
    (?P<sign>\\{{0,4}}["']?\s{{0,4}}(?P<mark>[:=])\s{{0,4}})
    (?: (?P<open>\\{{0,4}}["'])(?P<quoted>[^"'\\]++)(?=["'\\])
      | (?P<bare>(?:(?:bearer|basic)\s+)?[^\s"'\\,;(){{}}\[\]<>$]{{3,}}+)(?![(\[]) )""",
    re.VERBOSE | re.IGNORECASE,
)
_NAME_HINTS = ("pass", "pwd", "secret", "key", "token", "authorization", "string")
_LONG_WORD = 8

_EMAIL = re.compile(r"(?<![\w.%+~-])[\w.%+~-]++@[\w-]+(?:\.[\w-]+)*\.[^\W\d_]{2,63}(?![\w-])")

# What follows begins with a digit, which is quick to search for; what stands before it is looked back at.
_IBAN = re.compile(r"\d{2}(?<=[A-Za-z]{2}\d{2})(?<![A-Za-z0-9][A-Za-z]{2}\d{2})(?=[ -]?[A-Za-z0-9])")
# Length by country (SWIFT's IBAN registry).
_IBAN_LENGTHS = {
    country: length
    for length, countries in {
        15: "NO",
        16: "BE",
        18: "DK FO FI GL NL FK SD",
        19: "MK SI MN",
        20: "AT BA EE KZ XK LT LU",
        21: "HR LI LV CH",
        22: "BH BG CR GE DE IE ME RS GB VA",
        23: "GI IL IQ TL AE OM SO",
        24: "AD CZ MD PK RO SA SK ES SE TN VG DZ",
        25: "LY PT ST",
        26: "IS TR IR",
        27: "FR GR IT MC MR SM BI DJ",
        28: "AL AZ BY CY DO SV GT HU LB PL NI",
        29: "BR EG PS QA UA",
        30: "JO KW MU YE",
        31: "MT SC",
        32: "LC",
        33: "RU",
    }.items()
    for country in countries.split()
}

_CARD = re.compile(
    r"[2-6](?<![\w+].)(?<!\d[.,].)"
    r"(?:\d{12,18}|\d{3}([ -])\d{4}\1\d{4}\1\d{4}(?:\1\d{1,3})?|\d{3}([ -])\d{6}\2\d{4,5})(?!\w)"
)

_GAP = r"[ \u00a0./()-]{0,3}"
_PHONE = re.compile(
    rf"""[+(0-9](?<![\w.,+/-].)(?:
      # international
      (?:(?<=\+)|(?<=0)0(?=[1-9]\d)){_GAP}[1-9](?:{_GAP}\d){{6,14}}
      # North America
    | (?:(?<=1)[ .-](?:\(\d{{3}}\)[ ]?|\d{{3}}[ .-])|(?<=\()\d{{3}}\)[ ]?|(?<=\d)\d{{2}}[ .-])\d{{3}}[ .-]\d{{4}}
      # national, with the trunk 0
    | (?:(?<=\()0|(?<=0))[1-9]\d{{1,4}}\)?[ /-]{{1,3}}\d(?:[ /-]?\d){{4,9}}
    | (?<=0)[1-9]\d{{8,10}}
    )(?!\w)(?!-\d)""",
    re.VERBOSE,
)


def secret(text: str) -> str:
    """Keys and tokens by their shape, private keys, and what is assigned to a password or key."""
    if "PRIVATE KEY" in text:
        text = _PEM.sub("[secret]", text)
    if any(hint in text for hint in _SHAPE_HINTS.split()):
        text = _TOKENS.sub("[secret]", text)
    if "://" in text:
        text = _URL_PASSWORD.sub(r"\1[secret]", text)
    lower = text.lower()
    if "bearer" in lower:
        text = _BEARER.sub(r"\1[secret]", text)
    if any(hint in lower for hint in _NAME_HINTS):
        text = _ASSIGNMENT.sub(_assigned, text)
    return text


def is_secret_name(name: str) -> bool:
    """Whether what has this name is a password or key: ``password``, ``OPENAI_API_KEY``."""
    lower = name.lower()
    return any(hint in lower for hint in _NAME_HINTS) and _SENSITIVE_NAME.fullmatch(name) is not None


def _assigned(match: re.Match[str]) -> str:
    bare = match["bare"]
    if bare is None:
        return f"{match['name']}{match['sign']}{match['open']}[secret]"
    # `password: must have …` is prose; `password: hunter2` and `password=anything` are not.
    if match["mark"] == ":" and bare.isalpha() and len(bare) < _LONG_WORD:
        return match[0]
    return f"{match['name']}{match['sign']}[secret]"


def email(text: str) -> str:
    """Addresses of electronic mail."""
    return _EMAIL.sub("[email]", text) if "@" in text else text


def payment_card(text: str) -> str:
    """Numbers of payment cards as they are written, of valid check digit (Luhn)."""
    return _replace_valid(text, _CARD, lambda match: match.span() if _is_card(match[0]) else None, "[card]")


def _is_card(written: str) -> bool:
    digits = [int(character) for character in written if character.isdecimal()]
    doubled = sum(sum(divmod(2 * digit, 10)) for digit in digits[-2::-2])
    return (sum(digits[-1::-2]) + doubled) % 10 == 0


def iban(text: str) -> str:
    """Bank account numbers (IBAN) of their country's length and valid check digits (mod 97)."""
    return _replace_valid(text, _IBAN, _span_of_iban, "[iban]")


def _span_of_iban(match: re.Match[str]) -> tuple[int, int] | None:
    text, start, end = match.string, match.start() - 2, match.end()
    number = text[start:end]
    length = _IBAN_LENGTHS.get(number[:2].upper())
    if length is None:
        return None
    while len(number) < length:
        end += text[end : end + 1] in (" ", "-")
        character = text[end : end + 1]
        if not (character.isascii() and character.isalnum()):
            return None
        number += character
        end += 1
    follows = text[end : end + 1]
    if follows.isascii() and follows.isalnum():
        return None
    valid = int("".join(str(int(digit, 36)) for digit in number[4:] + number[:4])) % 97 == 1
    return (start, end) if valid else None


def phone(text: str) -> str:
    """Telephone numbers: international ones, North American ones, and national ones with a leading 0."""
    return _PHONE.sub("[phone]", text)


def _replace_valid(
    text: str, pattern: re.Pattern[str], span_of: Callable[[re.Match[str]], tuple[int, int] | None], replacement: str
) -> str:
    """The text with every candidate replaced that is valid; one that is none may overlap with one that is."""
    kept = 0
    pieces = []
    for start, end in _valid(text, pattern, span_of):
        pieces += [text[kept:start], replacement]
        kept = end
    return "".join([*pieces, text[kept:]]) if pieces else text


def _valid(
    text: str, pattern: re.Pattern[str], span_of: Callable[[re.Match[str]], tuple[int, int] | None]
) -> Iterator[tuple[int, int]]:
    position = 0
    while (match := pattern.search(text, position)) is not None:
        span = span_of(match)
        if span is not None:
            yield span
        position = match.start() + 1 if span is None else span[1]
