"""Whatever is written in the file, it is a configuration or is refused with a line that helps: nothing else happens.

The supervisor reads the file again while it runs, also one that an editor has half written.
"""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from proxy.config.load import load_config
from proxy.config.model import Config
from proxy.errors import ConfigurationError
from tests.config.test_configuration_loads import ENVIRONMENT, EXAMPLE

HALF_WRITTEN = [
    ("a: [\n", "u.yaml:2: not YAML: "),
    ("a: {b: 1\n", "u.yaml:2: not YAML: "),
    ('a: "unterminated\n', "u.yaml:2: not YAML: "),
    ("{\n", "u.yaml:2: not YAML: "),
    (EXAMPLE + "routes: [\n", "u.yaml:49: not YAML: "),
]
NOT_READABLE = [
    ("a: &a\n  <<: *a\n", "u.yaml:1: nested too deeply, or an alias within itself"),
    ("a: &a\n  b:\n    <<: *a\n", "u.yaml:3: nested too deeply, or an alias within itself"),
    ('a: "\\UFFFFFFFF"\n', "u.yaml:1: not YAML: "),
    ('a: "\\uD800"\n', "u.yaml:1: a character that cannot be part of a text"),
    ('"\\uD800": 1\n', "u.yaml:1: a character that cannot be part of a text"),
    (f"workers: 0x{'f' * 5000}\n", "u.yaml:1: a number that cannot be read"),
    (f"workers: {'9' * 5000}\n", "u.yaml:1: a number that cannot be read"),
    (f"%YAML {'1' * 5000}.1\n---\na: 1\n", "u.yaml:1: not YAML: "),
]


def loaded(folder, text: str) -> Config | str:
    file = folder / "u.yaml"
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        return load_config(file, ENVIRONMENT)
    except ConfigurationError as error:
        return str(error).replace(f"{folder}/", "")


@pytest.mark.parametrize(("text", "expected"), HALF_WRITTEN + NOT_READABLE)
def test_what_is_half_written_or_no_text_is_refused_with_its_line(tmp_path, text, expected):
    said = loaded(tmp_path, text)

    assert said.startswith(expected)
    assert "\n" not in said


def test_mappings_that_merge_each_other_many_times_are_refused_at_once(tmp_path):
    text = "a0: &a0 {x: 1}\n" + "".join(
        f"a{number}: &a{number}\n  <<: [{', '.join([f'*a{number - 1}'] * 10)}]\n" for number in range(1, 12)
    )

    assert "nested too deeply" in loaded(tmp_path, text)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("any")


places = st.integers(0, len(EXAMPLE))
pieces = st.text(st.sampled_from("\n\t :-#&*!|>'\"%@`[]{},?<~$0aé\\\x85\u2028\x00"), max_size=6) | st.text(max_size=6)


@st.composite
def nearly_the_example(draw) -> str:
    """The example with a stretch of it replaced, or cut off, as half-written files are."""
    start, stop = sorted((draw(places), draw(places)))
    return EXAMPLE[:start] + draw(pieces) + draw(st.sampled_from(["", EXAMPLE[stop:], EXAMPLE[start:]]))


@given(st.text() | pieces | nearly_the_example())
@example("a: [\n")
@example("<: 1\n")
@example("'[a': 1\n")
def test_any_text_is_a_configuration_or_is_refused(folder, text):
    result = loaded(folder, text)

    assert isinstance(result, Config) or result.startswith("u.yaml")


@given(st.binary(max_size=200))
def test_any_bytes_are_a_configuration_or_are_refused(folder, content):
    file = folder / "b.yaml"
    file.write_bytes(content)
    try:
        load_config(file, ENVIRONMENT)
    except ConfigurationError as error:
        assert str(error).startswith(str(file))  # noqa: PT017 -- either may happen
