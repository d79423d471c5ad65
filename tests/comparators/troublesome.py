"""Comparators that misbehave, each in a way of its own."""

from __future__ import annotations

import os
import re
import sys
import time
from pathlib import Path

from pydantic import Field

from comparators.base import Comparator, ComparatorOptions, Score


class TroubleOptions(ComparatorOptions):
    how: str = Field("", description="what to do wrong")
    file: str = Field("", description="where it says which process it runs in")


class Trouble(Comparator):
    """Agreement is always, unless it is told to misbehave."""

    name = "trouble"
    version = "1"
    Options = TroubleOptions
    runs = "heavy"

    def compare(self, request, teacher, student):  # noqa: C901, PLR0912 - one branch for each way
        if self.options.file:
            with Path(self.options.file).open("a") as file:
                file.write(f"{os.getpid()}\n")
        match self.options.how:
            case "loops":
                while True:
                    pass
            case "regular expression":
                re.match(r"(a+)+$", "a" * 60 + "b")
            case "raises":
                raise ZeroDivisionError(teacher.content)
            case "raises something of its own":
                raise UnpicklableError(teacher.content)
            case "raises what does not unpickle":
                raise UnmadeError(teacher.content, teacher.content)
            case "allocates":
                kept = []
                while True:
                    kept.append(bytearray(2**28))
            case "prints":
                print(teacher.content, flush=True)
                print(teacher.content, file=sys.stderr, flush=True)
                os.write(2, b"planted")
            case "exits":
                sys.exit(3)
            case "crashes":
                os.abort()
            case "sleeps":
                time.sleep(3600)
        return Score(score=1.0, agree=True, detail={"process": os.getpid()})


class UnpicklableError(Exception):
    def __init__(self, text):
        super().__init__(text)
        self.held = lambda: text


class UnmadeError(Exception):
    def __init__(self, one, other):
        super().__init__(one)
