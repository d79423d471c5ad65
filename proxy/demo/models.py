"""The demonstration's models: text classifiers that learn the task in a second or two.

Three are offered: ``teacher`` knows every language and looks at much of a text; ``student`` is smaller and has never
seen the rare language; ``mended`` is the same small student, with examples of it.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from proxy.demo.task import RARE, SHARES, examples
from proxy.errors import UsageError


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """How a model is made: what it learns from, and how much of a text it looks at."""

    languages: tuple[str, ...]
    each: int  # examples for each language and intent
    looks_at: Literal["word", "char_wb"]  # words, or pieces of them
    lengths: tuple[int, int]  # of runs of words, or of pieces in letters
    most: int  # how many different ones it knows
    seed: int


_PACKAGES = {"sklearn": "scikit-learn", "openai": "openai"}
_ALL = tuple(SHARES)
RECIPES: Mapping[str, Recipe] = {
    "teacher": Recipe(languages=_ALL, each=60, looks_at="word", lengths=(1, 2), most=20_000, seed=1),
    "student": Recipe(
        languages=tuple(language for language in _ALL if language != RARE),
        each=14,
        looks_at="char_wb",
        lengths=(3, 3),
        most=600,
        seed=2,
    ),
    "mended": Recipe(languages=_ALL, each=20, looks_at="char_wb", lengths=(3, 3), most=800, seed=2),
}


class Classifier:
    """A trained model."""

    def __init__(self, pipeline: Any) -> None:
        self._pipeline = pipeline

    def label(self, text: str) -> str:
        """The intent of a text."""
        return str(self._pipeline.predict([text])[0])


def need_demo_packages() -> None:
    """Raises UsageError when the packages of the extra ``demo`` are not installed."""
    missing = [package for module, package in _PACKAGES.items() if importlib.util.find_spec(module) is None]
    if missing:
        raise UsageError(f"the demonstration needs {' and '.join(missing)}: pip install 'understudy[demo]'")


def train(recipe: Recipe) -> Classifier:
    """Train a model; the same recipe gives the same model.

    Raises:
        UsageError: scikit-learn or openai is not installed.
    """
    need_demo_packages()
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    messages = examples(recipe.languages, each=recipe.each, seed=recipe.seed)
    pipeline = make_pipeline(
        TfidfVectorizer(
            analyzer=recipe.looks_at, ngram_range=recipe.lengths, max_features=recipe.most, sublinear_tf=True
        ),
        LogisticRegression(C=30.0, max_iter=200),
    )
    pipeline.fit([message.text for message in messages], [message.intent for message in messages])
    return Classifier(pipeline)
