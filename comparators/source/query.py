"""SQL as the sequence of what its syntax tree holds, once normalised: what two ways to write a query have in common."""

from __future__ import annotations

import logging
from collections.abc import Hashable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from sqlglot.expressions import Expr
    from sqlglot.optimizer.scope import Scope

_END = ("]",)
# Parsing takes long on endless text: of a longer one the words are compared.
_LONGEST_PARSED = 30_000
_DEEPEST = 250
_SAID_ANYWAY = frozenset({"", "INNER", "OUTER", "CROSS"})  # of a join: the rest of it says the same


class Query(NamedTuple):
    """What was read of a text."""

    tokens: list[Hashable]  # words, where it could not be parsed
    valid: bool | None  # None: the parser cannot tell, as with what is too long or nested too deep
    is_ordered: bool = False  # whether the order of its rows was asked for


def read(text: str, dialect: str, *, column_names: bool) -> Query:
    """The statements of a text, normalised by the rules of a dialect (``""`` for all that any of them allows).

    With ``column_names`` the names of the columns of the result count too.
    """
    import sqlglot
    from sqlglot.errors import SqlglotError

    logging.getLogger("sqlglot").disabled = True  # it quotes statements that it does not know
    words: list[Hashable] = list(text.split())
    if len(text) > _LONGEST_PARSED:
        return Query(words, valid=None)
    try:
        statements = [statement for statement in sqlglot.parse(text, dialect=dialect or None) if statement is not None]
        if not statements or not all(map(_is_statement, statements)):
            return Query(words, valid=False)
        if any(map(_is_too_deep, statements)):
            return Query(words, valid=None)
        ordered = bool(statements[-1].args.get("order"))
        tokens: list[Hashable] = []
        for statement in statements:
            tokens += _normalised(statement, dialect, column_names=column_names)
    except SqlglotError:
        return Query(words, valid=False)
    except (RecursionError, ValueError, TypeError, AttributeError, LookupError):  # nested too deep; or it stumbles
        return Query(words, valid=None)
    return Query(tokens, valid=True, is_ordered=ordered)


def _is_statement(tree: Expr) -> bool:
    """Whether it can stand alone: a single word parses too, as the name of a column, and so does ``SELECT``."""
    from sqlglot import exp

    if isinstance(tree, exp.Select) and not tree.expressions:
        return False
    expression = (exp.Condition, exp.Alias, exp.Aliases, exp.Tuple, exp.Identifier)
    return isinstance(tree, exp.Query | exp.Values) or not isinstance(tree, expression)


def _is_too_deep(tree: Expr) -> bool:
    """Whether normalising would take long: it goes up from each name."""
    todo = [(tree, 0)]
    while todo:
        node, depth = todo.pop()
        if depth > _DEEPEST:
            return True
        todo.extend((inner, depth + 1) for inner in node.iter_expressions())
    return False


def _normalised(statement: Expr, dialect: str, *, column_names: bool) -> tuple[Hashable, ...]:
    from sqlglot import exp
    from sqlglot.optimizer.normalize_identifiers import normalize_identifiers

    statement = normalize_identifiers(statement, dialect=dialect or None)
    if isinstance(statement, exp.Select):
        _settle_columns(statement, column_names=column_names)
    _settle_sources(statement)
    return _tokens(statement)


def _settle_columns(query: Any, *, column_names: bool) -> None:
    """What the query sorts and groups by, by what it is rather than by its place or name among the columns."""
    from sqlglot import exp

    columns = query.expressions
    if not any(column.is_star for column in columns):
        named = {column.alias: column.this for column in columns if isinstance(column, exp.Alias)}
        order, group = query.args.get("order"), query.args.get("group")
        for term in order.expressions if order else ():
            if isinstance(term, exp.Ordered):
                _replace(term.this, columns, named)
        for term in group.expressions if group else ():
            _replace(term, columns, {})  # a name means the column of a table first
    if column_names:
        return
    used = {column.name for column in query.find_all(exp.Column) if not column.table}
    for column in columns:
        if isinstance(column, exp.Alias) and (column.alias not in used or column.alias == column.this.name):
            column.replace(column.this)


def _replace(term: Any, columns: list[Any], named: dict[str, Any]) -> None:
    from sqlglot import exp

    if isinstance(term, exp.Literal) and term.is_int and 0 < int(term.name) <= len(columns):
        term.replace(columns[int(term.name) - 1].unalias().copy())
    elif isinstance(term, exp.Column) and not term.table and term.name in named:
        term.replace(named[term.name].copy())


def _settle_sources(statement: Expr) -> None:
    """Tables, subqueries and common table expressions under names by their order; none where there is but one."""
    from sqlglot import exp
    from sqlglot.optimizer.scope import traverse_scope

    common = [expression.alias for expression in statement.find_all(exp.CTE)]
    common_names = {name: f"_with{at}" for at, name in enumerate(common)} if len(set(common)) == len(common) else {}
    qualifiers: dict[int, tuple[Any, str]] = {}  # by the column's identity
    renamed: list[tuple[Any, str]] = []
    seen: set[int] = set()
    for scope in traverse_scope(statement) if isinstance(statement, exp.Query) else ():
        chosen = {name: _named(node) for name, (node, _) in scope.selected_sources.items()}
        new_names = {name: f"_{len(renamed) + at}" for at, name in enumerate(chosen)}
        renamed += [(chosen[name], new) for name, new in new_names.items()]
        alone = len(chosen) == 1 and not _sees_outer(scope)
        for column in (*scope.columns, *(star for star in scope.stars if isinstance(star, exp.Column))):
            # Inner queries come first: what they know is theirs, and what is left to an outer one keeps a name.
            if column.table in new_names and id(column) not in qualifiers:
                dropped = alone and id(column) not in seen
                qualifiers[id(column)] = (column, "" if dropped else new_names[column.table])
            seen.add(id(column))
    for column, qualifier in qualifiers.values():
        if column.is_star and not qualifier:
            column.replace(column.this)
        else:
            column.set("table", exp.to_identifier(qualifier) if qualifier else None)
    for node, new in renamed:
        if isinstance(node, exp.Table) and not node.db and node.name in common_names:
            node.set("this", exp.to_identifier(common_names[node.name]))
        alias = node.args.get("alias")
        columns = alias.args.get("columns") if alias else None
        node.set("alias", exp.TableAlias(this=exp.to_identifier(new), columns=columns))
    for expression in statement.find_all(exp.CTE):
        if expression.alias in common_names:
            expression.args["alias"].set("this", exp.to_identifier(common_names[expression.alias]))


def _named(source: Any) -> Any:
    """What carries the name of a source: a subquery's is that of the parentheses around."""
    from sqlglot import exp

    while not source.args.get("alias") and isinstance(source.parent, exp.Subquery):
        source = source.parent
    return source


def _sees_outer(scope: Scope | None) -> bool:
    """Whether a name without qualifier could be one of a query around."""
    while scope is not None:
        if scope.is_subquery or scope.is_udtf:
            return True
        scope = scope.parent
    return False


def _tokens(node: Any) -> tuple[Hashable, ...]:  # noqa: PLR0911 - a case each
    """The tree below in the order of its nodes; where order says nothing, in the order of the alphabet."""
    from sqlglot import exp

    match node:
        case exp.Paren():
            return _tokens(node.this)
        case exp.Identifier():
            return (("name", node.name),)
        case exp.And() | exp.Or():
            return _sorted(type(node).__name__, [_tokens(operand) for operand in _operands(node)])
        case exp.EQ() | exp.NEQ() if not _assigns(node):
            return _sorted(type(node).__name__, [_tokens(node.this), _tokens(node.expression)])
        case exp.LT() | exp.LTE() | exp.GT() | exp.GTE():  # whichever way round
            smaller, larger = _tokens(node.this), _tokens(node.expression)
            if isinstance(node, exp.GT | exp.GTE):
                smaller, larger = larger, smaller
            return ("LT" if isinstance(node, exp.LT | exp.GT) else "LTE", *smaller, *larger, _END)
        case exp.In() if node.expressions:
            return ("In", *_tokens(node.this), *_sorted("among", [_tokens(each) for each in node.expressions]), _END)
        case exp.Anonymous():
            return _plain(node, this=node.name.upper())
        case exp.Join():
            return _plain(node, kind=None if node.kind in _SAID_ANYWAY else node.kind)
    return _plain(node)


def _assigns(node: Any) -> bool:
    """Whether an equals sign gives a value (``SET a = b``), so that the sides may not change places."""
    from sqlglot import exp

    return node.arg_key == "expressions" or isinstance(node.parent, exp.SetItem)


def _operands(node: Any) -> Iterator[Any]:
    """What a chain of ANDs, or of ORs, connects, whatever its parentheses."""
    todo = [node]
    while todo:
        operand = todo.pop().unnest()
        if isinstance(operand, type(node)):
            todo += [operand.this, operand.expression]
        else:
            yield operand


def _sorted(name: str, operands: list[tuple[Hashable, ...]]) -> tuple[Hashable, ...]:
    return (name, *(token for operand in sorted(operands, key=repr) for token in operand), _END)


def _plain(node: Any, **instead: Any) -> tuple[Hashable, ...]:
    arguments = {**node.args, **instead}
    return (type(node).__name__, *(token for key in sorted(arguments) for token in _field(key, arguments[key])), _END)


def _field(key: str, value: Any) -> Iterator[Hashable]:
    from sqlglot import exp

    if value is None or value is False or value == []:
        return
    yield (key,)
    for each in value if isinstance(value, list) else [value]:
        if isinstance(each, exp.Expr):
            yield from _tokens(each)
        else:
            yield (type(each).__name__, str(each))
    if isinstance(value, list):
        yield _END
