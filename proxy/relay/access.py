"""Who may use the relay: access keys, compared in constant time."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from typing import Literal

from proxy.relay.headers import ACCESS_KEY

Presented = Literal["nothing", "own_header", "authorization"]


class AccessKeys:
    """The keys of ``access.keys``. Without any, everybody may."""

    def __init__(self, keys: Iterable[str]) -> None:
        self._digests = [_digest(key.encode()) for key in keys]

    @property
    def needed(self) -> bool:
        return bool(self._digests)

    def presented(self, noted: Mapping[bytes, bytes]) -> Presented:
        """Where a request carries a valid key.

        A key in ``authorization`` counts only where the teacher has a key of our own: the caller sees to that.
        """
        if self._valid(noted.get(ACCESS_KEY, b"").strip()):
            return "own_header"
        scheme, _, token = noted.get(b"authorization", b"").strip().partition(b" ")
        if scheme.lower() == b"bearer" and self._valid(token.strip()):
            return "authorization"
        return "nothing"

    def _valid(self, key: bytes) -> bool:
        digest = _digest(key)
        found = False
        for known in self._digests:  # all of them, always: the time tells nothing
            found |= hmac.compare_digest(digest, known)
        return found and bool(key)


def _digest(key: bytes) -> bytes:
    return hashlib.sha256(key).digest()
