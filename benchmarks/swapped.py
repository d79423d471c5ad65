"""A student swapped for a worse one behind a real proxy: does Understudy say so, and since when?

``python -m benchmarks.swapped`` (some 12 minutes: alarms go by five-minute blocks) replays the recorded problems of
gsm8k: first the student answers nearly as the teacher did, then as the recorded small model did.  It ends with status 1
unless the alarm is raised, names the moment within its range, and the verdict is ``promote`` before and not after.
"""

from __future__ import annotations

import itertools
import json
import random
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import openai

from tests.fakes.chat import chat_reply
from tests.fakes.running import Running
from tests.fakes.upstream import Reply, Seen, Upstream

DATA = Path(__file__).parents[1].parent / "shared" / "data" / "gsm8k.jsonl"
PER_SECOND = 5.0
GOOD_SECONDS = 420.0  # before the swap: a block has closed, and the verdict is `promote`
PATIENCE = 900.0  # seconds after the swap


def main() -> int:
    """Run it and print what was seen."""
    records = [json.loads(line) for line in DATA.read_text().splitlines()]
    by_question = {record["messages"][-1]["content"]: record for record in records}
    draw = random.Random(1)
    swapped = threading.Event()

    def teacher(seen: Seen) -> Reply:
        return chat_reply(seen, by_question[_question(seen)]["teacher"]["content"], model="teacher")

    def student(seen: Seen) -> Reply:
        record = by_question[_question(seen)]
        side = "student" if swapped.is_set() or draw.random() < 0.01 else "teacher"
        return chat_reply(seen, record[side]["content"], model="student")

    with tempfile.TemporaryDirectory() as folder, Upstream(teacher) as ours, Upstream(student) as theirs:
        route = {
            "name": "math",
            "teacher": {"url": ours.url},
            "students": [{"name": "small", "url": theirs.url, "model": "student", "version": "1"}],
            "comparators": [{"use": "number"}],
            "gate": {"min_days": 0, "require": []},
        }
        with Running(Path(folder), {"routes": [route]}) as running:
            stop = threading.Event()
            traffic = threading.Thread(target=_send, args=(running, records, stop))
            traffic.start()
            try:
                return _watch(running, swapped)
            finally:
                stop.set()
                traffic.join()


def _watch(running: Running, swapped: threading.Event) -> int:
    time.sleep(GOOD_SECONDS)
    before = _entry(running)
    print(f"before: {before['verdict']}, {before['units']} units, {before['agreement']['estimate']:.3f} agree;")
    print("; ".join(before["reasons"]))
    swapped.set()
    moment = datetime.now(UTC)
    print(f"swapped: {moment:%H:%M:%S}")
    deadline = time.monotonic() + PATIENCE
    while running.total("understudy_redistill_needed", reason="agreement_dropped") != 1:
        if time.monotonic() > deadline:
            print(f"no alarm within {PATIENCE:g} s; {json.dumps(_entry(running)['reasons'])}")
            return 1
        time.sleep(2)
    entry = _entry(running)
    [alert] = [each for each in entry["alerts"] if each["reason"] == "agreement_dropped" and each["segment"] == "all"]
    delay = datetime.now(UTC) - moment
    rates = {side: alert[side] and alert[side]["estimate"] for side in ("before", "after")}
    print(f"alarm after {delay.total_seconds():.0f} s: likely since {alert['likely_since']}; agreement {rates}")
    print(f"range: {alert['earliest']} to {alert['latest']}")
    print(f"after: {entry['verdict']}: {'; '.join(entry['reasons'])}")
    named = datetime.fromisoformat(alert["earliest"]) <= moment <= datetime.fromisoformat(alert["latest"])
    right = before["verdict"] == "promote" and entry["verdict"] != "promote" and named
    print("as it should be" if right else "NOT as it should be")
    return 0 if right else 1


def _send(running: Running, records: list[dict[str, Any]], stop: threading.Event) -> None:
    client = openai.OpenAI(base_url=running.url, api_key="sk-test", max_retries=2)
    for record in itertools.cycle(records):
        if stop.wait(1 / PER_SECOND):
            return
        client.chat.completions.create(model="teacher", messages=record["messages"])


def _entry(running: Running) -> dict[str, Any]:
    entry: dict[str, Any] = running.report()["routes"][0]
    return entry


def _question(seen: Seen) -> str:
    question: str = seen.json["messages"][-1]["content"]
    return question


if __name__ == "__main__":
    sys.exit(main())
