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
    """For ever, over answers of ``hang``; others are the same."""

    name = "hangs"
    version = "1"

    def compare(self, _, __, student):
        if student.content == "hang":
            threading.Event().wait()
        return Score(score=1.0, agree=True)


class Backtracks(Comparator):
    """Claims to be light, and tries all of 2 ** 60 ways through an answer of ``hang``, holding the interpreter."""

    name = "backtracks"
    version = "1"
    runs = "light"

    def compare(self, _, __, student):
        subject = "a" * 60 + "b" if student.content == "hang" else student.content
        return Score(score=1.0, agree=re.match(r"(a+)+$", subject) is None)


class Babbles(Comparator):
    """Gives as kinds what is none."""

    name = "babbles"
    version = "1"

    def compare(self, _, __, student):
        return Score(score=0.0, agree=False, kinds=("of_my_own", f"it said {student.content}", 7))
