"""YAML read into plain values, together with the line on which each key stands.

Scalars are read as YAML 1.2 reads them, because the older rules bite in configuration files: ``no`` is a word and
not false, ``12:30`` is no number of seconds, ``2026-11-20`` is no date.
"""

from __future__ import annotations

import math
import re
from typing import Any, ClassVar

import msgspec
import yaml

from proxy.config.problems import Path

_TAG = "tag:yaml.org,2002:"
_MERGE = f"{_TAG}merge"
_DEEPEST = 40
_MOST_NODES = 100_000
_LARGEST = 2**63  # beyond it JSON as others read it holds no whole number
_HALF_CHARACTER = re.compile(r"[\ud800-\udfff]")


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """A YAML document: its value, and the line (counted from 1) of every key path in it."""

    value: Any
    lines: dict[Path, int]


class YamlError(Exception):
    """The text is no YAML that a configuration can be written in. ``line`` is counted from 1."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


class _Loader(yaml.SafeLoader):
    """Composes nodes with the scalars of YAML 1.2's core schema."""

    # types-PyYAML declares as an attribute of each loader what PyYAML keeps in the class.
    yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {}  # type: ignore[misc]


for _name, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", list("-+0123456789")),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", list("-+.0123456789")),
    ("merge", r"<<", ["<"]),
):
    _Loader.add_implicit_resolver(f"{_TAG}{_name}", re.compile(rf"^(?:{_pattern})$"), _first)


def read_yaml(text: str) -> Document:
    """The value and lines of a text that holds one YAML document; an empty one has the value None.

    Raises:
        YamlError: not YAML, a key twice, or something that a configuration cannot hold.
    """
    try:
        root = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise YamlError(_explained(error, text), mark.line + 1 if mark else 1) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1 if isinstance(error.position, int) else 1
        raise YamlError("a character that YAML does not allow", line) from None
    except RecursionError:
        raise YamlError("nested too deeply", 1) from None
    except (ValueError, OverflowError):  # PyYAML lets Python read the numbers in escapes and directives
        raise YamlError("not YAML: an escape or a version that cannot be read", 1) from None
    reader = _Reader()
    return Document(value=None if root is None else reader.value(root, ()), lines=reader.lines)


def _explained(error: yaml.MarkedYAMLError, text: str) -> str:
    problem = error.problem or error.context or "not readable"
    lines, mark = text.splitlines(), error.problem_mark
    line = lines[mark.line] if mark and mark.line < len(lines) else ""  # what is unfinished ends after the last line
    if "${" in line and "{" in problem:
        return f"not YAML: {problem}; within braces put ${{…}} in quotes"
    if "\\t" in problem:
        return "not YAML: indented with a tab; use spaces"
    return f"not YAML: {problem}"


class _Reader:
    """Turns composed nodes into values. An alias is read again at each place where it stands."""

    def __init__(self) -> None:
        self.lines: dict[Path, int] = {}
        self._nodes = 0

    def value(self, node: yaml.Node, path: Path) -> Any:
        line = self._counted(node, len(path))
        self.lines.setdefault(path, line)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
        return _scalar(node, line)

    def _counted(self, node: yaml.Node, depth: int) -> int:
        """The node's line. Raises YamlError where aliases would make a small text an endless one."""
        self._nodes += 1
        line = node.start_mark.line + 1
        if depth > _DEEPEST or self._nodes > _MOST_NODES:
            raise YamlError("nested too deeply, or an alias within itself", line)
        return line

    def _mapping(self, node: yaml.MappingNode, path: Path, merges: int = 0) -> dict[str, Any]:
        own: dict[str, Any] = {}
        merged: list[yaml.MappingNode] = []
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if key_node.tag == _MERGE:
                merged += _merge_sources(value_node, line)
                continue
            if not isinstance(key_node, yaml.ScalarNode):
                raise YamlError("a key must be a word, not a list or mapping", line)
            key = _whole(key_node.value, line)
            if key in own:
                raise YamlError(f"{key}: given twice; first in line {self.lines[*path, key]}", line)
            self.lines.setdefault((*path, key), line)
            own[key] = self.value(value_node, (*path, key))
        for source in merged:
            self._counted(source, len(path) + merges)
            for key, item in self._mapping(source, path, merges + 1).items():
                own.setdefault(key, item)
        return own


def _merge_sources(node: yaml.Node, line: int) -> list[yaml.MappingNode]:
    sources = node.value if isinstance(node, yaml.SequenceNode) else [node]
    if not all(isinstance(source, yaml.MappingNode) for source in sources):
        raise YamlError("<<: must name a mapping, or a list of mappings", line)
    return list(sources)


def _scalar(node: yaml.Node, line: int) -> Any:
    text: str = node.value
    kind = node.tag.removeprefix(_TAG)
    try:
        if kind == "null":
            return None
        if kind == "bool":
            return text.lower() == "true"
        if kind == "int":
            return _bounded(int(text, {"0o": 8, "0x": 16}.get(text[:2], 10)))
        if kind == "float":
            return _finite(float(text))
    except ValueError:
        raise YamlError("a number that cannot be read", line) from None
    if kind not in ("str", "merge"):
        raise YamlError(f"the tag {node.tag} is not used in a configuration", line)
    return _whole(text, line)


def _whole(text: str, line: int) -> str:
    if _HALF_CHARACTER.search(text):
        raise YamlError("a character that cannot be part of a text", line)
    return text


def _bounded(number: int) -> int:
    if not -_LARGEST <= number < _LARGEST:
        raise ValueError
    return number


def _finite(number: float) -> float:
    if not math.isfinite(number):
        raise ValueError
    return number
