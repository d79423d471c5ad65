"""Code of other languages as the sequence of what its syntax tree holds, by tree-sitter's parsers."""

from __future__ import annotations

import functools
import importlib
import re
from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from comparators.source.python import Name

if TYPE_CHECKING:
    from tree_sitter import Language, Node, Tree


class Grammar(NamedTuple):
    """Where a language's parser is found, and the little that has to be known of it."""

    module: str
    function: str = "language"
    free: frozenset[str] = frozenset()  # marks between statements that the tree does without
    quotes_alike: bool = False  # 'a' and "a" are the same


_SCRIPT = frozenset({";"})
GRAMMARS: Mapping[str, Grammar] = {
    "bash": Grammar("tree_sitter_bash", free=frozenset({";", "\n"})),
    "c": Grammar("tree_sitter_c"),
    "cpp": Grammar("tree_sitter_cpp"),
    "csharp": Grammar("tree_sitter_c_sharp"),
    "go": Grammar("tree_sitter_go", free=frozenset({";", "\n", "\0"})),
    "java": Grammar("tree_sitter_java"),
    "javascript": Grammar("tree_sitter_javascript", free=_SCRIPT, quotes_alike=True),
    "php": Grammar("tree_sitter_php", "language_php_only"),
    "ruby": Grammar("tree_sitter_ruby", free=frozenset({";", "\n"})),
    "rust": Grammar("tree_sitter_rust"),
    "tsx": Grammar("tree_sitter_typescript", "language_tsx", free=_SCRIPT, quotes_alike=True),
    "typescript": Grammar("tree_sitter_typescript", "language_typescript", free=_SCRIPT, quotes_alike=True),
}
# PHP within a page, which begins outside of PHP.
_PAGE = Grammar("tree_sitter_php", "language_php")

_READ_AT_ONCE = 4096
_END = ("]",)
_COMMA = (",",)
_OPENING = frozenset({("(",), ("[",), ("{",), ("<",), _COMMA})
_CLOSING = frozenset({")", "]", "}", ">"})
# Within these every character counts, white space too.
_QUOTING = re.compile(r"string|heredoc|template|regex|char|xml|jsx_text|^text")
# Names as grammars call them; where they are given rather than used: in which field of which node, and below what.
_NAME = re.compile(r"identifier$|^(?:variable_name|name|word|constant|instance_variable)$")
_GIVING = re.compile(
    r"declar|definition|param|assign|function|lambda|closure|block|method$|catch|let_|(?:^|_)for(?:each)?(?:_|$)"
    r"|_(?:item|spec|clause)$|^(?:class|module)$"
)
_TAKING = re.compile(r"import|^use|^using|package|invocation|call")
_GIVEN = frozenset({"name", "declarator", "left", "pattern", "parameter", "parameters", "alias"})
_PASSING = re.compile(r"pattern|declarator|parameters$|_list$|^variable_name$")


def tree_tokens(text: str, language: str) -> list[Hashable] | None:
    """The tree in the order of its nodes, without comments and layout; None where it does not parse.

    Names that the code itself gives are of type ``Name`` where it does, as far as the grammar tells, and elsewhere
    ``("name", …)`` like all others.
    """
    grammar = _PAGE if language == "php" and "<?" in text else GRAMMARS[language]
    source = text.encode("utf-8", "backslashreplace")
    tree = _parsed(source, grammar)
    return None if tree is None else _Walk(source, grammar).tokens(tree)


def _parsed(source: bytes, grammar: Grammar) -> Tree | None:
    from tree_sitter import Parser

    def read(at: int, _: object) -> bytes:
        return source[at : at + _READ_AT_ONCE]

    try:
        # Stopped at the first error: mending errors is what takes long, and they cannot be mended away.
        tree = Parser(_language(grammar)).parse(read, progress_callback=lambda _, failed: bool(failed))
    except ValueError:
        return None
    return None if tree.root_node.has_error else tree


@functools.cache
def _language(grammar: Grammar) -> Language:
    from tree_sitter import Language

    return Language(getattr(importlib.import_module(grammar.module), grammar.function)())


class _Inside(NamedTuple):
    """A node whose children are being read."""

    type: str
    given: bool  # whether names in it are given here
    transparent: bool  # parentheses: the tree says what belongs together without them
    end: int


class _Walk:
    """The tokens of one tree."""

    def __init__(self, source: bytes, grammar: Grammar) -> None:
        self._source = source
        self._grammar = grammar
        self._tokens: list[Hashable] = []
        self._inside: list[_Inside] = []
        self._read_to = 0

    def tokens(self, tree: Tree) -> list[Hashable]:
        cursor = tree.walk()
        while True:
            node = cursor.node
            assert node is not None  # noqa: S101 - a cursor that moved stands on a node
            if self._enter(node, cursor.field_name) and cursor.goto_first_child():
                continue
            while not cursor.goto_next_sibling():
                if not cursor.goto_parent():
                    return self._tokens
                self._leave()

    def _enter(self, node: Node, field: str | None) -> bool:
        """Take note of a node; whether its children are to be read."""
        kind = node.type
        around = self._inside[-1] if self._inside else None
        self._read_between(node.start_byte)
        if "comment" in kind:
            self._read_to = max(self._read_to, node.end_byte)
            return False
        whole = self._grammar.quotes_alike and kind == "string"
        if node.child_count and not whole:
            transparent = kind == "parenthesized_expression"
            if not transparent:
                self._tokens.append(("[", kind))
            self._inside.append(_Inside(kind, _gives(around, field), transparent, node.end_byte))
            return True
        text = (node.text or b"").decode("utf-8", "replace")
        self._read_to = max(self._read_to, node.end_byte)
        if whole:
            self._tokens.append((kind, text[1:-1].replace("\\'", "'").replace('\\"', '"')))
        elif node.is_named:
            self._add_named(kind, text, given=_gives(around, field))
        else:
            self._add_mark(text, around)
        return False

    def _leave(self) -> None:
        left = self._inside[-1]
        self._read_between(left.end)
        self._inside.pop()
        if not left.transparent:
            self._tokens.append(_END)

    def _add_named(self, kind: str, text: str, *, given: bool) -> None:
        if _NAME.search(kind):
            self._tokens.append(Name(text) if given else ("name", text))
        else:
            self._tokens.append((kind, text))

    def _add_mark(self, text: str, around: _Inside | None) -> None:
        if around is not None and around.transparent and text in "()":
            return
        if text in self._grammar.free and not (around is not None and around.type.startswith("for")):
            return
        tokens = self._tokens
        if text in _CLOSING and len(tokens) > 1 and tokens[-1] == _COMMA and tokens[-2] not in _OPENING:
            tokens.pop()
        tokens.append((text,))

    def _read_between(self, start: int) -> None:
        """Text that belongs to no child: all of it in a string, elsewhere what is not white space."""
        if self._inside and start > self._read_to:
            between = self._source[self._read_to : start].decode("utf-8", "replace")
            if not _QUOTING.search(self._inside[-1].type):
                between = "".join(between.split())
            if between and between not in self._grammar.free:
                self._tokens.append(("", between))
        self._read_to = max(self._read_to, start)


def _gives(around: _Inside | None, field: str | None) -> bool:
    """Whether names in this field of the node around are given there."""
    if around is None:
        return False
    if field in _GIVEN and _GIVING.search(around.type) and not _TAKING.search(around.type):
        return True
    return around.given and (field is None or field in _GIVEN) and bool(_PASSING.search(around.type))
