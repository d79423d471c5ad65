"""``understudy rescore`` from the outside: a real store, another configuration, and the report."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
import yaml

from proxy.config.load import load_config
from proxy.definition import build_comparators, definition_hash
from proxy.store.records import AnswerRecord, ExchangeRecord, PairRecord, ScoreRecord, Settlement
from proxy.store.sqlite import SQLiteStore
from tests.fakes.chat import chat_completion
from tests.fakes.judges import judging
from tests.fakes.running import free_port, understudy, wait_for
from tests.fakes.upstream import Upstream

ANSWERS = [("the parcel is late", "The parcel is late!"), ("yes", "yes"), ("one two three four", "one two three five")]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("UNDERSTUDY_CONFIG", raising=False)
    configure(tmp_path, {"use": "exact"})
    return tmp_path


def configure(folder: Path, *comparators: dict, **route) -> None:
    given = {
        "name": "intents",
        "teacher": {"url": "http://127.0.0.1:9/v1"},
        "students": [{"name": "small", "url": "http://127.0.0.1:9/v1", "version": "v1"}],
        "comparators": list(comparators),
        "gate": {"min_pairs": 5, "min_days": 0},
    }
    (folder / "understudy.yaml").write_text(yaml.safe_dump({"routes": [given | route]}))


def answered(text: str) -> AnswerRecord:
    response = chat_completion(text, model="m")
    return AnswerRecord(model="m", status=200, content=text, finish_reason="stop", latency_ms=50.0, response=response)


def live(folder: Path, number: int, *, answers=ANSWERS, begins: int = 0, **fields) -> None:
    """Pairs as they are stored under the configuration of now."""
    route = load_config(folder / "understudy.yaml", {}).routes[0]
    (label, _), *_ = comparators = build_comparators(route)
    now = time.time()

    def settled(index: int) -> Settlement:
        teacher, student = answers[index % len(answers)]
        agree = teacher == student
        exchange = ExchangeRecord(
            id=f"e{index}",
            route="intents",
            arrived_at=now - 3600 + index / 100,
            captured_at=now - 3600 + index / 100,
            surface="chat/completions",
            teacher_version="m",
            request={"model": "m", "messages": [{"role": "user", "content": f"question {index}"}]},
            teacher=answered(teacher),
            segments={"language": "de" if index % 2 else "en"},
            unit=f"u{index}",
        )
        pair = PairRecord(
            student="small",
            version="v1",
            definition=definition_hash(route, comparators),
            decides=label,
            outcome="agreed" if agree else "disagreed",
            answer=answered(student),
            scores={label: ScoreRecord(score=float(agree), agree=agree, kinds=() if agree else ("wording",))},
        )
        changes = {name: value for name, value in fields.items() if name != "exchange"}
        return Settlement(
            exchange=msgspec.structs.replace(exchange, **fields.get("exchange", {})),
            pairs=(msgspec.structs.replace(pair, **changes),),
        )

    with closing(SQLiteStore(folder / "understudy.db")) as store:
        numbers = range(begins, begins + number)
        for first in range(0, number, 500):
            store.record([settled(index) for index in numbers[first : first + 500]])


def rescore(folder: Path, *arguments: str) -> str:
    done = understudy("rescore", *arguments, cwd=folder)
    assert done.returncode == 0, done.stderr
    return done.stdout


def entries(folder: Path, *arguments: str) -> list[dict]:
    done = understudy("report", "--format", "json", *arguments, cwd=folder)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["routes"]


def database(folder: Path, sql: str) -> list:
    with closing(sqlite3.connect(folder / "understudy.db")) as tool:
        return tool.execute(sql).fetchall()


def test_other_comparators_are_shown_beside_the_live_ones_and_promote_nothing(folder):
    live(folder, 300, answers=[("yes", "yes"), ("yes", "Yes")])
    before = understudy("pairs", cwd=folder).stdout
    configure(folder, {"use": "label"}, {"use": "exact"})

    assert "300 pairs scored again by label: 300 agreed, 0 disagreed" in rescore(folder)

    [of_now, again] = entries(folder)
    assert (of_now["exploratory"], of_now["pairs"], of_now["rescored"]) == (False, 0, None)
    assert (again["exploratory"], again["pairs"], again["verdict"]) == (True, 300, "undecided")
    assert again["agreement"]["estimate"] == 1.0
    assert again["agreement"]["lower"] > 0.95
    assert again["comparators"]["exact"]["agreement"] == 0.5
    assert {(each["key"], each["value"], each["units"]) for each in again["segments"]} == {
        ("language", "de", 150),
        ("language", "en", 150),
    }
    assert again["rescored"]["live_since"] is None
    assert "never promotes" in " ".join(again["reasons"])
    assert "promote" not in {each["verdict"] for each in again["segments"]}
    assert understudy("pairs", cwd=folder).stdout == before


def test_the_very_same_definition_gives_the_live_numbers(folder):
    live(folder, 60)
    rescore(folder)

    [of_now, again] = entries(folder)
    for field in ("pairs", "units", "agreement", "missing", "comparators", "kinds", "latency_ms"):
        assert again[field] == of_now[field], field
    assert [{**each, "verdict": "", "reasons": []} for each in again["segments"]] == [
        {**each, "verdict": "", "reasons": []} for each in of_now["segments"]
    ]
    assert again["rescored"]["live_since"] == of_now["evidence_since"]


def test_live_evidence_under_the_new_definition_stays_by_itself(folder):
    live(folder, 30)
    configure(folder, {"use": "label"})
    rescore(folder)
    live(folder, 9, begins=100, exchange={"captured_at": time.time() - 60, "arrived_at": time.time() - 60})

    [of_now, again] = entries(folder)
    assert (of_now["pairs"], again["pairs"]) == (9, 30)
    assert again["rescored"]["live_since"] == of_now["evidence_since"]

    assert "9 pairs scored again" in rescore(folder)
    [of_now, again] = entries(folder)
    assert (of_now["pairs"], again["pairs"]) == (9, 39)


def test_nothing_is_counted_twice(folder):
    live(folder, 40)
    configure(folder, {"use": "text", "agree_at": 0.7})
    rescore(folder, "--since", "30m")
    rescore(folder)
    once = database(folder, "SELECT * FROM readable_counts WHERE source = 'rescored'")

    assert "no stored pairs" in rescore(folder)

    assert database(folder, "SELECT * FROM readable_counts WHERE source = 'rescored'") == once
    assert entries(folder)[1]["pairs"] == 40


def test_what_was_taken_out_is_missing_and_said(folder):
    live(folder, 20, answers=[("write to [email]", "write to [email]"), ("yes", "yes")])
    configure(folder, {"use": "label"}, redact=["email"])

    assert "10 missing (redacted 10)" in rescore(folder)

    [_, again] = entries(folder)
    assert again["missing"] == {"share": 0.5, "kinds": {"redacted": 10}}
    assert again["agreement"]["estimate"] == 1.0
    assert again["rescored"]["redacted"] == 10
    assert any(reason.startswith("on redacted text: 10 pairs") for reason in again["reasons"])
    text = " ".join(understudy("report", cwd=folder).stdout.split())
    assert "on redacted text" in text
    assert "rescored" in text


def test_text_past_its_retention_is_left_out_and_counted(folder):
    live(folder, 10)
    month_ago = time.time() - 31 * 86400
    live(folder, 7, begins=10, exchange={"arrived_at": month_ago, "captured_at": month_ago})
    configure(folder, {"use": "label"})

    assert "17 pairs scored again by label: 7 agreed, 3 disagreed, 7 left out (forgotten 7)" in rescore(folder)

    [_, again] = entries(folder)
    assert (again["pairs"], again["excluded"]["kinds"]) == (10, {"forgotten": 7})
    assert any("7 pairs" in reason and "retention" in reason for reason in again["reasons"])


def test_one_route_and_student_alone(folder):
    live(folder, 5)
    configure(
        folder,
        {"use": "label"},
        students=[{"name": name, "url": "http://127.0.0.1:9/v1", "version": "v1"} for name in ("small", "smaller")],
    )
    assert rescore(folder, "--student", "smaller").splitlines() == [
        "intents: smaller (version v1): no stored pairs that are not scored by label as it is configured"
    ]
    assert rescore(folder, "--route", "intents", "--student", "small").startswith(
        "intents: small (version v1): 5 pairs"
    )
    assert understudy("rescore", "--route", "x", cwd=folder).returncode == 2
    assert understudy("rescore", "--student", "x", cwd=folder).returncode == 2


def test_a_comparator_that_hangs_costs_its_own_scores(folder):
    live(folder, 3, answers=[("a" * 40 + "b", "c")])
    live(folder, 3, begins=3, answers=[("yes", "yes")])
    plugin = folder / "slow_one.py"
    plugin.write_text(PLUGIN)
    configure(folder, {"use": "slow_one:Slow"})

    done = understudy("rescore", cwd=folder, env={"PYTHONPATH": f"{folder}:{Path(__file__).parents[2]}"})

    assert done.returncode == 0, done.stderr
    assert "3 agreed, 0 disagreed, 3 missing (unscored 3)" in done.stdout
    assert "comparators failed: slow_one:Slow ProcessDied 3" in done.stdout


PLUGIN = '''
import os
from comparators.base import Comparator, Score

class Slow(Comparator):
    """Agreement is always."""
    name = "slow"
    version = "1"

    def compare(self, request, teacher, student):
        if student.content == "c":
            os.abort()
        return Score(score=1.0, agree=True)
'''


def test_what_a_judge_that_is_out_of_reach_does_not_say_is_left_for_the_next_run(folder):
    live(folder, 4, answers=[("yes, of course", "by no means"), ("yes", "yes")])
    judge = {"use": "judge", "url": f"http://127.0.0.1:{free_port()}/v1", "model": "j"}
    configure(folder, judge)

    done = understudy("rescore", cwd=folder)

    assert done.returncode == 1, done.stderr
    assert "2 pairs scored again by judge: 2 agreed, 0 disagreed" in done.stdout
    assert "2 left for the next run: judge EndpointUnreachableError 2" in done.stdout
    assert understudy("rescore", cwd=folder).returncode == 1
    assert entries(folder)[1]["pairs"] == 2


def test_killed_in_the_middle_it_goes_on_and_ends_at_the_same_counts(folder):
    number = 2000
    live(folder, number)
    configure(folder, {"use": "text", "agree_at": 0.7}, {"use": "exact"})

    stopped = [rescored_and_killed(folder) for _ in range(3)]
    assert 0 < stopped[0] < number

    rescore(folder)

    [_, again] = entries(folder)
    assert again["pairs"] == number == rescored(folder)
    in_one_go = folder / "once"
    in_one_go.mkdir()
    configure(in_one_go, {"use": "exact"})
    with closing(sqlite3.connect(folder / "understudy.db")) as source:
        source.execute("VACUUM INTO ?", (str(in_one_go / "understudy.db"),))
    with closing(sqlite3.connect(in_one_go / "understudy.db")) as copy:
        copy.executescript(FORGET_RESCORED)
    configure(in_one_go, {"use": "text", "agree_at": 0.7}, {"use": "exact"})
    rescore(in_one_go)
    counts = "SELECT * FROM readable_counts WHERE source = 'rescored'"
    assert database(folder, counts) == database(in_one_go, counts) != []


def rescored_and_killed(folder: Path) -> int:
    """How many are scored again after a run that was killed in the middle."""
    before = rescored(folder)
    running = subprocess.Popen(
        [sys.executable, "-m", "proxy.cli", "rescore"], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    wait_for(lambda: rescored(folder) > before or running.poll() is not None, what="some pairs are scored again")
    workers = children(running.pid)
    os.kill(running.pid, signal.SIGKILL)
    running.wait()
    wait_for(lambda: not any(Path(f"/proc/{each}").exists() for each in workers), what="its processes end")
    return rescored(folder)


FORGET_RESCORED = """
DELETE FROM counts WHERE series_id IN (SELECT id FROM series WHERE source = 'rescored');
DELETE FROM daily_counts WHERE series_id IN (SELECT id FROM series WHERE source = 'rescored');
DELETE FROM rescored_pairs;
DELETE FROM rescorings;
"""


def rescored(folder: Path) -> int:
    return database(folder, "SELECT count(*) FROM rescored_pairs")[0][0]


def children(parent: int) -> list[int]:
    found = Path(f"/proc/{parent}/task/{parent}/children")
    return [int(each) for each in found.read_text().split()] if found.exists() else []


def test_a_judges_budget_is_that_of_the_workers_and_of_earlier_runs(folder):
    """A verdict costs 0.02 USD: 20 tokens at 1000 USD a million."""
    live(folder, 6, answers=[("a right one", "another right one")])
    with Upstream(judging()) as upstream:
        judge = {"use": "judge", "url": upstream.url, "model": "judge-1", "price": {"input": 1000}, "concurrency": 1}
        configure(folder, judge | {"budget": 0.05})
        first = understudy("rescore", cwd=folder).stdout
        asked = len(upstream.seen)
        second = understudy("rescore", cwd=folder).stdout

        assert asked == len(upstream.seen) == 3
    assert "judge BudgetSpentError" in first
    assert "judge BudgetSpentError" in second
    assert database(folder, "SELECT count(*), round(sum(usd), 6) FROM spent") == [(1, 0.06)]
