"""Python code as the sequence of what its syntax tree holds, by the library's own parser."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Hashable, Iterator
from typing import Any, NamedTuple

_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_END = "]"  # of a list of any length; what stands alone needs no end
_UNREAD = frozenset({"type_comment", "type_ignores", "kind"})


class Name(str):
    """A name that the code itself gives."""

    __slots__ = ()


class _Own(NamedTuple):
    """The names that the code gives: to variables and definitions, to parameters, to what its classes hold."""

    variables: set[str]
    parameters: set[str]
    members: set[str]

    def holds(self, node: ast.AST, field: str, value: Any) -> bool:
        """Whether what stands in a field of a node is a name of the code's own."""
        match node, field:
            case ast.Attribute(), "attr":
                return value in self.members
            case ast.keyword(), "arg":
                return value in self.parameters
            case (ast.alias(), "asname") | (ast.MatchMapping(), "rest") | (ast.Name(), "id") | (ast.arg(), "arg"):
                return value in self.variables
            case _, "name" if not isinstance(node, ast.alias):
                return value in self.variables
            case ((ast.Global() | ast.Nonlocal()), "names"):
                return value in self.variables
        return False


def python_tokens(text: str, *, own_names: bool) -> list[Hashable] | None:
    """The tree in the order of its nodes, without comments, docstrings and layout; None where it does not parse.

    With ``own_names`` the names that the code itself gives are of type ``Name``. All else is a pair: other variables
    ``("name", …)``.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about escapes in the code: they are its author's business
            tree = ast.parse(text)
    except (SyntaxError, ValueError, MemoryError, RecursionError):  # the last two: nested deeper than it goes
        return None
    leaves = list(_leaves(tree))
    tokens: list[Hashable] = [
        ("name" if field == "id" else type(value).__name__, value)  # only a variable has this field
        for _, field, value in leaves
    ]
    if not own_names:
        return tokens
    own = _own(tree)
    return [
        Name(value) if own.holds(node, field, value) else token
        for token, (node, field, value) in zip(tokens, leaves, strict=True)
    ]


def _leaves(tree: ast.AST) -> Iterator[tuple[ast.AST, str, Any]]:
    """Every node, as the name of its type, and every value in it, each with the node and the field it stands in."""
    # A list of what is still to do, not recursion: long sums are nested as deep as they are long.
    todo: list[tuple[ast.AST, str, Any]] = [(tree, "", tree)]
    while todo:
        parent, field, value = todo.pop()
        if isinstance(value, ast.AST):
            yield parent, "", type(value).__name__
            todo.extend((value, name, inner) for name, inner in reversed(list(_fields(value))))
        elif isinstance(value, list):
            todo.append((parent, "", _END))
            todo.extend((parent, field, inner) for inner in reversed(value))
        else:
            yield parent, field, value


def _fields(node: ast.AST) -> Iterator[tuple[str, Any]]:
    for name, value in ast.iter_fields(node):
        if isinstance(value, ast.expr_context) or name in _UNREAD:
            continue
        if name == "body" and isinstance(node, _DOCUMENTED) and _is_docstring(value):
            # A body of a docstring alone does nothing, and so does `pass`.
            yield name, value[1:] or [ast.Pass()]
        else:
            yield name, value


def _is_docstring(body: list[ast.stmt]) -> bool:
    first = body[0] if body else None
    return isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)


def _own(tree: ast.AST) -> _Own:
    own = _Own(set(), set(), set())
    for node in ast.walk(tree):
        match node:
            case ast.Name(ctx=ast.Store() | ast.Del()):
                own.variables.add(node.id)
            case ast.arg():
                own.parameters.add(node.arg)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                own.variables.add(node.name)
                if isinstance(node, ast.ClassDef):
                    own.members.update(_members(node))
            case ast.Attribute(value=ast.Name(id="self" | "cls"), ctx=ast.Store()):
                own.members.add(node.attr)
            case ast.alias(asname=str(name)) | ast.MatchMapping(rest=str(name)):
                own.variables.add(name)
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                own.variables.add(name)
    own.variables.update(own.parameters)
    return own


def _members(of: ast.ClassDef) -> Iterator[str]:
    for node in of.body:
        if isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
            yield node.name
        targets = (
            node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
        )
        yield from (target.id for target in targets if isinstance(target, ast.Name))
