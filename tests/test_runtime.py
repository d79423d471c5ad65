"""The configuration in force: checked, kept as text, and what children read whatever is in the file meanwhile."""

from __future__ import annotations

import stat

import pytest

from proxy.errors import ConfigurationError
from proxy.runtime import ConfigSource, put_in_force

GOOD = "routes: [{name: a, teacher: {url: 'http://t/v1', api_key: '${PLANTED}'}, sample: 0.5}]\n"
BROKEN = ["", "routes: [\n", "routes: [{name: a}]\n", GOOD.replace("0.5", "7"), GOOD.replace("PLANTED", "UNSET")]


@pytest.fixture
def runtime(tmp_path, monkeypatch):
    monkeypatch.setenv("PLANTED", "sk-planted")
    folder = tmp_path / "runtime"
    folder.mkdir()
    return folder


@pytest.fixture
def source(tmp_path):
    file = tmp_path / "understudy.yaml"
    file.write_text(GOOD)
    return ConfigSource(file=str(file))


@pytest.mark.parametrize("text", BROKEN)
def test_children_read_what_was_put_in_force_while_the_file_is_broken(text, source, runtime, tmp_path):
    put_in_force(source, runtime)
    (tmp_path / "understudy.yaml").write_text(text)

    with pytest.raises(ConfigurationError, match=r"understudy\.yaml"):
        put_in_force(source, runtime)

    kept = source.in_force(runtime).load()
    assert kept.routes[0].sample == 0.5
    assert kept.routes[0].teacher.api_key.get_secret_value() == "sk-planted"


def test_a_good_change_is_in_force_for_children_that_start_then(source, runtime, tmp_path):
    put_in_force(source, runtime)
    (tmp_path / "understudy.yaml").write_text(GOOD.replace("0.5", "0.25"))

    assert put_in_force(source, runtime).routes[0].sample == 0.25
    assert source.in_force(runtime).load().routes[0].sample == 0.25


def test_what_is_kept_is_the_text_before_variables_and_nobody_elses_to_read(source, runtime):
    put_in_force(source, runtime)

    (kept,) = runtime.iterdir()
    assert kept.read_text() == GOOD
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


def test_where_the_runtime_folder_was_cleared_the_file_itself_is_read(source, runtime):
    put_in_force(source, runtime)
    for kept in runtime.iterdir():
        kept.unlink()

    assert source.in_force(runtime).load().routes[0].sample == 0.5


def test_what_is_wrong_with_a_kept_text_is_said_of_the_file_of_the_user(source, runtime, monkeypatch):
    put_in_force(source, runtime)
    monkeypatch.delenv("PLANTED")

    with pytest.raises(ConfigurationError, match=r"/understudy\.yaml:1: routes\[0\]\.teacher\.api_key: the variable"):
        source.in_force(runtime).load()


def test_flags_are_in_force_as_they_are(runtime):
    source = ConfigSource(teacher="http://t/v1", comparator="exact")

    assert put_in_force(source, runtime).routes[0].teacher.url == "http://t/v1"
    assert source.in_force(runtime) == source
    assert list(runtime.iterdir()) == []
