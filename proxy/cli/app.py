"""All commands, and the one place where what went wrong becomes a message and an exit status."""

from __future__ import annotations

import os
import sys
from importlib.metadata import version as installed_version
from typing import Annotated

import typer
from pydantic import ValidationError

from proxy.admin.values import explained
from proxy.cli import comparators, compare, demo, pairs, pause, recount, report, rescore, serve, simulate
from proxy.cli.not_available import add_not_available
from proxy.cli.once import App
from proxy.errors import UnderstudyError, UsageError

FAILED, UNUSABLE, INTERRUPTED = 1, 2, 130

app = App(
    name="understudy",
    help="Find out on live traffic whether a small distilled model can replace an expensive one.",
    add_completion=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
for module in (serve, report, pairs, comparators, compare, rescore, recount, simulate, pause, demo):
    module.add_commands(app)
add_not_available(app)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"understudy {installed_version('understudy')}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def options(
    context: typer.Context,
    version: Annotated[  # noqa: ARG001 -- read by its callback
        bool, typer.Option("--version", help="Print the version and end.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    """Find out on live traffic whether a small distilled model can replace an expensive one."""
    if context.invoked_subcommand is None:
        print(context.get_help())
        raise typer.Exit(UNUSABLE)


def main() -> None:
    """Run a command.  Exit status: 0 done, 1 failed while running, 2 what the user gave cannot work."""
    try:
        status = run()
        sys.stdout.flush()
    except SystemExit as ended:  # typer's, for a pipe whose reader has seen enough
        if not isinstance(ended.__context__, BrokenPipeError):
            raise
        status = _without_output(0)
    except BrokenPipeError:
        status = _without_output(0)
    except OSError as error:  # such as a full disk behind `>`
        status = _without_output(_say(f"{error.filename or 'output'}: {error.strerror or error}", FAILED))
    except KeyboardInterrupt:
        status = INTERRUPTED
    sys.exit(status)


def _without_output(status: int) -> int:
    """What is still buffered goes nowhere: the interpreter would try to write it once more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return status


def run(arguments: list[str] | None = None) -> int:
    """Run a command and return its exit status; messages for the user go to stderr."""
    try:
        status = app(arguments, prog_name="understudy", standalone_mode=False)
    except typer.TyperException as error:
        context = getattr(error, "ctx", None)
        return _say(
            f"{_wrong_use(error)}\n{context.command_path if context else 'understudy'} --help says more", UNUSABLE
        )
    except typer.Abort:
        return FAILED
    except UsageError as error:
        return _say(str(error), UNUSABLE)
    except UnderstudyError as error:
        return _say(str(error), FAILED)
    return status if isinstance(status, int) else 0


def _wrong_use(error: typer.TyperException) -> str:
    if isinstance(error, typer.BadParameter) and isinstance(error.__cause__, ValidationError) and error.param:
        return explained(error.param.opts[0], error.__cause__.errors()[0])
    return error.format_message()


def _say(message: str, status: int) -> int:
    print(f"understudy: {message}", file=sys.stderr)
    return status
