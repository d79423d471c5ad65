"""Commands that the contract names and a later version brings: refused, so that a script learns it at once."""

from __future__ import annotations

from collections.abc import Callable

import typer

from proxy.errors import NotAvailableError

LATER = (
    "alerts",
    "evaluate",
    "export",
    "forget",
    "import",
    "label",
    "replay",
    "rollout",
)  # fmt: skip


def add_not_available(app: typer.Typer) -> None:
    """Add them, hidden from the help; whatever their arguments, they are refused."""
    settings = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
    for name in LATER:
        app.command(name, hidden=True, context_settings=settings)(_refusal(name))


def _refusal(name: str) -> Callable[[], None]:
    def refuse() -> None:
        raise NotAvailableError(f"understudy {name}")

    return refuse
