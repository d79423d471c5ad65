"""``serve``, ``relay``, ``shadow``, ``analyst`` and ``check``."""

from __future__ import annotations

import contextlib
import sys
from typing import Annotated

import typer

from proxy.cli.common import ConfigFlag, config_source
from proxy.cli.remembered import remembering
from proxy.config.model import Gate
from proxy.errors import UsageError
from proxy.runtime import ConfigSource


def add_commands(app: typer.Typer) -> None:
    """Add this module's commands."""
    app.command()(serve)
    app.command()(relay)
    app.command()(shadow)
    app.command()(analyst)
    app.command()(check)


def serve(
    config: ConfigFlag = None,
    teacher: Annotated[str | None, typer.Option(help="Base URL of the teacher; instead of a file.")] = None,
    student: Annotated[str | None, typer.Option(help="Base URL of the student.")] = None,
    student_model: Annotated[str | None, typer.Option(help="Model to ask the student for.")] = None,
    comparator: Annotated[str | None, typer.Option(help="What decides agreement.")] = None,
) -> None:
    """Run everything: relay, workers, analyst, admin plane."""
    from proxy.main import serve as run

    source = _source(config, teacher, student, student_model, comparator)
    with remembering(source) if source.file is None else contextlib.nullcontext():
        run(source)


def _source(
    config: str | None, teacher: str | None, student: str | None, student_model: str | None, comparator: str | None
) -> ConfigSource:
    flags = {"--student": student, "--student-model": student_model, "--comparator": comparator}
    given = [flag for flag, value in flags.items() if value is not None]
    if teacher is None:
        if given:
            raise UsageError(f"{given[0]} goes with --teacher URL; with a file, say it there")
        return config_source(config, otherwise="start without one: understudy serve --teacher URL")
    if config is not None:
        raise UsageError("give either --config FILE or --teacher URL, not both")
    if student is None and given:
        raise UsageError(f"{given[0]} goes with --student URL")
    return ConfigSource(teacher=teacher, student=student, student_model=student_model, comparator=comparator)


def relay(config: ConfigFlag = None) -> None:
    """Run the relay alone.

    Teachers' answers go through, captures into the journal.
    """
    from proxy.main import serve as run

    run(config_source(config), frozenset({"relay"}))


def shadow(config: ConfigFlag = None) -> None:
    """Run shadow workers alone.

    They ask students, compare and store.
    """
    from proxy.main import serve as run

    run(config_source(config), frozenset({"shadow"}))


def analyst(config: ConfigFlag = None) -> None:
    """Run the analyst alone.

    It watches the counts: alarms, drift, weak spots.
    """
    from proxy.main import serve as run

    run(config_source(config), frozenset({"analyst"}))


def check(config: ConfigFlag = None) -> None:
    """Validate the configuration."""
    from proxy.cli.warnings import warnings_of

    source = config_source(config)
    loaded = source.load_checked()
    students = sum(len(route.students) for route in loaded.routes)
    print(f"{source.file}: ok, {_many(len(loaded.routes), 'route')} with {_many(students, 'student')}")
    for route in loaded.routes:
        uses = ", ".join(use.label for use in route.comparators)
        names = ", ".join(student.name for student in route.students) or "no student yet"
        print(f"  {route.name}: {names}; compared by {uses}; {_wanted(route.gate)}")
    for warning in warnings_of(loaded):
        print(f"understudy: warning: {warning}", file=sys.stderr)


def _wanted(gate: Gate) -> str:
    if gate.relative_to == "noise_floor":
        return f"at most {gate.margin:g} under the noise floor"
    return f"target {gate.agreement:g}"


def _many(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
