"""The options that all comparators share which ask an OpenAI-compatible endpoint."""

from __future__ import annotations

import re
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, SecretStr
from pydantic_core import PydanticCustomError

from comparators.asking.budget import ASSUMED, Budget, Price, known_price
from comparators.asking.client import Endpoint
from comparators.base import ComparatorOptions

_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)(ms|s|m|h)", re.ASCII)
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_KEY = re.compile(r"[!-~]+")


def _seconds(value: Any) -> Any:
    """Seconds of ``500ms``, ``30s``, ``5m`` or ``1h``; a number is seconds."""
    if not isinstance(value, str):
        return value
    match = _DURATION.fullmatch(value.strip())
    if match is None:
        raise ValueError("must be a duration such as 500ms, 30s or 5m")
    return float(match[1]) * _SECONDS[match[2]]


def _refused(text: str) -> PydanticCustomError:
    """An error that does not repeat what was written: there may be a key in it."""
    return PydanticCustomError("secret", "{text}", {"text": text})


def _base_url(text: Any) -> Any:
    try:
        parts = urlsplit(text) if isinstance(text, str) else None
        usable = parts is not None and parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or any(character <= " " for character in text):
        raise _refused("must be a base URL such as https://api.openai.com/v1")
    if any(mark in text for mark in "@?#"):
        raise _refused("must be a base URL without credentials or a query: a key belongs into `api_key`")
    return text


def _key(value: Any) -> Any:
    text = value.get_secret_value() if isinstance(value, SecretStr) else value
    if text == "passthrough":
        raise _refused("must be a key of your own: passthrough is for teachers, a client's key reaches nobody else")
    if not (isinstance(text, str) and _KEY.fullmatch(text)):
        raise _refused("must be the key alone: at least one character, no spaces or line breaks, only ASCII")
    return value


class AskingOptions(ComparatorOptions):
    """Where to ask and what it may take.

    What is left out of dumps (``exclude``) changes no score, only whether and when there is one: it is no part of the
    definition of agreement, so that a new key or a higher budget does not begin evidence anew.
    """

    url: Annotated[str, BeforeValidator(_base_url)] = Field(
        description="base URL of an OpenAI-compatible server; texts of both answers go there, and to nobody else"
    )
    model: str = Field(min_length=1, description="the model to ask")
    api_key: Annotated[SecretStr, BeforeValidator(_key)] | None = Field(
        None, exclude=True, description="our own key for it; never the client's"
    )
    concurrency: int = Field(8, ge=1, le=1000, strict=True, exclude=True, description="questions under way at once")
    timeout: Annotated[float, BeforeValidator(_seconds)] = Field(
        60.0, gt=0, le=3600, exclude=True, description="for one question, its retries among it; seconds, or as `30s`"
    )
    budget: float | None = Field(
        5.0,
        ge=0,
        allow_inf_nan=False,
        exclude=True,
        description="USD per day (UTC), by all processes that ask the same model at the same `url`; `null`: no limit",
    )
    price: Price | None = Field(
        None,
        exclude=True,
        description="USD per million tokens, `{input, output}`; known models are priced without it, "
        f"others as `{{input: {ASSUMED.input:g}, output: {ASSUMED.output:g}}}`",
    )
    cache: int = Field(10_000, ge=0, exclude=True, description="how many answers are remembered")

    def endpoint(self) -> Endpoint:
        return Endpoint(self.url, api_key=self.api_key, concurrency=self.concurrency, timeout=self.timeout)

    def new_budget(self) -> Budget:
        return Budget(f"{self.model} at {self.url.rstrip('/')}", self.budget, model=self.model)

    def known_price(self) -> Price:
        """The price as configured, as listed, or as assumed. Looking it up takes a second the first time."""
        return self.price or known_price(self.model) or ASSUMED
