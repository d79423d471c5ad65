"""A configuration as CONTRACT.md writes it is read, with the contract's defaults."""

import pytest

from proxy.config.load import load_checked, load_config, quick_config
from proxy.config.model import BodySegment, Config, Gate, HeaderSegment
from proxy.errors import ConfigurationError

EXAMPLE = """\
listen: 127.0.0.1:8080
admin:
  listen: 127.0.0.1:8081
  tokens: {admin: "${UNDERSTUDY_ADMIN_TOKEN}"}   # needed elsewhere
store: sqlite:///understudy.db
journal: embedded
workers: 2
teacher: {url: https://api.openai.com/v1}
routes:
  - name: intents
    match: {path: /v1/chat/completions, model: "gpt-4o*", header: {x-app: support}}
    teacher:
      url: https://api.openai.com/v1
      api_key: passthrough
      replay_api_key: null
      model: null
      timeout: 600s
      price: {input: 2.50, cached_input: 1.25, output: 10.00}
    students:
      - name: intents-3b
        version: "2026-11-20"
        url: http://student:8000/v1
        api_key: ${STUDENT_KEY}
        model: intents-3b
        set: {temperature: 0}
        drop: []
        timeout: 60s
        max_age: 15m
        concurrency: 32
        ttft: false
        logprobs: false
        budget: {usd_per_day: null, requests_per_second: null}
        price: {input: 0.10, output: 0.20}
    sample: 1.0
    comparators:
      - {use: label}
      - {use: text, agree_at: 0.8, name: wording}
    segments: [language, length, turn, {header: x-tenant, as: tenant}, {body: metadata.tier, as: tier}, tags]
    noise_floor: off
    gate: {agreement: 0.95, alpha: 0.05, min_pairs: 300, min_days: 7, require: auto, also: {}, relative_to: absolute}
    durability: relaxed
    redact: [secret]
    retention: 30d
alerts: {webhooks: [], redistill_every: null}
access:
  keys: []
limits: {body: 32MiB, capture: 4MiB, capture_total: 256MiB, decoded: 16MiB, journal: 10GiB}
"""
ENVIRONMENT = {"UNDERSTUDY_ADMIN_TOKEN": "adm-1", "STUDENT_KEY": "stu-1"}


@pytest.fixture
def write(tmp_path):
    def written(text):
        file = tmp_path / "understudy.yaml"
        file.write_text(text, encoding="utf-8")
        return file

    return written


def test_the_example_of_the_contract_is_read(write):
    config = load_config(write(EXAMPLE), ENVIRONMENT)
    route = config.routes[0]
    student = route.students[0]
    assert config.workers == 2
    assert config.admin.tokens.admin.get_secret_value() == "adm-1"
    assert route.match.header == {"x-app": "support"}
    assert route.teacher.price.cached_input == 1.25
    assert student.api_key.get_secret_value() == "stu-1"
    assert student.set == {"temperature": 0}
    assert [use.label for use in route.comparators] == ["label", "wording"]
    assert route.comparators[1].options == {"agree_at": 0.8}
    assert route.segments[3:] == [
        HeaderSegment(header="x-tenant", **{"as": "tenant"}),
        BodySegment(body="metadata.tier", **{"as": "tier"}),
        "tags",
    ]


def test_the_example_written_out_is_what_leaving_it_all_out_gives(write):
    """Every value marked as a default in the contract is the default of the code."""
    short = write(
        "teacher: {url: https://api.openai.com/v1}\n"
        "routes:\n"
        "  - {name: a, teacher: {url: http://t/v1}, students: [{name: s, url: http://s/v1}]}\n"
    )
    config = load_config(short, {})
    route, example = config.routes[0], load_config(write(EXAMPLE), ENVIRONMENT).routes[0]
    assert (config.listen, config.admin.listen) == ("127.0.0.1:8080", "127.0.0.1:8081")
    assert (config.store, config.journal, config.workers) == ("sqlite:///understudy.db", "embedded", 1)
    assert route.gate == example.gate
    assert (route.redact, route.retention, route.sample) == (example.redact, example.retention, example.sample)
    assert route.segments == ["language", "length", "turn"]
    assert [(use.use, use.options) for use in route.comparators] == [("auto", {})]
    assert (route.teacher.timeout, route.teacher.api_key.get_secret_value()) == (600.0, "passthrough")
    same = ("drop", "timeout", "max_age", "concurrency", "ttft")
    assert all(getattr(route.students[0], key) == getattr(example.students[0], key) for key in same)
    assert config.limits == load_config(write(EXAMPLE), ENVIRONMENT).limits
    assert config.access.keys == []


def test_a_route_without_criteria_matches_all(write):
    match = load_config(write("routes: [{name: a, teacher: {url: http://t}}]\n"), {}).routes[0].match
    assert (match.path, match.model, match.header) == (None, None, {})


def test_a_key_without_a_value_has_its_default(write):
    text = "routes:\nlimits:\nworkers:\nteacher:\n  url: http://t\n  timeout:\n  api_key:\n"
    assert load_config(write(text), {}) == load_config(write("teacher: {url: http://t}"), {})


def test_words_and_dates_stay_texts(write):
    text = (
        "routes:\n  - name: no\n    teacher: {url: http://t}\n"
        "    students: [{name: on, url: http://s, version: 2026-11-20, set: {temperature: 1e-3, seed: 7}}]\n"
    )
    route = load_config(write(text), {}).routes[0]
    student = route.students[0]
    assert (route.name, student.name, student.version) == ("no", "on", "2026-11-20")
    assert student.set == {"temperature": 0.001, "seed": 7}


@pytest.mark.parametrize(("written", "read"), [("true", True), ("True", True), ("FALSE", False), ("${TRUTH}", True)])
def test_truth_is_written_as_yaml_1_2_does_and_may_come_from_the_environment(write, written, read):
    text = (
        f"routes: [{{name: a, teacher: {{url: http://t}}, students: [{{name: s, url: http://s, ttft: '{written}'}}]}}]"
    )
    assert load_config(write(text), {"TRUTH": "true"}).routes[0].students[0].ttft is read
    if "$" not in written:
        assert load_config(write(text.replace("'", "")), {}).routes[0].students[0].ttft is read


def test_anchors_and_merge_keys_are_read(write):
    text = (
        "teacher: &t {url: http://t, timeout: 5s}\n"
        "routes:\n  - name: a\n    teacher: {<<: *t, timeout: 7s}\n  - {name: b, teacher: *t}\n"
    )
    first, second = load_config(write(text), {}).routes
    assert (first.teacher.url, first.teacher.timeout, second.teacher.timeout) == ("http://t", 7.0, 5.0)


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path):
    file = tmp_path / "u.yaml"
    file.write_bytes(b"\xef\xbb\xbfteacher: {url: http://t}\n")
    assert load_config(file, {}).teacher.url == "http://t"


def test_flags_make_one_route_that_matches_everything():
    config = quick_config(
        teacher="https://api.openai.com/v1",
        student="http://s:8000/v1",
        student_model="org/My Model:7b",
        comparator="label",
    )
    route = config.routes[0]
    assert (route.name, route.match.path) == ("default", None)
    assert (route.students[0].name, route.students[0].model) == ("My-Model-7b", "org/My Model:7b")
    assert [use.use for use in route.comparators] == ["label"]
    assert quick_config(teacher="http://t").routes[0].students == []
    assert quick_config(teacher="http://t", listen="127.0.0.1:0", store="sqlite:///a.db").store == "sqlite:///a.db"


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (
            {"teacher": "api.openai.com"},
            "--teacher: must be a base URL such as https://api.openai.com/v1 (http or https)",
        ),
        ({"teacher": "http://t", "student": "ftp://s"}, "--student: must be a base URL"),
        ({"teacher": "http://t", "student_model": "m"}, "--student-model: needs --student"),
        ({"teacher": "http://t", "listen": "8080"}, "--listen: must be HOST:PORT"),
    ],
)
def test_a_wrong_flag_is_named(flags, message):
    with pytest.raises(ConfigurationError) as caught:
        quick_config(**flags)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_a_changed_student_has_another_version():
    def version(**changes):
        config = quick_config(teacher="http://t", student="http://s/v1", student_model="m")
        return config.routes[0].students[0].model_copy(update=changes).base_version

    assert version() == version(timeout=5.0) == version(url="http://s/v1/")
    assert (
        len({version(), version(model="n"), version(url="http://u"), version(set={"a": 1}), version(drop=["a"])}) == 5
    )
    assert version(version="v7") == "v7"


def test_what_must_pass_is_read_as_keys_and_values():
    gate = Gate(require=["language=de", "tenant=a=b"])
    assert gate.required_segments == (("language", "de"), ("tenant", "a=b"))
    assert Gate().required_segments is None


def test_secrets_are_not_shown_by_the_configuration(write):
    config = load_config(write(EXAMPLE), ENVIRONMENT)
    assert "adm-1" not in repr(config)
    assert "stu-1" not in config.model_dump_json()


def test_what_is_loaded_and_checked_is_what_is_loaded(write):
    file = write("routes: [{name: a, teacher: {url: http://t}, comparators: [{use: exact}]}]\n")
    assert load_checked(file, {}) == load_config(file, {})
    assert isinstance(load_checked(file, {}), Config)
