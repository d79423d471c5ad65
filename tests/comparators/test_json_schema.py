"""Schemas of clients: used without asking anyone for anything, and without waiting for ever."""

import asyncio
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from comparators.base import Answer, ComparatorError, Request
from comparators.registry import build
from comparators.running import Runner
from comparators.structured.schema import UnusableSchemaError, asked_of, check, problem_with
from tests.comparators.pairs import calling


@pytest.fixture
def server():
    """A server that would give any schema, and remembers who asked."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"type": "string"}')

        def log_message(self, *_):
            pass

    serving = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=serving.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{serving.server_port}", asked
    serving.shutdown()
    thread.join()
    serving.server_close()


def outside(url):
    return [
        {"$ref": f"{url}/a.json"},
        {"$ref": f"{url}/a.json#/$defs/b"},
        {"$id": f"{url}/base/", "$ref": "a.json"},
        {"$schema": f"{url}/meta", "type": "object"},
        {"$dynamicRef": f"{url}/a#b"},
        {"properties": {"a": {"items": {"anyOf": [{"$ref": f"{url}/a"}]}}}},
        {"$defs": {"unused": {"$ref": f"{url}/a"}}},
    ]


def test_nothing_is_fetched_whatever_a_schema_refers_to(server, tmp_path):
    url, asked = server
    (tmp_path / "a.json").write_text('{"type": "string"}')

    for schema in [*outside(url), *outside(tmp_path.as_uri()), {"$ref": "a.json"}]:
        with pytest.raises(UnusableSchemaError):
            problem_with({"a": [1]}, schema)

    assert asked == []


def test_nothing_is_fetched_for_a_clients_schemas(server):
    url, asked = server
    schema = {"$ref": f"{url}/a.json"}
    request = Request(
        surface="chat/completions",
        body={
            "response_format": {"type": "json_schema", "json_schema": {"schema": schema}},
            "tools": [{"type": "function", "function": {"name": "f", "parameters": schema}}],
        },
    )

    said = build("json", {}).compare(request, Answer(content="[1]"), Answer(content="[2]"))
    called = build("tool_calls", {}).compare(request, calling(("f", '{"a": 1}')), calling(("f", '{"a": 2}')))

    assert (said.kinds, called.kinds) == (("field_changed",), ("argument_changed",))
    assert "outside of the schema" in said.detail["schema"]["unchecked"]
    assert asked == []


@pytest.mark.parametrize(
    "pattern", ["^(a+)+$", "^(a|a)*$", "^(a|aa)+$", r"^(\w+\s?)*$", "(x+x+)+y", "^(([a-z])+.)+[A-Z]([a-z])+$"]
)
def test_patterns_that_explode_elsewhere_take_no_time(pattern):
    assert problem_with("a" * 100_000 + "!", {"pattern": pattern}) is not None
    assert problem_with({"a" * 100_000 + "!": 1}, {"patternProperties": {pattern: False}}) is None


@pytest.mark.parametrize("pattern", ["(?=a)b", r"(a)\1", "(?<!a)b", "((a{100}){100}){100}"])
def test_a_pattern_that_takes_another_engine_makes_a_schema_unusable(pattern):
    with pytest.raises(UnusableSchemaError, match="regex"):
        check({"pattern": pattern})


def test_schemas_that_refer_to_themselves_end():
    around = {"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"}
    deep = json.loads("[" * 900 + "]" * 900)

    for schema in ({"$ref": "#"}, {"anyOf": [{"$ref": "#"}, {"$ref": "#"}]}, around, {"items": {"$ref": "#"}}):
        assert problem_with(deep, schema) is None


def exploding(levels):
    """A schema whose references double at every level: nothing in it is long, and checking it would take for ever."""
    levels_by_name = {f"d{at}": {"allOf": [{"$ref": f"#/$defs/d{at + 1}"}] * 2} for at in range(levels)}
    return {"$defs": {**levels_by_name, f"d{levels}": {"type": ["array", "object"]}}, "$ref": "#/$defs/d0"}


def test_a_schema_that_takes_for_ever_costs_one_score():
    body = {"response_format": {"type": "json_schema", "json_schema": {"schema": exploding(60)}}}
    sides = Answer(content="[1]"), Answer(content="[2]")

    async def both():
        runner = Runner(processes=1, seconds=5)
        try:
            with pytest.raises(TimeoutError):
                await runner.run(build("json", {}), Request(surface="chat/completions", body=body), *sides)
            return await runner.run(build("json", {}), Request(surface="chat/completions", body={}), *sides)
        finally:
            await runner.close()

    assert asyncio.run(both()).kinds == ("field_changed",)


def test_the_schema_is_checked_apart_even_where_another_comparator_is_asked():
    """One that asks others runs beside everything else: what may hang must not run there."""
    body = {"response_format": {"type": "json_schema", "json_schema": {"schema": exploding(60)}}}
    comparator = build("json", {"rules": [{"path": "a", "compare": "tests.comparators.asked:Asked"}]})

    async def asked():
        runner = Runner(processes=1, seconds=5)
        try:
            sides = Answer(content='{"a": 1}'), Answer(content='{"a": 2}')
            await runner.run(comparator, Request(surface="chat/completions", body=body), *sides)
        finally:
            await runner.close()

    assert comparator.runs == "awaited"
    with pytest.raises(TimeoutError):
        asyncio.run(asked())


@pytest.mark.parametrize(
    "schema",
    [None, [1], "x", 3, {"type": "foo"}, {"const": "\ud800"}, {"a": "x" * 300_000}, {"minimum": "a"}],
    ids=lambda schema: str(schema)[:20].encode("ascii", "replace").decode(),
)
def test_what_is_no_schema_is_unusable(schema):
    with pytest.raises(UnusableSchemaError):
        check(schema)


@pytest.mark.parametrize(
    "value", ["\ud800", {"\ud800": 1}, float("inf"), 10**400, json.loads("[" * 900 + "]" * 900), None, True]
)
def test_any_value_is_checked_without_raising(value):
    for schema in (True, {}, {"type": "string", "minLength": 3}, {"type": ["object", "array"]}, {"multipleOf": 0.1}):
        assert problem_with(value, schema) is None or "$" in problem_with(value, schema)


def test_a_problem_names_the_place():
    schema = {"properties": {"a": {"items": {"properties": {"b": {"type": "integer"}}}}}}

    assert problem_with({"a": [{}, {"b": "5"}]}, schema) == 'a[1].b: "5" is not of type "integer"'


def test_a_schema_in_the_options_must_be_usable():
    with pytest.raises(ComparatorError, match=r"json_schema.*cannot be used"):
        build("json", {"json_schema": {"$ref": "http://127.0.0.1:9/a"}})


def test_the_schema_asked_for_is_found_where_each_surface_has_it():
    schema = {"type": "object"}
    chat = {"response_format": {"type": "json_schema", "json_schema": {"schema": schema}}}
    responses = {"text": {"format": {"type": "json_schema", "schema": schema}}}

    assert asked_of(Request(surface="chat/completions", body=chat)) == schema
    assert asked_of(Request(surface="responses", body=responses)) == schema
    assert asked_of(Request(surface="chat/completions", body=responses)) is None
    assert asked_of(Request(surface="responses", body={"text": {"format": {"type": "text"}}})) is None
