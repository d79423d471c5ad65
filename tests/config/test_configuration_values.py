"""Durations, sizes, addresses and environment variables."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.config.addresses import check_url, is_loopback, leads_to, parse_listen
from proxy.config.environment import substitute
from proxy.config.values import format_duration, format_size, parse_duration, parse_size

NAMES = st.text(string.ascii_uppercase + "_", min_size=1, max_size=8)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("500ms", 0.5),
        ("30s", 30),
        ("5m", 300),
        ("12h", 43200),
        ("30d", 2592000),
        ("1.5h", 5400),
        (" 5s ", 5),
        ("0s", 0),
    ],
)
def test_a_duration_is_read_in_seconds(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "5", "5 s", "5sec", "-5s", "s", "1h30m", 5, 5.0, None, True, "9" * 30 + "d", "५s"]
)
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(ValueError, match="must be a duration such as 500ms"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["", "5MB", "5 MiB", "-1B", "1.5MiB", 5, None, "9" * 30])
def test_what_is_no_size_is_refused(text):
    with pytest.raises(ValueError, match="must be a size such as 64KiB"):
        parse_size(text)


@given(st.integers(1, 10**10), st.sampled_from([0.001, 1.0, 60.0, 3600.0, 86400.0]))
def test_a_duration_written_out_is_read_back(count, unit):
    seconds = (count % 10**6 + 1) * unit
    assert parse_duration(format_duration(seconds)) == pytest.approx(seconds, rel=1e-12)


@given(st.integers(0, 2**52))
def test_a_size_written_out_is_read_back(size):
    assert parse_size(format_size(size)) == size


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:8080", ("127.0.0.1", 8080)),
        ("[::1]:8080", ("::1", 8080)),
        (":8080", ("0.0.0.0", 8080)),
        ("localhost:0", ("localhost", 0)),
        ("my-host.example:65535", ("my-host.example", 65535)),
    ],
)
def test_a_listen_address_has_a_host_and_a_port(text, address):
    assert parse_listen(text) == address


@pytest.mark.parametrize(
    "text",
    ["8080", "127.0.0.1", "127.0.0.1:", "::1:80", "[::1]", "h:65536", "h:-1", "h:8o", "a b:1", "256.0.0.1:1", 8080],
)
def test_what_is_no_listen_address_is_refused(text):
    with pytest.raises(ValueError, match="must be HOST:PORT"):
        parse_listen(text)


@pytest.mark.parametrize(
    "url",
    [
        "http://t",
        "https://api.openai.com/v1",
        "http://[::1]:8000/v1/",
        "http://t:1/openai/deployments/My%20M/",
        "HTTP://T",
    ],
)
def test_a_base_url_may_have_a_port_and_a_path(url):
    assert check_url(url) == url


@pytest.mark.parametrize(
    "url",
    ["", "t", "t:80", "//t", "ftp://t", "http://", "http://t:0", "http://t:x", "http://t:70000", "http://a b", "http://t/v1?a=b",
     "http://t/#x", "http://u:p@t", "http://u@t", "http://[::1", "http://1.2.3/", "http://t/ v1", "http://t?", "http://-t"],
)  # fmt: skip
def test_what_is_no_base_url_is_refused(url):
    with pytest.raises(ValueError, match="must be a base URL such as"):
        check_url(url)


@pytest.mark.parametrize(
    ("host", "answer"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True), ("a.localhost", True),
     ("LOCALHOST.", True), ("::ffff:127.0.0.1", True), ("0.0.0.0", False), ("::", False), ("10.0.0.1", False),
     ("localhost.evil.com", False), ("t", False)],
)  # fmt: skip
def test_loopback_is_told_without_asking_anyone(host, answer):
    assert is_loopback(host) is answer


@pytest.mark.parametrize(
    ("url", "listen", "answer"),
    [
        ("http://127.0.0.1:8080/v1", "127.0.0.1:8080", True),
        ("http://localhost:8080", "127.0.0.1:8080", True),
        ("http://[::1]:8080", "127.0.0.1:8080", True),
        ("http://127.0.0.1:8080", "[::1]:8080", True),
        ("http://0.0.0.0:8080", "127.0.0.1:8080", True),
        ("http://127.0.0.1:8080", ":8080", True),
        ("http://localhost:8080", "[::]:8080", True),
        ("http://localhost", "127.0.0.1:80", True),
        ("https://localhost", "127.0.0.1:443", True),
        ("http://MyHost.example:8080", "myhost.example:8080", True),
        ("http://127.0.0.1:8000", "127.0.0.1:8080", False),
        ("http://student:8080", "127.0.0.1:8080", False),
        ("http://192.0.2.7:8080", ":8080", False),
        ("http://localhost:8080", "192.0.2.7:8080", False),
        ("http://127.0.0.1", "127.0.0.1:0", False),
    ],
)
def test_a_url_that_leads_back_is_recognised(url, listen, answer):
    assert leads_to(url, listen) is answer


def test_this_machines_own_name_leads_back_where_every_interface_is_listened_on(monkeypatch):
    monkeypatch.setattr("socket.gethostname", lambda: "Box.lan")
    assert leads_to("http://box.lan:8080", ":8080")
    assert leads_to("http://box:8080", "0.0.0.0:8080")
    assert not leads_to("http://box:8080", "127.0.0.1:8080")
    assert not leads_to("http://other:8080", ":8080")


def test_variables_are_read_inside_any_text():
    value = {"a": "x${A}y", "b": ["${B:-two words}", 3], "c": {"d": "${A}/${EMPTY:-z}${EMPTY}"}, "e": "$A $$ $${A} {A}"}
    assert substitute(value, {"A": "1", "EMPTY": ""}) == (
        {"a": "x1y", "b": ["two words", 3], "c": {"d": "1/z"}, "e": "$A $$ ${A} {A}"},
        [],
    )


@pytest.mark.parametrize("text", ["${", "${}", "${1A}", "${A", "${A-x}", "${A:x}", "${A B}"])
def test_a_reference_that_cannot_be_read_is_an_error(text):
    _, problems = substitute({"k": [text]}, {"A": "1", "B": "2"})
    assert [problem.path for problem in problems] == [("k", 0)]
    assert "write ${NAME} or ${NAME:-text}" in problems[0].text


@pytest.mark.parametrize("text", ["$OPENAI_API_KEY", "$K1"])
def test_a_variable_without_its_braces_is_an_error(text):
    _, problems = substitute({"k": text}, {})
    assert problems[0].text == f"a variable is written with braces: ${{{text[1:]}}}"


@given(NAMES, st.text(max_size=20), st.text(string.ascii_letters, max_size=5))
def test_what_a_variable_holds_is_put_as_it_is(name, value, around):
    text = f"{around}${{{name}}}{around}"
    assert substitute([text], {name: value}) == ([f"{around}{value}{around}"], [])


@given(NAMES, NAMES, st.from_regex(r"sk-[0-9a-f]{16}", fullmatch=True))
def test_an_unset_variable_is_named_and_no_value_is_told(name, other, secret):
    env = {other: secret} if other != name else {}
    _, problems = substitute({"k": f"${{{name}}} ${{{other}}}"}, env)
    assert name in problems[0].text
    assert secret not in problems[0].text
