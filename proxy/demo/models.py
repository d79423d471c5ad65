"""The demonstration's models: text classifiers that learn the task in a second or two.

Three are offered: ``teacher`` knows every language and looks at much of a text; ``student`` is smaller and has never
seen the rare language; ``mended`` is the same small student, with examples of it.
"""

from __future__ import annotations

import importlib.util
from collections import Counter
from collections.abc import Mapping
from typing import Any, Literal

import msgspec
import numpy as np

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
    """A trained model, made from a fitted vectorizer and a fitted linear classifier.

    It labels one text at a time, so it does scikit-learn's arithmetic itself: the checks of its input that
    ``predict`` makes on each call take twenty times as long.
    """

    def __init__(self, vectorizer: Any, classifier: Any) -> None:
        self._pieces_of = vectorizer.build_analyzer()
        self._columns: Mapping[str, int] = vectorizer.vocabulary_
        self._rarity = vectorizer.idf_
        self._weights = classifier.coef_.T
        self._offsets = classifier.intercept_
        self._labels = classifier.classes_

    def label(self, text: str) -> str:
        """The intent of a text."""
        counts = Counter(self._columns[piece] for piece in self._pieces_of(text) if piece in self._columns)
        if not counts:
            return str(self._labels[np.argmax(self._offsets)])
        columns = np.fromiter(counts, dtype=np.intp)
        values = (1.0 + np.log(np.fromiter(counts.values(), dtype=float))) * self._rarity[columns]
        scores = (values / np.linalg.norm(values)) @ self._weights[columns] + self._offsets
        return str(self._labels[np.argmax(scores)])


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

    messages = examples(recipe.languages, each=recipe.each, seed=recipe.seed)
    vectorizer = TfidfVectorizer(
        analyzer=recipe.looks_at, ngram_range=recipe.lengths, max_features=recipe.most, sublinear_tf=True
    )
    table = vectorizer.fit_transform([message.text for message in messages])
    classifier = LogisticRegression(C=30.0, max_iter=200).fit(table, [message.intent for message in messages])
    return Classifier(vectorizer, classifier)
