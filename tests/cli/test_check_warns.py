"""``understudy check`` warns of what works and is likely to be a mistake."""

import json

import pytest

from proxy.cli.app import run

JUDGE = {"use": "judge", "url": "http://127.0.0.1:9/v1", "model": "j"}


def checked(folder, capsys, comparators, **route):
    route = {
        "name": "r",
        "teacher": {"url": "http://127.0.0.1:9/v1"},
        "students": [{"name": "s", "url": "http://127.0.0.1:8/v1"}],
        **({"comparators": comparators} if comparators else {}),
        **route,
    }
    config = folder / "understudy.yaml"
    config.write_text(json.dumps({"routes": [route]}))  # JSON is YAML
    assert run(["check", "--config", str(config)]) == 0
    out, err = capsys.readouterr()
    assert "ok, 1 route" in out
    return err


@pytest.mark.parametrize(
    "comparators",
    [
        [],
        [{"use": "auto"}],
        [{"use": "auto"}, JUDGE],
        [{"use": "auto", "prose": {"use": "exact"}}],
        [{"use": "by_field", "cases": [{"when": {"has_tools": True}, "use": "tool_calls"}]}],
        [{"use": "all_of", "comparators": [{"use": "auto"}, {"use": "format", "form": "language"}]}],
    ],
)
def test_a_route_whose_prose_is_decided_by_its_wording_is_warned_of(tmp_path, capsys, comparators):
    said = checked(tmp_path, capsys, comparators)

    assert said.startswith("understudy: warning: route r: auto compares prose by its wording")
    assert "prose: {use: judge" in said
    assert len(said.splitlines()) <= 2


@pytest.mark.parametrize(
    "comparators",
    [
        [{"use": "label"}],
        [{"use": "label"}, {"use": "auto"}],
        [{"use": "auto", "prose": JUDGE}],
        [{"use": "auto", "prose": {"use": "all_of", "comparators": [{"use": "text"}, JUDGE]}}],
        [{"use": "all_of", "comparators": [{"use": "auto"}, JUDGE]}],
    ],
)
def test_any_other_is_not(tmp_path, capsys, comparators):
    assert checked(tmp_path, capsys, comparators) == ""


def test_nor_is_a_route_that_decides_nothing_of_prose(tmp_path, capsys):
    assert checked(tmp_path, capsys, [], students=[]) == ""
    assert checked(tmp_path, capsys, [], match={"path": "/v1/embeddings"}) == ""


def test_what_the_gate_asks_for_is_told(tmp_path, capsys):
    teacher = {"url": "http://127.0.0.1:9/v1", "replay_api_key": "sk"}
    route = {"name": "r", "teacher": teacher, "noise_floor": {"share": 0.1}, "comparators": [{"use": "label"}]}
    gates = [{"agreement": 0.9}, {"relative_to": "noise_floor", "margin": 0.02}]
    routes = [{**route, "name": f"r{n}", "match": {"model": f"m{n}"}, "gate": gate} for n, gate in enumerate(gates)]
    (tmp_path / "understudy.yaml").write_text(json.dumps({"routes": routes}))

    assert run(["check", "--config", str(tmp_path / "understudy.yaml")]) == 0

    said = capsys.readouterr().out.splitlines()
    assert said[1].endswith("; target 0.9")
    assert said[2].endswith("; at most 0.02 under the noise floor")


@pytest.mark.parametrize(
    ("teacher", "match", "warned"),
    [
        ({}, {"model": "samp-*"}, True),
        ({}, {}, True),
        ({"model": "ours-1"}, {"model": "gpt-4o"}, True),
        ({}, {"model": "gpt-4o*"}, False),
        ({"model": "gpt-4o-mini"}, {"model": "ours*"}, False),
        ({"price": {"input": 1, "output": 1}}, {"model": "samp-*"}, False),
    ],
)
def test_a_budget_for_the_noise_floor_without_a_price_is_warned_of(tmp_path, capsys, teacher, match, warned):
    teacher = {"url": "http://127.0.0.1:9/v1", "replay_api_key": "sk", **teacher}
    floor = {"share": 0.1, "usd_per_day": 5}

    said = checked(tmp_path, capsys, [{"use": "label"}], teacher=teacher, match=match, noise_floor=floor)

    assert said.startswith("understudy: warning: route r: noise_floor.usd_per_day limits nothing") is warned
    assert len(said.splitlines()) == 2 * warned
