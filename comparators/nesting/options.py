"""Comparators within the options of others: ``{use: number, tolerance: 0.1}``, or ``number`` alone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    SerializationInfo,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from comparators.base import Comparator, ComparatorError, Runs
from comparators.registry import build


class Nested(BaseModel):
    """What names a comparator, with its options beside it; it is built, and so checked, at once."""

    model_config = ConfigDict(extra="allow", frozen=True)

    use: str = Field(
        description="a built-in name, an entry point of `understudy.comparators`, or `package.module:Class`"
    )
    _comparator: Comparator = PrivateAttr()

    @model_validator(mode="before")
    @classmethod
    def _name_alone(cls, value: Any) -> Any:
        return {"use": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _built(self) -> Self:
        try:
            own = [name for name in type(self).model_fields if name != "use"]
            self._comparator = build(self.use, self.model_extra or {}, beside=own)
        except ComparatorError as error:
            raise ValueError(str(error)) from None
        return self

    @model_serializer(mode="wrap")
    def _as_built(self, handler: SerializerFunctionWrapHandler, info: SerializationInfo) -> dict[str, Any]:
        """Own fields and the comparator's options as it dumps them, defaults included and keys left out."""
        own = {name: value for name, value in handler(self).items() if name not in (self.model_extra or {})}
        options: dict[str, Any] = self._comparator.options.model_dump(mode=info.mode)
        return own | options

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        return [("use", self.use)]  # an option may be a key

    @property
    def comparator(self) -> Comparator:
        return self._comparator


def runs_of(comparators: Iterable[Comparator]) -> Runs:
    """Where one that uses these must run: with the most demanding of them."""
    wanted = {each.runs for each in comparators}
    return "awaited" if "awaited" in wanted else "heavy" if "heavy" in wanted else "light"


def version_with(own: str, comparators: Iterable[Comparator]) -> str:
    """A version that changes with those that are used."""
    return f"{own}({', '.join(f'{each.name} {each.version}' for each in comparators)})"
