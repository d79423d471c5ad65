"""`understudy simulate`: anybody can see for themselves what the gate would have said."""

from __future__ import annotations

import json

import pytest

from proxy.analysis.simulation import Change, Group
from proxy.cli.app import run
from proxy.cli.traffic import Flags, traffic_of

ACME = "--segment tenant=acme:0.1:0.90"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def simulated(flags: str, capsys) -> dict:
    assert run(f"simulate --format json {flags}".split()) == 0
    return json.loads(capsys.readouterr().out)


def test_a_good_student_is_promoted_and_the_looks_say_how(capsys):
    told = simulated("--agreement 0.99 --pairs 3000 --min-pairs 1", capsys)

    assert [look["pairs"] for look in told["looks"]] == [10, 100, 1000, 3000]
    last = told["looks"][-1]
    assert last["lower"] <= last["estimate"] <= last["upper"]
    assert last["lower"] > 0.95
    assert last["verdict"] == "promote"
    assert last["naive"]["lower"] > last["lower"]
    first = told["first"]["gate"]["promote"]
    assert 92 <= first["pairs"] <= 1000
    assert not first["wrong"]
    assert told["first"]["gate"]["reject"] is None


def test_a_student_at_the_target_is_promoted_by_the_naive_interval_far_more_often(capsys):
    told = simulated("--agreement 0.95 --pairs 2000 --min-pairs 1 --runs 100", capsys)

    gate, naive = told["gate"]["promote"], told["naive"]["promote"]
    assert gate["wrong"]["share"] <= 0.05 + 2 * gate["wrong"]["error"]
    assert naive["wrong"]["share"] > 0.2
    assert naive["share"] == naive["wrong"]["share"]
    assert naive["median_pairs"] < 2000


def test_a_drop_ends_in_a_rejection(capsys):
    told = simulated("--agreement 0.98 --drop 0.80@2000 --pairs 8000", capsys)

    assert 2000 in [look["pairs"] for look in told["looks"]]
    assert [look["verdict"] for look in told["looks"][-1:]] == ["reject"]
    assert told["first"]["gate"]["reject"]["pairs"] > 2000
    assert not told["first"]["gate"]["reject"]["wrong"]


def test_the_drop_alarm_is_raised_long_before_the_mean_so_far_is_too_low(capsys):
    told = simulated("--agreement 0.97 --drop 0.90@5000", capsys)

    alarm = told["first"]["alarm"]
    assert 5000 < alarm["pairs"] < told["first"]["gate"]["reject"]["pairs"]
    assert (alarm["segment"], alarm["wrong"]) == (None, False)
    assert run("simulate --agreement 0.97 --drop 0.90@5000".split()) == 0  # noqa: SIM905 -- as it is typed
    assert f"the drop alarm: after {alarm['pairs']:,} pairs (rightly)" in capsys.readouterr().out


def test_a_drop_in_a_segment_is_told_by_its_own_alarm(capsys):
    flags = "--segment tenant=acme:0.2:0.99 --drop tenant=acme:0.7@3000 --pairs 9000"
    told = simulated(f"{flags} --runs 5", capsys)

    assert told["alarm"]["share"] == 1
    assert told["alarm"]["median_pairs"] > 3000
    assert told["alarm"]["wrong"]["share"] == 0
    assert simulated(flags, capsys)["first"]["alarm"]["segment"] == {"key": "tenant", "value": "acme"}


def test_a_weak_segment_keeps_a_good_whole_from_being_promoted(capsys):
    told = simulated(f"--agreement 0.99 {ACME} --pairs 5000", capsys)

    assert told["looks"][-1]["estimate"] > 0.95
    assert told["first"]["gate"]["promote"] is None
    [segment] = told["segments"]
    assert (segment["key"], segment["value"], segment["verdict"]) == ("tenant", "acme", "reject")


def test_weights_undo_what_uneven_sampling_does_to_the_naive_figure(capsys):
    told = simulated("--segment tenant=acme:0.1:0.5 --agreement 1 --sample tenant=acme:0.1 --pairs 20000", capsys)

    last = told["looks"][-1]
    assert last["truth"] == pytest.approx(0.95)
    assert last["lower"] < 0.95 < last["upper"]
    assert last["naive"]["lower"] > 0.98
    assert told["traffic"][0]["probability"] == 0.1


def test_the_seed_decides(capsys):
    one, again, other = (simulated(f"--pairs 500 --seed {seed}", capsys) for seed in (1, 1, 2))

    assert one == again
    assert one["looks"] != other["looks"]


def test_what_people_read_is_what_scripts_read(capsys):
    flags = f"--agreement 0.97 --drop 0.90@1000-1500 {ACME} --sample 0.5 --pairs 3000 --seed 4"
    told = simulated(flags, capsys)

    assert run(f"simulate {flags}".split()) == 0
    text = capsys.readouterr().out
    assert "tenant=acme: 10.0% of it, 90% agree; 50% sampled" in text
    assert "the rest: 90.0% of it, 97% agree, 90% from pair 1,000 to 1,500; 50% sampled" in text
    assert all(f"\n{look['pairs']:,} " in text and look["verdict"] in text for look in told["looks"])
    assert f"the gate: never promote, reject after {told['first']['gate']['reject']['pairs']:,} pairs (rightly)" in text
    assert "the drop alarm: never" in text
    assert max(map(len, text.splitlines())) <= 100


def test_how_far_many_runs_have_come_is_told_beside_the_outcome(capsys):
    assert run(["simulate", "--runs", "20", "--pairs", "300"]) == 0

    out, err = capsys.readouterr()
    assert "runs: 20, seeds 1 to 20" in out
    assert "the gate says promote" in out
    assert err.splitlines()[-1] == "simulated: 20 of 20"
    assert max(map(len, out.splitlines())) <= 100


def test_flags_are_groups_of_traffic():
    flags = Flags(
        agreement=0.97,
        pairs=9000,
        segments=["tenant=a:b:0.25:0.9", "tenant=c:0.25:1"],
        drops=["0.9@5000", "0.8@6000-7000", "tenant=a:b:0.5@10"],
        samples=["0.1", "tenant=c:1"],
    )

    assert traffic_of(flags).groups == (
        Group(0.25, 0.9, ("tenant", "a:b"), 0.1, (Change(0.5, 10, 10),)),
        Group(0.25, 1.0, ("tenant", "c"), 1.0),
        Group(0.5, 0.97, None, 0.1, (Change(0.9, 5000, 5000), Change(0.8, 6000, 7000))),
    )


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ("--target 95", "--target: must be more than 0 and less than 1; found 95"),
        ("--alpha 0.5", "--alpha: must be more than 0 and less than 0.5; found 0.5"),
        ("--agreement 97", "--agreement: must be a number from 0 to 1; found 97"),
        ("--agreement nan", "--agreement: must be a number from 0 to 1; found nan"),
        ("--agreement high", "--agreement: must be a number; found high"),
        ("--pairs 0", "--pairs: must be 1 or more; found 0"),
        ("--seed -1", "--seed: must be 0 or more; found -1"),
        ("--segment acme:.1:.2", "--segment acme:.1:.2: write KEY=VALUE:SHARE:AGREEMENT, such as tenant=acme:0.1:0.90"),
        ("--segment a=b:.1", "--segment a=b:.1: write KEY=VALUE:SHARE:AGREEMENT"),
        ("--segment a=b:.1:x", "--segment a=b:.1:x: the agreement must be a number from 0 to 1; found x"),
        ("--segment a=b:0:1", "--segment a=b:0:1: the share must be more than 0"),
        ("--segment a=b:.6:1 --segment a=c:.6:1", "--segment: the shares must add up to 1 or less; found 1.2"),
        ("--segment a=b:.6:1 --segment a=b:.1:1", "--segment a=b:.1:1: a=b is given twice; give it once"),
        ("--segment a=b:.1:1 --segment c=d:.1:1", "--segment: all must be values of one key"),
        ("--drop 0.9", "--drop 0.9: write AGREEMENT@PAIR, such as 0.90@5000"),
        ("--drop 0.9@x", "--drop 0.9@x: write AGREEMENT@PAIR, such as 0.90@5000"),
        ("--drop 9@5", "--drop 9@5: the agreement must be a number from 0 to 1; found 9"),
        ("--drop 0.9@20000", "--drop 0.9@20000: must begin before pair 20,000 (--pairs)"),
        ("--drop 0.9@50-40", "--drop 0.9@50-40: must begin before pair 20,000 (--pairs), and end after it begins"),
        ("--drop 0.9@50-90 --drop 0.8@60", "--drop 0.8@60: begins before the one given before it ends"),
        ("--drop a=b:0.9@3", "--drop a=b:0.9@3: no --segment is a=b; there are: none"),
        ("--segment a=b:1:1 --drop 0.9@3", "--drop 0.9@3: all traffic is in segments, so name one; there are: a=b"),
        ("--sample 0", "--sample 0: the probability must be more than 0"),
        ("--sample 1 --sample 0.5", "--sample 0.5: is given twice for the same traffic; give it once"),
        (" ".join(f"--segment a={n}:.01:1" for n in range(51)), "--segment: at most 50 can be given; found 51"),
    ],
)
def test_flags_that_cannot_work_are_refused_with_what_to_change(flags, said, capsys):
    assert run(f"simulate {flags}".split()) == 2

    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"understudy: {said}")
    assert len(err.splitlines()) <= 2
