"""Taking personal data and secrets out of JSON values before they are stored.

Every string in a value is redacted; keys stay.  A string that is itself JSON (a tool
call's arguments) is redacted string by string, so that it stays valid JSON and everything else in it stays as it was.

Log-probabilities hold an answer once more, in pieces that show nothing each: where their joined text has a find, all
of ``logprobs`` is null.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from proxy.shadow.patterns import email, iban, is_secret_name, payment_card, phone, secret

Replace = Callable[[str], str]

# Secrets first: what is left of a token must not be taken for a number.
_REPLACE: Mapping[str, Replace] = {
    "secret": secret,
    "email": email,
    "iban": iban,
    "card": payment_card,
    "phone": phone,
}
_SECRET = "[secret]"  # noqa: S105 - what stands in its place
MARK = re.compile(rf"\[(?:{'|'.join(_REPLACE)})\]")
_JSON_TOKEN = re.compile(
    r'"(?P<text>(?:[^"\\]|\\.)*+)"(?P<colon>\s*+:)?|(?P<scalar>-?\d[\d.eE+-]*+|null|true|false)', re.DOTALL
)
_SIDES = frozenset({"teacher", "student"})  # of a difference between two answers
_INDICES = re.compile(r"(?:\[\d+\])+\Z")
_DATA_URL = re.compile(r"data:[\w.+-]{1,100}/[\w.+-]{1,100};base64,")
# JSON within JSON within JSON …: deeper strings are redacted as plain text.
_DEEPEST = 4


class Taken(NamedTuple):
    """A text that was taken out of another, and the mark that stands there now (``[email]``)."""

    text: str
    mark: str


def redactor(kinds: Sequence[str]) -> Redactor:
    """What takes these kinds (``email``, ``phone``, ``card``, ``iban``, ``secret``) out of a JSON value.

    It gives a deep copy in which every find is replaced by its kind in brackets, ``[email]``.  Redacting twice is the
    same as redacting once.
    """
    unknown = [kind for kind in kinds if kind not in _REPLACE]
    if unknown:
        raise ValueError(f"{unknown[0]!r} cannot be redacted; allowed are {', '.join(sorted(_REPLACE))}")
    return Redactor([kind for kind in _REPLACE if kind in kinds])


def has_mark(text: str) -> bool:
    """Whether something was taken out of a stored text; what looked like that from the first counts too."""
    return MARK.search(text) is not None


class Redactor:
    """Takes some kinds out of a JSON value (see ``redactor``)."""

    def __init__(self, kinds: Sequence[str]) -> None:
        self._kinds = kinds
        self._replacements = [(f"[{kind}]", _REPLACE[kind]) for kind in kinds]
        self._secrets = "secret" in kinds

    def taken_out(self, value: Any) -> list[Taken]:
        """What it takes out of a value."""
        taking = _Taking(self._kinds)
        taking(value)
        return taking.taken

    def __call__(self, value: Any) -> Any:
        # A list of what is still to do, not recursion: bodies may be nested deeper than Python's stack.
        result = [None]
        todo: list[tuple[Any, Any, Any]] = [(value, result, 0)]
        while todo:
            inner, parent, place = todo.pop()
            if isinstance(inner, str):
                parent[place] = self._text(inner, place)
            elif isinstance(inner, Mapping):
                parent[place] = copy = dict.fromkeys(inner)
                named = _field_of(inner)
                for key, child in inner.items():
                    if named is not None and key in _SIDES and _is_scalar(child) and self._is_sensitive(named):
                        copy[key] = "[secret]"
                    elif key != "logprobs" or not self._spell_finds(child):
                        todo.append((child, copy, key))
            elif isinstance(inner, list | tuple):
                parent[place] = items = [None] * len(inner)
                todo.extend((child, items, index) for index, child in enumerate(inner))
            elif self._is_sensitive(place) and isinstance(inner, int) and not isinstance(inner, bool):
                parent[place] = self._whole(str(inner))
            else:
                parent[place] = inner
        return result[0]

    def _text(self, text: str, place: Any = None, depth: int = 0) -> str:
        if self._is_sensitive(place) and text.strip():
            return self._whole(text)
        if len(text) < 5 or _DATA_URL.match(text):  # noqa: PLR2004 - shorter than anything that is taken out
            return text
        if depth < _DEEPEST and text.lstrip()[:1] in ("{", "[") and _is_json(text):
            return self._json(text, depth + 1)
        for mark, replace in self._replacements:
            text = self._replaced(text, replace(text), mark)
        return text

    def _whole(self, text: str) -> str:  # noqa: ARG002 - for those that want to know
        return _SECRET

    def _replaced(self, before: str, after: str, mark: str) -> str:  # noqa: ARG002 - likewise
        return after

    def _spell_finds(self, logprobs: Any) -> bool:
        return any(self._text(text) != text for text in _spelt(logprobs))

    def _is_sensitive(self, place: Any) -> bool:
        return self._secrets and isinstance(place, str) and is_secret_name(place)

    def _json(self, text: str, depth: int) -> str:
        """JSON with its strings redacted, and numbers too: in a text a card number is one, quoted or not."""
        name: str | None = None

        def replaced(match: re.Match[str]) -> str:
            nonlocal name
            written, inner = match.group(0, "text")
            if match["colon"] is not None:
                name = _unquoted(inner)
                return written
            value = match["scalar"] if inner is None else _unquoted(inner)
            if inner is None and not value.isdecimal():
                redacted = value
            else:
                redacted = self._text(value, name, depth if inner is not None else _DEEPEST)
            name = None
            return written if redacted == value else _quoted(redacted)

        return _JSON_TOKEN.sub(replaced, text)


class _Taking(Redactor):
    """Notes what it takes out."""

    def __init__(self, kinds: Sequence[str]) -> None:
        super().__init__(kinds)
        self.taken: list[Taken] = []

    def _whole(self, text: str) -> str:
        self.taken.append(Taken(text, _SECRET))
        return super()._whole(text)

    def _replaced(self, before: str, after: str, mark: str) -> str:
        if before != after:
            self.taken.extend(Taken(text, mark) for text in _between(before, after.split(mark)) if text != mark)
        return after


def _between(text: str, kept: Sequence[str]) -> Iterator[str]:
    """What of a text stands between pieces of it that were kept, in their order.

    Where the pieces fit in several ways, they are taken to stand as early as they can: what is then counted among the
    kept has the same words as what was kept.
    """
    position = len(kept[0])
    for piece in kept[1:-1]:
        end = text.index(piece, position + 1)
        yield text[position:end]
        position = end + len(piece)
    yield text[position : len(text) - len(kept[-1])]


def _field_of(value: Mapping[str, Any]) -> str | None:
    """The last key of the path of a difference (``user.names[0]``: ``names``); None: it is no difference."""
    path = value.get("path")
    if not isinstance(path, str) or _SIDES.isdisjoint(value):
        return None
    return _INDICES.sub("", path).rpartition(".")[2]


def _is_scalar(value: Any) -> bool:
    """Whether it is taken out whole under the name of a secret."""
    return bool(value.strip()) if isinstance(value, str) else isinstance(value, int) and not isinstance(value, bool)


def _spelt(logprobs: Any) -> Iterator[str]:
    """The texts that log-probabilities of any surface hold: those of their tokens joined, and each alternative's."""
    # Chat: `content`, `refusal`; completions: `tokens`, `top_logprobs` and others; responses: the tokens themselves.
    lists = list(logprobs.values()) if isinstance(logprobs, Mapping) else [logprobs]
    for tokens in lists:
        if not isinstance(tokens, list | tuple):
            continue
        yield "".join(_token(each) for each in tokens)
        # Of a token that is shown in another way (an id, part of a character) the bytes tell the text.
        yield b"".join(_token_bytes(each) for each in tokens).decode(errors="replace")
        for token in tokens:
            if isinstance(token, Mapping):
                yield from _alternatives(token)


def _alternatives(token: Mapping[str, Any]) -> Iterator[str]:
    if "token" not in token:  # completions: probabilities by text
        yield from token
        return
    tops = token.get("top_logprobs")
    for top in tops if isinstance(tops, list | tuple) else ():
        yield _token(top)
        yield _token_bytes(top).decode(errors="replace")


def _token(token: Any) -> str:
    text = token.get("token") if isinstance(token, Mapping) else token
    return text if isinstance(text, str) else ""


def _token_bytes(token: Any) -> bytes:
    given = token.get("bytes") if isinstance(token, Mapping) else None
    try:
        return bytes(given) if isinstance(given, list | tuple) else _token(token).encode(errors="replace")
    except (TypeError, ValueError):  # numbers that are no bytes
        return b""


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _unquoted(inner: str) -> str:
    text: str = json.loads(f'"{inner}"') if "\\" in inner else inner
    return text


def _quoted(text: str) -> str:
    quoted = json.dumps(text, ensure_ascii=False)
    try:
        quoted.encode()
    except UnicodeEncodeError:  # half of a surrogate pair can only be written escaped
        return json.dumps(text)
    return quoted
