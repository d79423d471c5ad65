"""What ``sample`` says: one share for a whole route, or shares by header, tag or model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

DEFAULT = "default"
MODEL = "model"


class SampleRule(NamedTuple):
    """Requests whose value for the key fits the glob are sampled with this share."""

    key: str
    pattern: str
    share: float


class Sampling(NamedTuple):
    """The first rule that fits decides, else ``default``."""

    rules: tuple[SampleRule, ...]
    default: float

    @property
    def least(self) -> float:
        """The lowest share that is more than 0; 0 where all are."""
        shares = (self.default, *(rule.share for rule in self.rules))
        return min((share for share in shares if share), default=0.0)


def sampling_of(sample: float | Mapping[str, float]) -> Sampling:
    """What is configured, taken apart."""
    if not isinstance(sample, Mapping):
        return Sampling((), sample)
    rules = (
        SampleRule(key, pattern, share)
        for (key, _, pattern), share in ((text.partition("="), share) for text, share in sample.items())
        if key != DEFAULT or pattern
    )
    return Sampling(tuple(rules), sample.get(DEFAULT, 1.0))


def checked_key(text: str) -> str:
    """Raises ValueError where it is no key of a mapping ``sample``."""
    key, _, pattern = text.partition("=")
    if text != DEFAULT and not (key and pattern):
        raise ValueError("must be default, or key=value such as tenant=acme")
    return text
