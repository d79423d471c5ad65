"""Commands that refuse an option given twice, where the library would take the last one and say nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import typer
from typer.core import TyperCommand, TyperOption

from proxy.errors import UsageError


class OnceCommand(TyperCommand):
    """Raises UsageError for an option given twice that takes one value."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        _, _, given = self.make_parser(ctx).parse_args(args=list(args))
        for option, times in Counter(given).items():
            single = isinstance(option, TyperOption) and not (option.multiple or option.is_flag or option.count)
            if single and times > 1:
                raise UsageError(f"{option.opts[0]}: is given {times} times; give it once")
        return super().parse_args(ctx, args)


class App(typer.Typer):
    """Its commands are of this kind."""

    def command(self, *arguments: Any, **more: Any) -> Callable[..., Any]:
        return super().command(*arguments, **{"cls": OnceCommand, **more})
