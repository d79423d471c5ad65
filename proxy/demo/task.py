"""The demonstration's task: telling what a customer writes to support about.

The messages are made from phrases with a seed, so they are the same on every machine.  One language is rare, as some
slice of real traffic always is; the student of the demonstration has not learned it.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping

import msgspec

from proxy.demo.phrases import CITIES, ENGLISH, LANGUAGES

INTENTS = tuple(ENGLISH.intents)
RARE = "de"
SHARES: Mapping[str, float] = {"en": 0.50, "es": 0.25, "fr": 0.20, RARE: 0.05}
INSTRUCTION = f"Say what the customer writes about. Answer with one word of: {', '.join(INTENTS)}."
_GREETED, _DETAILED, _CLOSED = 0.6, 0.4, 0.5  # shares of the messages that have such a part


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """What one customer wrote."""

    text: str
    language: str
    intent: str


def traffic(count: int, *, seed: int) -> list[Message]:
    """So many messages in the languages' shares, no two the same."""
    random_ = random.Random(seed)
    languages = random_.choices(list(SHARES), weights=list(SHARES.values()), k=count)
    orders = random_.sample(range(100_000, 1_000_000), count)
    return [
        _message(language, random_.choice(INTENTS), f"{order}", random_)
        for language, order in zip(languages, orders, strict=True)
    ]


def examples(languages: Iterable[str], *, each: int, seed: int) -> list[Message]:
    """Messages to learn from: so many for each language and intent."""
    random_ = random.Random(seed)
    return [
        _message(language, intent, f"{random_.randrange(100_000, 1_000_000)}", random_)
        for language in languages
        for intent in INTENTS
        for _ in range(each)
    ]


def _message(language: str, intent: str, order: str, random_: random.Random) -> Message:
    words = LANGUAGES[language]
    around = (
        (words.openers, _GREETED),
        (words.intents[intent], 1.0),
        (words.details, _DETAILED),
        (words.closers, _CLOSED),
    )
    parts = [random_.choice(choices) for choices, share in around if random_.random() < share]
    text = " ".join(parts).format(order=order, product=random_.choice(words.products), city=random_.choice(CITIES))
    return Message(text=text[0].upper() + text[1:], language=language, intent=intent)
