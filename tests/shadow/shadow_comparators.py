"""Comparators that go wrong."""

import threading
from typing import ClassVar

from comparators.base import Comparator, Score


class Broken(Comparator):
    name = "broken"
    version = "1"

    def compare(self, *pair):
        raise ZeroDivisionError(pair)


class Odd(Comparator):
    name = "odd"
    version = "1"

    def compare(self, *_):
        return Score(score=float("nan"), agree=True)


class NoChat(Comparator):
    name = "no_chat"
    version = "1"
    surfaces: ClassVar = frozenset({"embeddings"})

    def compare(self, *_):
        return Score(score=1.0, agree=True)


class Slow(Comparator):
    name = "slow"
    version = "1"

    def compare(self, *_):
        threading.Event().wait(60)
        return Score(score=1.0, agree=True)
