"""Finding a comparator by what ``use:`` says and making it with its options.

Built-in names are looked up first, then the entry points of the group ``understudy.comparators``; a name with a
colon is an import path, ``package.module:Class``.
"""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import EntryPoint, entry_points
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from comparators.base import Comparator, ComparatorError

__all__ = ["ENTRY_POINT_GROUP", "ComparatorError", "available", "build", "names"]

ENTRY_POINT_GROUP = "understudy.comparators"
_BUILT_IN: Mapping[str, str] = {
    "all_of": "comparators.combined:AllOf",
    "any_of": "comparators.combined:AnyOf",
    "auto": "comparators.auto:Auto",
    "by_field": "comparators.by_field:ByField",
    "code": "comparators.code:Code",
    "embedding": "comparators.embedding:Embedding",
    "exact": "comparators.exact:Exact",
    "format": "comparators.format:Format",
    "json": "comparators.json_fields:Json",
    "judge": "comparators.judge:Judge",
    "label": "comparators.label:Label",
    "logprobs": "comparators.logprobs:Logprobs",
    "number": "comparators.number:Number",
    "refusal": "comparators.refusal:Refusal",
    "semantic": "comparators.semantic:Semantic",
    "sql": "comparators.sql:Sql",
    "text": "comparators.text:Text",
    "tool_calls": "comparators.tool_calls:ToolCalls",
    "weighted": "comparators.combined:Weighted",
}
_NOT_REPEATED = frozenset({"missing", "secret"})  # types of errors whose input is not shown
_LONGEST_FOUND = 80  # characters: an error is one or two lines


def names() -> list[str]:
    """Every comparator that can be used by its name, without importing any."""
    return sorted({*_BUILT_IN, *_entry_points()})


def available() -> dict[str, type[Comparator]]:
    """Every comparator that can be used by its name; those of other packages that cannot be imported are left out."""
    found = {}
    for name in names():
        try:
            found[name] = _resolve(name)
        except ComparatorError:
            continue
    return found


def build(use: str, options: Mapping[str, Any], *, beside: Sequence[str] = ()) -> Comparator:
    """The comparator that ``use`` names, with these options; ``beside`` names the keys that may stand among them.

    Raises ComparatorError: there is none, it cannot be imported or is not a comparator, or an option does not hold.
    """
    comparator = _resolve(use)
    try:
        return comparator(comparator.Options.model_validate(dict(options)))
    except ValidationError as error:
        problems = [_explain(use, problem, comparator.Options, beside) for problem in error.errors(include_url=False)]
        raise ComparatorError("; ".join(problems)) from None


def _entry_points() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=ENTRY_POINT_GROUP)}


def _resolve(use: str) -> type[Comparator]:
    if use in _BUILT_IN:
        target = _BUILT_IN[use]
    elif ":" in use:
        target = use
    else:
        point = _entry_points().get(use)
        if point is None:
            raise ComparatorError(
                f"comparator {use!r} is not known{_nearest(use, names())}; allowed are {', '.join(names())}, "
                "or an import path package.module:Class"
            )
        target = point.value
    return _checked(use, _load(use, target))


def _load(use: str, target: str) -> Any:
    module_name, _, attributes = target.partition(":")
    if not all(part.isidentifier() for path in (module_name, attributes) for part in path.split(".")):
        raise ComparatorError(f"comparator {use!r} is not an import path package.module:Class")
    try:
        loaded: Any = importlib.import_module(module_name)
        for attribute in attributes.split("."):
            loaded = getattr(loaded, attribute)
    except Exception as error:  # importing runs the package's own code, which may raise anything
        problem = f"{type(error).__name__}: {error}"
        raise ComparatorError(f"comparator {use!r} cannot be imported: {problem}") from error
    return loaded


def _checked(use: str, loaded: Any) -> type[Comparator]:
    if not (isinstance(loaded, type) and issubclass(loaded, Comparator)):
        raise ComparatorError(f"comparator {use!r} is not a class derived from comparators.base.Comparator")
    for attribute in ("name", "version"):
        if not isinstance(getattr(loaded, attribute, None), str):
            raise ComparatorError(f"comparator {use!r} lacks a text as its {attribute}")
    return loaded


def _nearest(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""


def _explain(use: str, problem: Any, options: type[BaseModel], beside: Sequence[str]) -> str:
    path = ".".join(str(step) for step in problem["loc"])
    if problem["type"] == "extra_forbidden":
        return _unknown(use, problem["loc"], options, beside)
    message = problem["msg"].removeprefix("Value error, ")
    where = f"option {path!r} of comparator {use!r}" if path else f"options of comparator {use!r}"
    found = "" if problem["type"] in _NOT_REPEATED else _found(problem["input"])
    return f"{where}: {message[:1].lower()}{message[1:]}{found}"


def _unknown(use: str, path: Sequence[str | int], options: type[BaseModel], beside: Sequence[str]) -> str:
    *outer, key = map(str, path)
    allowed = list(_model_at(options, outer).model_fields)
    near = _nearest(key, allowed if outer else [*beside, *allowed])
    if outer:
        where = f"option {'.'.join(outer)!r} of comparator {use!r}"
        return f"{where}: {key!r} is no key of it{near}; its keys are {', '.join(allowed)}"
    said = f"its options are {', '.join(allowed)}" if allowed else "it has no options"
    if beside:
        said += f"; beside them may stand {', '.join(beside)}"
    return f"{key!r} is not an option of comparator {use!r}{near}; {said}"


def _model_at(model: type[BaseModel], path: Sequence[str]) -> type[BaseModel]:
    """The model whose fields may stand at a path: of ``rules.0`` that of a rule."""
    for step in path:
        field = model.model_fields.get(step)  # None for the index of an entry: its model is the list's already
        if field is not None:
            model = next(_models_in(field.annotation), model)
    return model


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models_in(inner)


def _found(value: Any) -> str:
    """What stands there, but for mappings: among their values may be a key that nobody is to see."""
    parts = value if isinstance(value, list) else [value]
    if any(isinstance(part, Mapping | list) for part in parts):
        return ""
    text = repr(value)
    return f", found {text}" if len(text) <= _LONGEST_FOUND else f", found {text[:_LONGEST_FOUND]}…"
