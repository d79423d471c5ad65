"""Comparators that go wrong."""

import re
import sys
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


class Exits(Comparator):
    name = "exits"
    version = "1"

    def compare(self, *_):
        sys.exit("plugins may do anything")


class Hangs(Comparator):
    """Until ``free``, over answers of ``hang``; others are the same."""

    name = "hangs"
    version = "1"
    free = threading.Event()

    def compare(self, _, __, student):
        if student.content == "hang":
            self.free.wait(600)
        return Score(score=1.0, agree=True)


class Spins(Comparator):
    """For ever, over answers of ``hang``; others are the same."""

    name = "spins"
    version = "1"

    def compare(self, _, __, student):
        while student.content == "hang":
            pass
        return Score(score=1.0, agree=True)


class Backtracks(Comparator):
    """Tries all of 2 ** 60 ways through an answer of ``hang``, within the regular expression engine."""

    name = "backtracks"
    version = "1"

    def compare(self, _, __, student):
        subject = "a" * 60 + "b" if student.content == "hang" else student.content
        return Score(score=1.0, agree=re.match(r"(a+)+$", subject) is None)
