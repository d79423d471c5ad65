# ruff: noqa: E501 -- a table of cases reads best with a case on a line
"""Each kind of wrong configuration gives a line that says where, what was found and what is allowed."""

import pytest

from proxy.config.load import load_checked, load_config
from proxy.errors import ConfigurationError

ROUTE = "routes:\n  - name: a\n    teacher: {url: http://t/v1}\n"
STUDENT = ROUTE + "    students:\n      - name: s\n        url: http://s/v1\n"


def message(tmp_path, text, env=None, load=load_config):
    file = tmp_path / "u.yaml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigurationError) as caught:
        load(file, env or {})
    return str(caught.value).replace(f"{tmp_path}/", "")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # unknown keys
        (STUDENT + "        timout: 5s\n", "u.yaml:7: routes[0].students[0].timout: unknown key; did you mean timeout?"),
        (ROUTE + "    comparator: [{use: label}]\n", "u.yaml:4: routes[0].comparator: unknown key; did you mean comparators?"),
        (ROUTE + "    Match: {}\n", "u.yaml:4: routes[0].Match: unknown key; did you mean match?"),
        (STUDENT + "        maxAge: 5m\n", "u.yaml:7: routes[0].students[0].maxAge: unknown key; did you mean max_age?"),
        (ROUTE + "    noise_flor: off\n", "u.yaml:4: routes[0].noise_flor: unknown key; did you mean noise_floor?"),
        (
            ROUTE + "    timeout: 5s\n",
            "timeout: unknown key here; timeout belongs into routes[].students[] or routes[].teacher or teacher",
        ),
        ("teacher: {url: http://t}\nquux: 1\n", "u.yaml:2: quux: unknown key; known here are listen, admin, store, "),
        (
            ROUTE + "    segments: [{header: x-t, as: t, has: u}]\n",
            "u.yaml:4: routes[0].segments[0].has: unknown key; did you mean as?",
        ),
        (
            ROUTE + "    segments: [{header: x-t, body: user, as: t}]\n",
            "u.yaml:4: routes[0].segments[0].body: cannot stand beside header; give one of them",
        ),
        # what is needed
        ("routes:\n  - teacher: {url: http://t}\n", "u.yaml:2: routes[0].name: is needed"),
        ("routes:\n  - name: a\n", "u.yaml:2: routes[0].teacher: is needed"),
        ("teacher: {timeout: 5s}\n", "u.yaml:1: teacher.url: is needed"),
        (ROUTE + "    segments: [{header: x-t}]\n", "u.yaml:4: routes[0].segments[0].as: is needed"),
        (ROUTE + "    comparators: [{agree_at: 1}]\n", "u.yaml:4: routes[0].comparators[0].use: is needed"),
        # kinds of values
        (STUDENT + "        timeout: 60\n", "u.yaml:7: routes[0].students[0].timeout: must be a duration such as"),
        (STUDENT + "        timeout: 1.5\n", "30d; found 1.5"),
        (STUDENT + "        timeout: 5 minutes\n", "found 5 minutes"),
        (STUDENT + "        timeout: 0s\n", "timeout: must be more than 0; found 0s"),
        (STUDENT + "        timeout: yes\n", "found yes"),
        (STUDENT + "        concurrency: many\n", "concurrency: must be a whole number; found many"),
        (STUDENT + "        concurrency: 0\n", "concurrency: must be 1 or more; found 0"),
        (STUDENT + "        concurrency: true\n", "concurrency: must be a number; found true"),
        (STUDENT + "        ttft: maybe\n", "ttft: must be true or false; found maybe"),
        (STUDENT + "        ttft: yes\n", "ttft: must be true or false; found yes"),
        (STUDENT + "        ttft: 1\n", "ttft: must be true or false; found 1"),
        (STUDENT + "        version: 1.10\n", "version: must be text; found 1.1: put it in quotes"),
        (STUDENT + "        name: a b\n", "u.yaml:7: name: given twice; first in line 5"),
        (STUDENT + "        drop: seed\n", "drop: must be a list; found seed"),
        (STUDENT + "        set: [a]\n", "set: must be a mapping of keys; found a list"),
        (STUDENT + "        price: {input: cheap}\n", "price.input: must be a number; found cheap"),
        ("routes: {name: a}\n", "u.yaml:1: routes: must be a list; found a mapping of keys"),
        ("routes: [a]\n", "routes[0]: must be a mapping of keys; found a"),
        ("teacher: http://t\n", "u.yaml:1: teacher: must be a mapping of keys; found http://t"),
        (ROUTE + "    name2: 1\n", "routes[0].name2: unknown key; did you mean name?"),
        (ROUTE.replace("name: a", "name: a b"), "routes[0].name: must be letters, digits, dots, dashes"),
        (ROUTE + "    sample: 0\n", "routes[0].sample: must be more than 0; found 0"),
        (ROUTE + "    gate: {agreement: 95}\n", "routes[0].gate.agreement: must be less than 1; found 95"),
        (ROUTE + "    gate: {require: all}\n", "gate.require: must be auto, or a list such as [language=de, tenant=acme]; found all"),
        (ROUTE + "    gate: {require: [german]}\n", "gate.require[0]: must be key=value, such as language=de; found german"),
        (
            ROUTE + "    segments: [language, tenant]\n",
            "routes[0].segments[1]: must be language, length, turn, tools, system_prompt, hour, label, tags, {header: NAME, as: KEY}",
        ),
        (ROUTE + "    comparators: [label]\n", "comparators[0]: must be a mapping such as {use: label}; found label"),
        (ROUTE + "    comparators: []\n", "comparators: must have 1 or more entries; found a list"),
        (ROUTE + "    redact: [mail]\n", "redact[0]: must be email, phone, card, iban or secret; found mail"),
        (ROUTE + "    match: {path: v1/chat}\n", "match.path: must begin with /"),
        (ROUTE + "    match: {header: {x app: y}}\n", "match.header.x app: must be the name of a header"),
        (ROUTE + "limits: {body: 32MB}\n", "u.yaml:4: limits.body: must be a size such as 64KiB, 32MiB or 10GiB; found 32MB"),
        (ROUTE + "workers: 0\n", "u.yaml:4: workers: must be 1 or more; found 0"),
        (ROUTE + "listen: 8080\n", "u.yaml:4: listen: must be HOST:PORT such as 127.0.0.1:8080, [::1]:8080 or :8080 (every interface); found 8080"),
        (ROUTE + "store: understudy.db\n", "u.yaml:4: store: must be sqlite:///FILE; found understudy.db"),
        (ROUTE + "journal: kafka\n", "u.yaml:4: journal: must be embedded; found kafka"),
        # addresses
        ("teacher: {url: api.openai.com/v1}\n", "teacher.url: must be a base URL such as https://api.openai.com/v1 (http or https)"),
        ("teacher: {url: 'http://t:99999'}\n", "teacher.url: must be a base URL"),
        ("teacher: {url: 'http://'}\n", "teacher.url: must be a base URL such as https://api.openai.com/v1: host and port are wrong"),
        ("teacher: {url: 'https://t/v1?api-version=1'}\n", "without a query"),
        # names
        (ROUTE + "  - {name: a, teacher: {url: http://t}}\n", "u.yaml:4: routes[1].name: a is taken by routes[0]"),
        (STUDENT + "      - {name: s, url: http://s}\n", "u.yaml:7: routes[0].students[1].name: s is taken by students[0]"),
        (
            ROUTE + "    comparators: [{use: text}, {use: text}]\n",
            "comparators[1].name: text is taken by comparators[0]; give one of them a `name` of its own",
        ),
        (ROUTE + "    segments: [turn, turn]\n", "segments[1]: turn is taken by segments[0]"),
        (ROUTE + "    gate: {also: {format: 99}}\n", "gate.also.format: must be less than 1"),
        (ROUTE + "    gate: {also: [format]}\n", "gate.also: must be a mapping"),
        # the file itself
        ("", "u.yaml: is empty; it needs `teacher` with a url, or `routes`"),
        ("# nothing\n", "u.yaml: is empty"),
        ("listen: 127.0.0.1:80\n", "u.yaml:1: nothing to relay to; it needs `teacher` with a url, or `routes`"),
        ("- a\n", "u.yaml:1: must be a mapping of keys"),
        ("hello\n", "u.yaml:1: must be a mapping of keys"),
        ("teacher: {url: http://t\nworkers: 1\n", "u.yaml:2: not YAML: "),
        ("teacher:\n\turl: http://t\n", "u.yaml:2: not YAML: indented with a tab; use spaces"),
        ("teacher: {url: http://t}\nteacher: {url: http://u}\n", "u.yaml:2: teacher: given twice; first in line 1"),
        ("teacher: {url: http://t, api_key: ${A}}\n", "u.yaml:1: not YAML: "),
        ("a: &a [*a]\n", "nested too deeply, or an alias within itself"),
        ("teacher: {url: !!python/name:os.system ''}\n", "u.yaml:1: the tag tag:yaml.org,2002:python/name:os.system"),
        ("a: 1\n---\nb: 1\n", "u.yaml:2: not YAML: but found another document"),
        ("teacher: {url: http://t}\nworkers: \x01\n", "u.yaml:2: a character that YAML does not allow"),
        (b"teacher: \xff\n", "u.yaml: is not UTF-8 text"),
        ("? [a]\n: b\n", "u.yaml:1: a key must be a word"),
        ("<<: 3\n", "u.yaml:1: <<: must name a mapping"),
        (STUDENT + "        set: {temperature: .inf, x: 1e999}\n", "a number that cannot be read"),
    ],
)  # fmt: skip
def test_a_wrong_configuration_gives_one_line_that_helps(tmp_path, text, expected):
    said = message(tmp_path, text)
    assert expected in said
    assert "\n" not in said


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (ROUTE + "    durability: strict\n", "durability: strict is not available in this version"),
        (ROUTE + "    durability: lax\n", "durability: must be relaxed (strict is not available in this version)"),
        (ROUTE + "journal: nats://host:4222\n", "u.yaml:4: journal: nats:// is not available in this version"),
        (ROUTE + "store: postgresql://u:pw@h/db\n", "u.yaml:4: store: postgresql:// is not available in this version"),
        (ROUTE + "alerts: {webhooks: [{url: http://x}]}\n", "u.yaml:4: alerts: alerts is not available in this version"),
        (ROUTE + "alerts: {redistill_every: 30d}\n", "u.yaml:4: alerts: alerts is not available in this version"),
    ],
)  # fmt: skip
def test_what_a_later_version_brings_is_refused_unless_it_is_switched_off(tmp_path, text, expected):
    said = message(tmp_path, text)
    assert expected in said
    assert "\n" not in said


def test_several_problems_are_said_in_the_order_of_the_lines_and_five_at_most(tmp_path):
    text = STUDENT + "        ttft: maybe\n        timeout: 3\n        drop: x\n" + "workers: x\nlisten: y\nstore: z\n"
    lines = message(tmp_path, text).split("\n")
    assert [line.split(": ")[0] for line in lines[:4]] == ["u.yaml:7", "u.yaml:8", "u.yaml:9", "u.yaml:10"]
    assert lines[4] == "… and 2 more problems"


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match="no such file; name one with --config"):
        load_config(tmp_path / "none.yaml", {})
    with pytest.raises(ConfigurationError, match="cannot be read: is a directory"):
        load_config(tmp_path, {})


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("teacher: {url: http://t, api_key: 'VALUE'}\n", "two words"),
        ("teacher: {url: http://t, api_key: [VALUE]}\n", "sk-planted"),
        ("teacher: {url: http://t}\naccess: {keys: 'VALUE'}\n", "sk-planted"),
        ("teacher: {url: http://t}\naccess: {keys: ['VALUE']}\n", "sk planted"),
        ("teacher: {url: http://t}\nadmin: {tokens: {read: {a: 'VALUE'}}}\n", "sk-planted"),
        ("teacher: {url: http://t}\nadmin: {tokens: 'VALUE'}\n", "sk-planted"),
        ("teacher: {url: 'http://me:VALUE@t/v1'}\n", "sk-planted"),
        ("teacher: {url: 'ftp://me:VALUE@t/v1'}\n", "sk-planted"),
        ("teacher: {url: http://t}\nstore: mysql://me:VALUE@t/db\n", "sk-planted"),
    ],
)
def test_a_secret_is_never_part_of_a_message(tmp_path, place, value):
    assert value not in message(tmp_path, place.replace("VALUE", value))
    assert value not in message(tmp_path, place.replace("VALUE", "${PLANTED}"), {"PLANTED": value})


def test_what_the_checks_refuse_is_said_with_its_line(tmp_path):
    text = ROUTE + "listen: 127.0.0.1:8080\nadmin: {listen: '127.0.0.1:8080'}\n"
    said = message(tmp_path, text, load=load_checked)
    assert said == "u.yaml:5: admin.listen: 127.0.0.1:8080 is the data plane's too; use another port"
