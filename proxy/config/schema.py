"""The keys that the configuration's models know, walked by key path."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from proxy.config.later import KEYS as LATER_KEYS
from proxy.config.model import Config
from proxy.config.problems import Path


def fields_of(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """A model's fields by the name that is written in a file."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def models_in(annotation: Any) -> list[type[BaseModel]]:
    """The models that a field's type holds: itself, or within lists, unions and annotations."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in models_in(part)]


def known_keys(path: Path) -> list[str]:
    """The keys that may stand in the mapping at this path, those of later versions among them."""
    models: list[type[BaseModel]] = [Config]
    for part in path:
        if isinstance(part, str):
            fields = [fields_of(model)[part] for model in models if part in fields_of(model)]
            models = [model for field in fields for model in models_in(field.annotation)]
    pattern = tuple("*" if isinstance(part, int) else part for part in path)
    later = [key[-1] for key in LATER_KEYS if key[:-1] == pattern]
    return list(dict.fromkeys([key for model in models for key in fields_of(model)] + later))


def every_field(model: type[BaseModel] = Config, above: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Every key path, with ``[]`` for the entries of a list, and its field; a mapping before what is in it."""
    for key, field in fields_of(model).items():
        path = f"{above}{key}"
        yield path, field
        inner = f"{path}[]." if str(field.annotation).startswith(("list[", "typing.List[")) else f"{path}."
        for part in models_in(field.annotation):
            yield from every_field(part, inner)


def is_key_path(path: Path) -> bool:
    """Whether a key or token stands there, which only those need who ask or answer with it."""
    shown = "".join("[]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")
    return shown.removesuffix("[]") in _key_paths()


@functools.cache
def _key_paths() -> frozenset[str]:
    own = (path for path, field in every_field() if _holds_secrets(field.annotation))
    return frozenset([*own, "routes[].comparators[].api_key"])


def _holds_secrets(annotation: Any) -> bool:
    return annotation is SecretStr or any(_holds_secrets(part) for part in get_args(annotation))
