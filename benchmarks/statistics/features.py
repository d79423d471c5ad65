"""What features of requests and answers cost, and what sketches of them take to write, to keep and to read.

Prompts are those of CLINC150 and GSM8K, answers the intents and the recorded solutions (``../shared/data``).
"""

from __future__ import annotations

import json
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.statistics.figures import Figure
from comparators.base import Answer
from proxy.shadow.features import SAMPLED_WORDS, answer_features, request_features
from proxy.shadow.hashing import sampled, words
from proxy.shadow.language import language_segment
from proxy.store.records import ExchangeRecord, Features, Settlement
from proxy.store.sketches import BINS
from proxy.store.sqlite import SQLiteStore

DATA = Path(__file__).parents[2].parent / "shared" / "data"
SALT = b"a salt of the benchmark's own..."
SYSTEM = {"role": "system", "content": "You sort what customers of a bank write into one of 150 intents. " * 12}
GOAL = 200.0  # microseconds
HOUR = 3_600
BEGIN = 1_790_000_100.0


def run(*, quick: bool) -> list[Figure]:
    """All figures of this topic."""
    few = 200 if quick else 2_000
    utterances = [line["text"] for line in recorded("clinc150")][:few]
    problems = list(recorded("gsm8k"))[:few]
    asked = {
        "a request of 40 characters with 800 of system prompt": [[SYSTEM, user(text)] for text in utterances],
        "one of 235 characters": [problem["messages"] for problem in problems],
        "one of 9,400 characters": [[user(" ".join(utterances[n : n + 240]))] for n in range(min(few, 500) - 240)]
        or [[user(" ".join(utterances) * 2)]],
    }
    answers = {
        "an answer that is a label": [Answer(content=line["intent"]) for line in recorded("clinc150")][:few],
        "an answer of 300 characters": [Answer(content=problem["teacher"]["content"]) for problem in problems],
    }
    language_segment(utterances[0] * 2)  # loads the model
    figures = [timed(name, features_of, each) for name, each in asked.items()]
    figures += [timed(name, features_of_answer, each) for name, each in answers.items()]
    both = [(problem["messages"], Answer(content=problem["student"]["content"])) for problem in problems]
    figures += [
        timed("the second request with such an answer of either side", of_all, both, goal=None),
        timed("its language, which the segment of this name tells anyway", of_language, problems, goal=None),
    ]
    figures.append(novelty(few=quick))
    return figures + of_the_store([features_of([user(text)]) for text in utterances], hours=6 if quick else 72)


def novelty(*, few: bool) -> Figure:
    """Of the words sampled of a request, those in bins where 20,000 utterances of the 150 intents have none."""
    known, others = [], []
    for line in recorded("clinc150"):
        sample = sampled(words(SALT, line["text"]), SAMPLED_WORDS, BINS["novelty"])
        (others if line["split"].startswith("oos") else known).append(sample)
    np.random.default_rng(1).shuffle(known)
    reference = 2_000 if few else 20_000
    seen = {bin_ for sample in known[:reference] for bin_ in sample}
    shares = [
        np.mean([bin_ not in seen for sample in those for bin_ in sample]) for those in (known[reference:], others)
    ]
    return Figure(
        f"sampled words that {reference:,} utterances had not: other utterances of their intents, out of scope",
        "",
        " / ".join(f"{share:.1%}" for share in shares),
    )


def recorded(name: str) -> Iterator[dict[str, Any]]:
    with (DATA / f"{name}.jsonl").open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


def features_of(messages: list[dict[str, str]]) -> Features:
    return request_features("chat/completions", {"messages": messages}, salt=SALT, identify=lambda _: "en")


def features_of_answer(answer: Answer) -> Features:
    return answer_features(answer, salt=SALT)


def of_all(exchange: tuple[list[dict[str, str]], Answer]) -> None:
    features_of(exchange[0])
    features_of_answer(exchange[1])
    features_of_answer(exchange[1])


def of_language(problem: dict[str, Any]) -> str:
    return language_segment(problem["messages"][-1]["content"])


def timed(name: str, action: Callable[[Any], object], cases: list[Any], *, goal: float | None = GOAL) -> Figure:
    """Microseconds of CPU for one, over all cases; the best of five rounds."""
    rounds = []
    for _ in range(5):
        began = time.thread_time()
        for case in cases:
            action(case)
        rounds.append((time.thread_time() - began) / len(cases) * 1e6)
    took = min(rounds)
    if goal is None:
        return Figure(name, "", f"{took:.0f} us")
    return Figure(name, f"< {goal:.0f} us", f"{took:.0f} us", took < goal)


def of_the_store(features: list[Features], *, hours: int, an_hour: int = 300) -> list[Figure]:
    """Of a route without students, so that exchanges are all that is written."""
    number, apart = hours * an_hour, HOUR / an_hour
    kept = [exchange(n, apart, features[n % len(features)]) for n in range(number)]
    bare = [exchange(n, apart, {}) for n in range(number)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "understudy.db"
        together = writing(path, kept, 100) - writing(path.with_name("bare.db"), bare, 100)
        alone = writing(path.with_name("kept1.db"), kept[:300], 1) - writing(path.with_name("bare1.db"), bare[:300], 1)
        size = size_of(path) / hours * 24
        with closing(SQLiteStore(path)) as store:
            began = time.thread_time()
            rows = store.sketches("r", side="input")
            reading = (time.thread_time() - began) / len({row.hour for row in rows}) * 28 * 24
    return [
        Figure("to store them, exchanges in batches of 100", "", f"{together * 1e6:.0f} us each"),
        Figure("to store them, each exchange alone", "", f"{alone * 1e6:.0f} us each"),
        Figure(f"a day's input sketches on disk, {an_hour * 24:,} requests", "", f"{size / 1000:.0f} KB"),
        Figure("reading 28 days of them, by the hour", "", f"{reading * 1e3:.0f} ms"),
    ]


def writing(path: Path, those: list[Settlement], batch: int) -> float:
    """Seconds of CPU for each."""
    with closing(SQLiteStore(path)) as store:
        began = time.thread_time()
        for n in range(0, len(those), batch):
            store.record(those[n : n + batch])
        return (time.thread_time() - began) / len(those)


def exchange(number: int, apart: float, features: Features) -> Settlement:
    at = BEGIN + number * apart
    return Settlement(
        exchange=ExchangeRecord(
            id=f"e{number}", route="r", arrived_at=at, captured_at=at, unit=f"e{number}", request_features=features
        )
    )


def size_of(path: Path) -> int:
    """Bytes of the pages of the table and of its indexes."""
    with closing(sqlite3.connect(path)) as tool:
        size: int = tool.execute("SELECT sum(pgsize) FROM dbstat WHERE name LIKE '%sketches%'").fetchone()[0]
        return size
