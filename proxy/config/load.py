"""Reading the configuration: a YAML file and the environment, or the flags of ``understudy serve``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path as FilePath
from typing import Any

from pydantic import ValidationError

from proxy.config import checks
from proxy.config.environment import substitute
from proxy.config.explain import explain
from proxy.config.later import take_out_later
from proxy.config.model import Config
from proxy.config.problems import Path, Problem, configuration_error
from proxy.config.schema import is_key_path
from proxy.config.values import WRITTEN
from proxy.config.yaml_lines import Document, YamlError, read_yaml
from proxy.errors import ConfigurationError

ROUTE = "default"


def load_config(path: FilePath, env: Mapping[str, str]) -> Config:
    """The configuration in a file, every default filled in.

    Raises:
        ConfigurationError: the file cannot be read, or what is in it cannot be used; a line for each problem, up
            to five, with the file, the line, the key path, what was found and what is allowed.
    """
    return config_of(text_of(path), env, file=str(path))


def load_checked(path: FilePath, env: Mapping[str, str]) -> Config:
    """As ``load_config``, with ``check_config``'s checks, whose problems are then said with file and line too."""
    return checked_config_of(text_of(path), env, file=str(path))


def text_of(path: FilePath) -> str:
    """What is written in a file. Raises ConfigurationError when that cannot be read."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise ConfigurationError(
            f"{path}: no such file; name one with --config, or start without: understudy serve --teacher URL"
        ) from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path}: is not UTF-8 text") from None
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {(error.strerror or str(error)).lower()}") from None


def config_of(text: str, env: Mapping[str, str], *, file: str, with_keys: bool = True) -> Config:
    """As ``load_config``, of a text that was read already.

    Args:
        text: What the file holds.
        env: The environment.
        file: How messages call it.
        with_keys: False for who needs no key: one that the environment lacks then stays as it is written.
    """
    return _read(text, env, file, with_keys=with_keys)[0]


def checked_config_of(text: str, env: Mapping[str, str], *, file: str) -> Config:
    """As ``load_checked``, of a text that was read already."""
    config, document = _read(text, env, file)
    problems = checks.problems_of(config)
    if problems:
        raise configuration_error(problems, file=file, lines=document.lines)
    return config


def quick_config(
    *,
    teacher: str,
    student: str | None = None,
    student_model: str | None = None,
    comparator: str | None = None,
    listen: str | None = None,
    admin_listen: str | None = None,
    store: str | None = None,
) -> Config:
    """One route named ``default`` that matches everything, made from flags.

    Raises:
        ConfigurationError: a flag's value cannot be used; the message names the flag.
    """
    if student is None and student_model is not None:
        raise ConfigurationError("--student-model: needs --student, the student's base URL")
    route: dict[str, Any] = {"name": ROUTE, "teacher": {"url": teacher}}
    if student is not None:
        route["students"] = [{"name": _student_name(student_model), "url": student, "model": student_model}]
    if comparator is not None:
        route["comparators"] = [{"use": comparator}]
    written = {"listen": listen, "admin": {"listen": admin_listen}, "store": store, "routes": [route]}
    present, problems = take_out_later(written)
    config, more = _validated(present, written, problems)
    if config is None:
        problems = [Problem(path=(_flag(problem.path),), text=problem.text) for problem in problems + more]
        raise configuration_error(problems)
    return config


def _student_name(model: str | None) -> str:
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", (model or "").rpartition("/")[2]).lstrip("._-")
    return name or "student"


def _flag(path: Path) -> str:
    keys = [part for part in path if isinstance(part, str)]
    flags = {"teacher": "--teacher", "comparators": "--comparator", "admin": "--admin-listen"}
    if "students" in keys:
        return "--student-model" if keys[-1] == "model" else "--student"
    return next((flags[key] for key in keys if key in flags), f"--{keys[0]}")


def _read(text: str, env: Mapping[str, str], file: str, *, with_keys: bool = True) -> tuple[Config, Document]:
    try:
        document = read_yaml(text)
    except YamlError as error:
        raise ConfigurationError(f"{file}:{error.line}: {error}") from None
    written = document.value
    if written is None or written == {}:
        raise ConfigurationError(f"{file}: is empty; it needs `teacher` with a url, or `routes`")
    if not isinstance(written, dict):
        raise ConfigurationError(f"{file}:1: must be a mapping of keys such as `routes:`")
    may_stay = (lambda _: False) if with_keys else is_key_path
    substituted, problems = substitute(written, env, may_stay=may_stay)
    present, later = take_out_later(substituted)
    config, invalid = _validated(present, written, problems + later)
    if config is None:
        raise configuration_error(problems + later + invalid, file=file, lines=document.lines)
    return config, document


def _validated(present: Any, written: Any, before: Sequence[Problem]) -> tuple[Config | None, list[Problem]]:
    """The configuration if nothing is wrong with it, and the problems that were not known before."""
    known = {problem.path for problem in before}
    try:
        config = Config.model_validate(present, context=WRITTEN)
    except ValidationError as error:
        return None, [problem for problem in explain(error, written) if problem.path not in known]
    problems = [*_names_taken(config), *_nothing_to_do(config)]
    return (None if before or problems else config), problems


def _nothing_to_do(config: Config) -> Iterator[Problem]:
    if config.teacher is None and not config.routes:
        yield Problem(path=(), text="nothing to relay to; it needs `teacher` with a url, or `routes`")


def _names_taken(config: Config) -> Iterator[Problem]:
    """Names that must be unique, because results are filed under them."""
    yield from _repeated(("routes",), [route.name for route in config.routes], "name")
    for index, route in enumerate(config.routes):
        place: Path = ("routes", index)
        yield from _repeated((*place, "students"), [student.name for student in route.students], "name")
        labels = [use.label for use in route.comparators]
        yield from _repeated((*place, "comparators"), labels, "name", advice="; give one of them a `name` of its own")
        keys = [segment if isinstance(segment, str) else segment.as_ for segment in route.segments]
        yield from _repeated((*place, "segments"), keys, None)


def _repeated(place: Path, names: Sequence[str], key: str | None, *, advice: str = "") -> Iterator[Problem]:
    for index, name in enumerate(names):
        first = names.index(name)
        if first != index:
            path = (*place, index) if key is None else (*place, index, key)
            yield Problem(path=path, text=f"{name} is taken by {place[-1]}[{first}]{advice or '; names are unique'}")
