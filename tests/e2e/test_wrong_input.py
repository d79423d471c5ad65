"""What the user gave cannot work: exit status 2, and one or two lines that say what to change."""

from __future__ import annotations

import os
import socket

import pytest
import yaml

from tests.fakes.running import free_port, understudy

ROUTE = {"name": "a", "teacher": {"url": "http://127.0.0.1:1/v1"}}
STUDENT = {"name": "s", "url": "http://127.0.0.1:2/v1", "model": "m"}


def refused(tmp_path, config, *words: str, command: str = "serve", env: dict[str, str] | None = None) -> None:
    file = tmp_path / "understudy.yaml"
    file.write_text(config if isinstance(config, str) else yaml.safe_dump(config))
    done = understudy(command, "--config", str(file), cwd=tmp_path, env=env)
    assert done.returncode == 2, done.stderr
    assert 1 <= len(done.stderr.strip().splitlines()) <= 2, done.stderr
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr


def test_an_unknown_key_names_the_nearest_known_one(tmp_path):
    refused(tmp_path, {"routes": [{**ROUTE, "studnets": []}]}, "studnets", "students", command="check")


def test_a_bad_url_is_refused(tmp_path):
    refused(tmp_path, {"routes": [{**ROUTE, "teacher": {"url": "api.openai.com"}}]}, "routes[0].teacher.url")


def test_an_unset_variable_is_named(tmp_path):
    config = {"routes": [{**ROUTE, "students": [{**STUDENT, "api_key": "${NO_SUCH_KEY}"}]}]}
    refused(tmp_path, config, "NO_SUCH_KEY", "routes[0].students[0].api_key")


def test_a_comparator_that_does_not_exist_names_those_that_do(tmp_path):
    refused(tmp_path, {"routes": [{**ROUTE, "comparators": [{"use": "lable"}]}]}, "lable", "label")


def test_a_port_in_use_is_named(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        config = {"listen": listen, "admin": {"listen": f"127.0.0.1:{free_port()}"}, "routes": [ROUTE]}
        refused(tmp_path, config, listen, "listen", "in use")


def test_a_store_that_cannot_be_written_is_named(tmp_path):
    blocker = tmp_path / "blocker"
    blocker.write_text("a file where a folder is wanted")
    refused(tmp_path, {"store": f"sqlite:///{blocker}/x.db", "routes": [ROUTE]}, "store", str(blocker))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_named(tmp_path):
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o500)
    refused(tmp_path, {"store": f"sqlite:///{folder}/x.db", "routes": [ROUTE]}, "store", str(folder))


def test_a_student_that_is_the_proxy_itself_is_refused(tmp_path):
    listen = f"127.0.0.1:{free_port()}"
    route = {**ROUTE, "students": [{**STUDENT, "url": f"http://localhost:{listen.split(':')[1]}/v1"}]}
    refused(tmp_path, {"listen": listen, "routes": [route]}, "routes[0].students[0].url", "this proxy")


def test_a_public_listen_with_a_key_of_our_own_needs_access_keys(tmp_path):
    route = {**ROUTE, "teacher": {"url": "http://127.0.0.1:1/v1", "api_key": "sk-secret-of-ours"}}
    refused(tmp_path, {"listen": "0.0.0.0:8080", "routes": [route]}, "access.keys")


def test_a_public_admin_plane_needs_tokens(tmp_path):
    refused(tmp_path, {"admin": {"listen": "0.0.0.0:8081"}, "routes": [ROUTE]}, "admin.tokens")


def test_what_a_later_version_brings_is_refused_by_name(tmp_path):
    refused(tmp_path, {"journal": "nats://host:4222", "routes": [ROUTE]}, "journal", "not available in this version")


@pytest.mark.parametrize("command", ["export --out x", "alerts", "rollout status", "label", "report --format html"])
def test_a_command_of_a_later_version_is_refused(tmp_path, command):
    (tmp_path / "understudy.yaml").write_text(yaml.safe_dump({"routes": [ROUTE]}))
    done = understudy(*command.split(), cwd=tmp_path)
    assert done.returncode == 2
    assert "not available in this version" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("reprot", "report"),
        ("report", "understudy.yaml"),
        ("report --since yesterday", "7d"),
        ("pairs --limit zero", "limit"),
        ("serve --student http://127.0.0.1:2/v1", "--teacher"),
        ("serve --config nowhere.yaml", "nowhere.yaml"),
    ],
)
def test_wrong_flags_are_explained_in_a_line_or_two(tmp_path, arguments, words):
    if "--since" in arguments:
        (tmp_path / "understudy.yaml").write_text(yaml.safe_dump({"routes": [ROUTE]}))
    done = understudy(*arguments.split(), cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert words in done.stderr
    assert len(done.stderr.strip().splitlines()) <= 2, done.stderr


def test_a_report_without_a_store_says_so(tmp_path):
    (tmp_path / "understudy.yaml").write_text(yaml.safe_dump({"routes": [ROUTE]}))
    done = understudy("report", cwd=tmp_path)
    assert done.returncode == 2
    assert "understudy.db" in done.stderr
    assert not (tmp_path / "understudy.db").exists()
