"""Who may do what on the admin plane: bearer tokens for reading, labelling and administering."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import Annotated, Literal

from fastapi import Header, HTTPException

from proxy.config.model import Tokens

Right = Literal["read", "label", "admin"]
_RIGHTS: tuple[Right, ...] = ("read", "label", "admin")  # each includes those before it


def require(right: Right, tokens: Callable[[], Tokens]) -> Callable[[str | None], None]:
    """A dependency that lets a request pass when its token grants ``right``, or when no tokens are configured."""

    def check(authorization: Annotated[str | None, Header()] = None) -> None:
        granting = [getattr(tokens(), held) for held in _RIGHTS[_RIGHTS.index(right) :]]
        configured = [token for held in _RIGHTS if (token := getattr(tokens(), held)) is not None]
        if not configured:
            return
        scheme, _, presented = (authorization or "").partition(" ")
        matches = [
            hmac.compare_digest(presented.encode(), token.get_secret_value().encode())
            for token in granting
            if token is not None
        ]
        if scheme.lower() != "bearer" or not any(matches):
            raise HTTPException(
                status_code=401,
                detail=f"this needs a token that may {right}: Authorization: Bearer TOKEN",
                headers={"WWW-Authenticate": "Bearer"},
            )

    return check
