"""Whatever is wrong, no message repeats what a variable holds."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.config.load import load_config
from proxy.errors import ConfigurationError

PLACES = [
    "listen: {}",
    "store: {}",
    "workers: {}",
    "journal: {}",
    "teacher: {}",
    "teacher: {{url: {}}}",
    "teacher: {{url: http://t, timeout: {}}}",
    "teacher: {{url: http://t, api_key: {}, x: 1}}",
    "routes: [{{name: {}, teacher: {{url: http://t}}, sample: 7}}]",
    "routes: [{{name: a, teacher: {{url: http://t}}, sample: {}}}]",
    "routes: [{{name: a, teacher: {{url: http://t}}, segments: [{}]}}]",
    "routes: [{{name: a, teacher: {{url: http://t}}, redact: [{}]}}]",
    "routes: [{{name: a, teacher: {{url: http://t}}, durability: {}}}]",
    "routes: [{{name: a, teacher: {{url: http://t}}, gate: {{require: {}}}}}]",
    "routes: [{{name: a, teacher: {{url: http://t}}, gate: {{relative_to: {}}}}}]",
    "limits: {{body: {}}}",
]


@given(st.sampled_from(PLACES), st.from_regex(r"(http://|nats:|postgres:)?planted [0-9a-f]{12}!", fullmatch=True))
def test_no_message_holds_what_a_variable_holds(place, secret):
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "u.yaml"
        file.write_text(place.format("'${PLANTED}'"))
        with pytest.raises(ConfigurationError) as caught:
            load_config(file, {"PLANTED": secret})
    assert secret[-12:] not in str(caught.value)
