"""`understudy comparators` and `understudy compare`."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from comparators.kinds import KINDS
from comparators.registry import names
from proxy.cli.app import run
from tests.fakes.judges import judging
from tests.fakes.upstream import Upstream, json_reply

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "docs" / "examples" / "comparator"
GSM8K = ROOT.parent / "shared" / "data" / "gsm8k.jsonl"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def scored(folder, capsys):
    """What `understudy compare` says of these pairs, with its exit status."""

    def compare(use: str, *pairs, options=()):
        file = folder / "pairs.jsonl"
        file.write_text("".join(json.dumps(pair) + "\n" for pair in pairs))
        capsys.readouterr()
        status = run(["compare", "--use", use, *(f"--option={option}" for option in options), str(file)])
        said = capsys.readouterr()
        return status, [json.loads(line) for line in said.out.splitlines()], said.err

    return compare


def two(teacher, student, **more):
    return {"teacher": teacher, "student": student, **more}


# comparators


def test_all_comparators_are_listed_with_what_agreement_is_and_where_they_run(capsys):
    assert run(["comparators"]) == 0
    listed = capsys.readouterr().out

    assert [line for line in listed.splitlines() if line and not line.startswith(" ")] == names()
    assert "\nlabel\n  Agreement is the same label" in listed
    assert "  Runs: light. Surfaces: chat/completions, completions, responses.\n    field: text\n" in listed
    assert "    agree_at: number, more than 0, 1 or less; default 0.8\n" in listed
    assert "    comparators: list of mappings; needed\n" in listed
    assert all(len(line) <= 100 for line in listed.splitlines())


def test_the_list_as_json(capsys):
    assert run(["comparators", "--format", "json"]) == 0
    listed = {entry["name"]: entry for entry in json.loads(capsys.readouterr().out)}

    assert list(listed) == names()
    assert listed["auto"]["surfaces"] == ["chat/completions", "completions", "embeddings", "responses"]
    assert listed["tool_calls"]["surfaces"] == ["chat/completions", "completions", "responses"]
    assert listed["number"]["runs"] == "light"
    assert listed["number"]["options"][1] == {
        "name": "tolerance",
        "type": "number, 0 or more",
        "needed": False,
        "default": 0.0,
        "description": "difference that still agrees, absolute",
    }
    for entry in listed.values():
        assert entry["description"]
        assert all(option["description"] and option["type"] != "anything" for option in entry["options"])


def test_a_comparator_that_cannot_be_imported_is_listed_with_why(folder, monkeypatch, capsys):
    (folder / "broken.py").write_text("raise RuntimeError('no')")
    metadata = folder / "broken-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("[understudy.comparators]\nbroken = broken:Thing\n")
    monkeypatch.syspath_prepend(str(folder))

    assert run(["comparators"]) == 0
    assert "broken\n  cannot be used: comparator 'broken' cannot be imported: Runtime" in capsys.readouterr().out


# compare


def test_each_pair_gets_a_line_and_all_of_them_a_summary(scored):
    status, lines, summary = scored(
        "label", two("refund", "Refund."), two("refund", "billing", id="b"), two("refund", "a card", id=3)
    )

    assert status == 0
    assert lines[0] == {"score": 1.0, "agree": True, "kinds": [], "detail": None}
    assert (lines[1]["id"], lines[1]["agree"]) == ("b", False)
    assert lines[1]["detail"] == {"teacher": "refund", "student": "billing"}
    assert set(lines[1]["kinds"]) <= set(KINDS)
    assert lines[2]["id"] == 3
    assert summary.startswith("label: 1 of 3 pairs agree (33.3%), mean score 0.333\n  how they disagree: ")


def test_options_are_yaml(scored):
    pair = two('{"a": 1, "b": "x"}', '{"a": 1.4, "b": "y"}')

    assert not scored("json", pair)[1][0]["agree"]
    assert scored("json", pair, options=["tolerance=0.5", "ignore=[b]"])[1][0]["agree"]
    assert scored("number", two("1 [2]", "3 [2]"), options=[r"pattern=\[(\d)\]"])[1][0]["agree"]


def test_heavy_comparators_run_and_their_failures_are_said(scored):
    trouble = "tests.comparators.troublesome:Trouble"
    where, *_ = scored(trouble, two("a", "b"))[1]
    assert where["detail"]["process"] != os.getpid()

    status, lines, summary = scored(trouble, two("planted", "b", id=1), options=["how=raises"])

    nothing = {"score": None, "agree": None, "kinds": [], "detail": None}
    assert (status, lines) == (1, [{"id": 1, **nothing, "error": "ZeroDivisionError"}])
    assert summary == f"{trouble}: no pair has a score\n  without a score: ZeroDivisionError 1\n"


def test_what_a_comparator_refuses_is_said_with_its_reason(scored):
    status, lines, _ = scored("logprobs", two("a", "b"), two("a", "b"))

    assert status == 1
    assert lines[1]["error"].startswith("LogprobsMissingError: no log-probabilities in the answer of the teacher")


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        ("0.5", "a comparator returns a Score, not float"),
        ("Score(score=2, agree=True)", "a score must lie in [0, 1]"),
        ("Score(score=0, agree=False, detail=object())", "`detail` must be what JSON can hold"),
    ],
)
def test_what_is_no_score_costs_its_pair_and_is_said(scored, folder, monkeypatch, returned, said):
    module = f"own_{hashlib.md5(returned.encode(), usedforsecurity=False).hexdigest()}"
    (folder / f"{module}.py").write_text(
        "from comparators.base import Comparator, Score\n"
        "class Own(Comparator):\n"
        "    name, version, runs = 'own', '1', 'light'\n"
        f"    def compare(self, request, teacher, student): return {returned}\n"
    )
    monkeypatch.syspath_prepend(str(folder))

    status, [line], _ = scored(f"{module}:Own", two("a", "b"))

    assert (status, line["score"], line["error"]) == (1, None, f"InvalidScoreError: {said}")


def test_why_a_judge_gave_no_score_is_said(scored):
    with Upstream(lambda _: json_reply({}, status=401)) as judge:
        options = [f"url={judge.url}/v1", "model=judge", "price={input: 0}"]
        _, [line, other], _ = scored(
            "judge", two("a b", "c d"), two({"embeddings": [[1]]}, {"embeddings": [[1]]}), options=options
        )

    assert line["error"] == "EndpointFailedError: status 401"
    assert other["error"] == "SurfaceNotSupportedError: judge does not compare answers of embeddings"


def test_a_judge_is_asked(scored):
    with Upstream(judging()) as judge:
        options = [f"url={judge.url}/v1", "model=judge", "price={input: 0}"]
        status, lines, _ = scored("judge", two("Paris it is.", "It is Rome."), options=options)

    assert (status, len(lines)) == (0, 1)
    assert lines[0]["detail"]["asked"]


PAIR = {
    "id": "e:s",
    "surface": "chat/completions",
    "student": "small",
    "request": {"messages": [{"role": "user", "content": "?"}], "response_format": {"type": "json_object"}},
    "teacher": {
        "model": "big",
        "status": 200,
        "content": '{"a": 1}',
        "tool_calls": [],
        "response": {"choices": [{"message": {"role": "assistant", "content": '{"a": 1}'}, "finish_reason": "stop"}]},
    },
    "student_answer": {"content": "a is 1", "tool_calls": [], "response": None, "error": None},
}


def test_what_understudy_pairs_prints_is_read(scored):
    _, [line], _ = scored("auto", PAIR)

    assert (line["id"], line["kinds"], line["detail"]["because"]) == ("e:s", ["other_form"], "JSON asked for")


def test_a_pair_without_both_answers_has_no_score_and_is_no_failure(scored):
    forgotten = {**PAIR, "teacher": None}
    unavailable = {**PAIR, "student_answer": {"error": {"kind": "timeout", "message": ""}}}

    status, lines, summary = scored("exact", forgotten, unavailable)

    assert status == 0
    assert [line["error"] for line in lines] == ["no answer of the teacher", "no answer of the student"]
    assert summary == "exact: no pair has a score\n  without both answers: 2\n"


@pytest.mark.parametrize(
    ("use", "answer"),
    [
        ("tool_calls", {"tool_calls": [{"name": "f", "arguments": '{"a": 1}'}]}),
        ("tool_calls", {"tool_calls": [{"name": "f", "arguments": {"a": 1}}]}),
        ("tool_calls", {"tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]}),
        ("embedding", {"embeddings": [[1.0, 0.0]]}),
        ("embedding", {"object": "list", "data": [{"index": 0, "embedding": [1.0, 0.0]}]}),
        ("exact", {"choices": [{"message": {"content": "a"}}]}),
        ("exact", {"output": [{"type": "message", "content": [{"type": "output_text", "text": "a"}]}]}),
        ("exact", {"content": "\ud800"}),
    ],
)
def test_answers_may_be_written_in_several_ways(scored, use, answer):
    status, [line], _ = scored(use, two(answer, answer))
    assert (status, line["agree"]) == (0, True)

    status, [line], _ = scored(use, two(answer, {"content": "b"} if use == "exact" else {**answer, "model": "other"}))
    assert (status, line["agree"]) == (0, use != "exact")


def test_pairs_may_come_by_a_pipe(monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b'\n{"teacher": "a", "student": "a"}\n\n')))

    assert run(["compare", "--use", "exact", "-"]) == 0
    assert json.loads(capsys.readouterr().out)["agree"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "is no JSON; each line is one object"),
        ("[" * 100_000, "is no JSON"),
        ("[]", "must be an object with `teacher` and `student`"),
        ('{"student": "a"}', "lacks `teacher`"),
        ('{"teacher": "a", "student_answr": "a"}', "lacks `student`"),
        ('{"teacher": 5, "student": "a"}', "`teacher` must be a text or an answer"),
        ('{"teacher": {"contents": "a"}, "student": "b"}', "`teacher` must be a text or an answer, an object with"),
        ('{"teacher": {"content": 5}, "student": "a"}', "`teacher`: expected `str | null`, got `int` - at `$.content`"),
        ('{"teacher": "a", "student": {"choices": []}}', "`student` is no answer of chat/completions"),
        ('{"teacher": "a", "student": "a", "surface": "chat"}', "`surface` must be one of chat/completions, "),
        ('{"teacher": "a", "student": "a", "request": "hi"}', "`request` must be an object"),
    ],
)
def test_a_line_that_is_no_pair_is_named(folder, capsys, line, said):
    (folder / "pairs.jsonl").write_text('{"teacher": "a", "student": "a"}\n\n' + line + "\n")

    assert run(["compare", "--use", "exact", "pairs.jsonl"]) == 2
    message = capsys.readouterr().err
    assert message.startswith("understudy: pairs.jsonl:3: ")
    assert said in message
    assert message.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--use", "exact", "nowhere.jsonl"], "nowhere.jsonl: no such file or directory"),
        (["--use", "exact", "/"], "/: is a directory"),
        (["--use", "txet", "f"], "--use txet: comparator 'txet' is not known (did you mean 'text'?)"),
        (["--use", "text", "--option", "agre_at=1", "f"], "(did you mean 'agree_at'?)"),
        (["--use", "text", "--option", "agree_at=high", "f"], "option 'agree_at' of comparator 'text'"),
        (["--use", "text", "--option", "agree_at", "f"], "--option agree_at: must be KEY=VALUE"),
        (["pairs.jsonl"], "Missing option '--use'"),
        (["--use", "text"], "Missing argument 'FILE'"),
    ],
)
def test_a_wrong_use_is_said(capsys, arguments, said):
    assert run(["compare", *arguments]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("use", ["number", "auto"])
@pytest.mark.skipif(not GSM8K.exists(), reason="the recorded data are not here")
def test_the_recorded_solutions_of_two_models(capsys, use):
    assert run(["compare", "--use", use, str(GSM8K)]) == 0
    said = capsys.readouterr()

    assert said.out.count("\n") == 1319
    assert said.err.startswith(f"{use}: 286 of 1,319 pairs agree")


# A package of somebody else's


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> dict[str, str]:
    """An environment in which the example's package is installed."""
    target = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index"]
    subprocess.run(
        [*pip, "--no-deps", "--no-build-isolation", "--target", str(target), str(EXAMPLE)],
        check=True,
        capture_output=True,
        text=True,
    )
    return {**os.environ, "PYTHONPATH": str(target)}


def understudy(environment, *arguments, **more):
    command = [sys.executable, "-m", "proxy.cli", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, **more)


def test_a_package_of_somebody_elses_is_used_by_its_name(installed, folder):
    pairs = [two("one two three", "three two one"), two("one two three", "one")]
    (folder / "pairs.jsonl").write_text("".join(json.dumps(pair) + "\n" for pair in pairs))

    done = understudy(installed, "compare", "--use", "wordcount", "--option", "within=0.2", "pairs.jsonl")

    assert (done.returncode, done.stderr) == (
        0,
        "wordcount: 1 of 2 pairs agree (50.0%), mean score 0.667\n  how they disagree: length 1\n",
    )
    assert [json.loads(line)["kinds"] for line in done.stdout.splitlines()] == [[], ["length"]]


def test_it_is_listed_and_checked_like_any_other(installed, folder):
    listed = json.loads(understudy(installed, "comparators", "--format", "json").stdout)
    [entry] = [entry for entry in listed if entry["name"] == "wordcount"]
    assert (entry["runs"], entry["description"]) == ("light", "Agreement is about the same number of words.")

    (folder / "understudy.yaml").write_text(
        "routes: [{name: a, teacher: {url: 'http://t/v1'}, comparators: [{use: wordcount, within: 2}]}]"
    )
    refused = understudy(installed, "check")
    assert refused.returncode == 2
    assert "option 'within' of comparator 'wordcount': input should be less than or equal to 1" in refused.stderr
