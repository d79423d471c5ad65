"""Real data: 1,319 recorded problems through the whole of it, and the figures that must come out."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import openai
import pytest
from scipy.special import logsumexp

from tests.fakes.chat import chat_reply
from tests.fakes.running import Running
from tests.fakes.upstream import Reply, Seen, Upstream

DATA = Path(__file__).parents[2].parent / "shared" / "data" / "gsm8k.jsonl"
AGREEING, ALL = 286, 1319


def recorded(records: dict[str, dict], side: str):
    """An upstream that answers each problem as that side did."""

    def answer(seen: Seen) -> Reply:
        record = records[seen.json["messages"][-1]["content"]]
        return chat_reply(seen, record[side]["content"], model=record[side]["model"])

    return Upstream(answer)


@pytest.mark.skipif(not DATA.exists(), reason="the recorded data are not beside this checkout")
def test_gsm8k_agrees_on_286_of_1319_with_the_reference_bounds(tmp_path):
    records = [json.loads(line) for line in DATA.read_text().splitlines()]
    by_question = {record["messages"][-1]["content"]: record for record in records}
    with recorded(by_question, "teacher") as teacher, recorded(by_question, "student") as student:
        route = {
            "name": "math",
            "match": {"path": "/v1/chat/completions"},
            "teacher": {"url": teacher.url},
            "students": [{"name": "6b", "url": student.url, "model": "6b_finetuning"}],
            "comparators": [{"use": "number"}],
            "gate": {"min_days": 0},
        }
        with Running(tmp_path, {"routes": [route]}) as running:
            client = openai.OpenAI(base_url=running.url, api_key="sk-test", max_retries=0)

            def ask(numbered: tuple[int, dict]) -> str:
                number, record = numbered
                asked = {"model": "175b_verification", "messages": record["messages"]}
                if number % 2:
                    stream = client.chat.completions.create(**asked, stream=True)
                    return "".join(c.choices[0].delta.content or "" for c in stream if c.choices)
                return client.chat.completions.create(**asked).choices[0].message.content

            with ThreadPoolExecutor(16) as pool:
                answers = list(pool.map(ask, enumerate(records)))
            assert answers == [record["teacher"]["content"] for record in records]

            running.settled(ALL)
            entry = running.report()["routes"][0]
            captures = running.by("understudy_captures_total", "outcome")
            pairs = running.by("understudy_pairs_total", "outcome")

    lower, upper = reference_bounds(AGREEING, ALL, alpha=0.05)
    assert captures == {"journaled": ALL}
    assert pairs == {"agreed": AGREEING, "disagreed": ALL - AGREEING}
    assert entry["pairs"] == entry["units"] == ALL
    assert entry["agreement"]["estimate"] == pytest.approx(AGREEING / ALL, abs=1e-9)
    assert entry["agreement"]["lower"] == pytest.approx(lower, abs=1e-6)
    assert entry["agreement"]["upper"] == pytest.approx(upper, abs=1e-6)
    assert entry["verdict"] == "reject"


def reference_bounds(agreeing: int, units: int, alpha: float) -> tuple[float, float]:
    """STATISTICS.md section l, written again for two values alone: an oracle that shares no code with the product."""
    small = 2.0 ** -np.arange(1, 9)
    low_bets = np.r_[np.arange(1, 20) / 20, 0.05 * small]
    flat = 0.99 * 2.0 ** (-np.arange(14) / 1.5)
    high_bets = np.r_[flat, flat[-1] * small]
    low_weights = np.log(np.r_[np.full(19, 0.9 / 19), np.full(8, 0.1 / 8)])
    high_weights = np.log(np.r_[np.full(14, 0.9 / 14), np.full(8, 0.1 / 8)])

    def rejected(successes: int, mean: float, bets: np.ndarray, weights: np.ndarray) -> bool:
        stake = bets / mean
        wealth = successes * np.log1p(stake * (1 - mean)) + (units - successes) * np.log1p(-stake * mean)
        return logsumexp(weights + wealth) >= np.log(1 / alpha)

    def bound(successes: int, bets: np.ndarray, weights: np.ndarray) -> float:
        low, high = 1e-9, successes / units
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if rejected(successes, middle, bets, weights) else (low, middle)
        return low

    return bound(agreeing, low_bets, low_weights), 1 - bound(units - agreeing, high_bets, high_weights)
