"""What can be told of a configuration, beyond its shape, without asking any other machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path as FilePath
from typing import get_args

from proxy.config.addresses import is_loopback, leads_to, parse_listen
from proxy.config.comparing import comparator_problems
from proxy.config.model import (
    BodySegment,
    BuiltInSegment,
    Config,
    DefaultTeacher,
    HeaderSegment,
    Limits,
    Route,
    StudentPrice,
)
from proxy.config.problems import Path, Problem, configuration_error
from proxy.config.reach import unreachable
from proxy.config.values import format_size

__all__ = ["check_config", "is_loopback", "parse_listen", "problems_of"]

PASSTHROUGH = "passthrough"
SQLITE = "sqlite:///"
UNMATCHED = "unmatched"
NOISE_FLOOR = "noise_floor"
TEACHER_REPLAY = "teacher_replay"
CREDENTIAL_HEADERS = frozenset(
    {
        "authorization",
        "proxy-authorization",
        "api-key",
        "x-api-key",
        "cookie",
        "openai-organization",
        "openai-project",
        "x-understudy-key",
    }
)
RESERVED_SEGMENTS = frozenset({"all", "teacher_version", *get_args(BuiltInSegment)}) - {"tags"}
# Segments whose values are known beforehand.
SEGMENT_VALUES = {
    "turn": ("first", "later", "after_tool"),
    "hour": ("00-06", "06-12", "12-18", "18-24"),
}
SHORTEST_RETENTION = 60.0


def check_config(config: Config) -> None:
    """Refuse what cannot work or must not be.

    Raises:
        ConfigurationError: a line for each problem, up to five, with the key path and what to change.
    """
    problems = problems_of(config)
    if problems:
        raise configuration_error(problems)


def problems_of(config: Config) -> list[Problem]:
    """All that ``check_config`` refuses."""
    problems = [*_listening(config), *_loops(config), *_store(config), *_limits(config.limits)]
    problems += comparator_problems(config)
    problems += unreachable(config.routes)
    for index, route in enumerate(config.routes):
        place: Path = ("routes", index)
        problems += [
            *_segments(route, place),
            *_required(route, place),
            *_also(route, place),
            *_noise_floor(route, place),
            *_sample(route, place),
        ]
        problems += _students(route, place)
        if route.name == UNMATCHED:
            text = f"{UNMATCHED} is what metrics call requests that no route matches; choose another name"
            problems.append(Problem(path=(*place, "name"), text=text))
        if route.retention < SHORTEST_RETENTION:
            problems.append(Problem(path=(*place, "retention"), text="must be 1m or more"))
    return problems


def _teachers(config: Config) -> Iterator[tuple[Path, DefaultTeacher]]:
    if config.teacher is not None:
        yield ("teacher",), config.teacher
    for index, route in enumerate(config.routes):
        yield ("routes", index, "teacher"), route.teacher


def _listening(config: Config) -> Iterator[Problem]:
    listen, admin = parse_listen(config.listen), parse_listen(config.admin.listen)
    if listen[1] == admin[1] != 0 and (listen[0] == admin[0] or "0.0.0.0" in (listen[0], admin[0])):  # noqa: S104 -- compared, not bound
        yield Problem(path=("admin", "listen"), text=f"{config.admin.listen} is the data plane's too; use another port")
    own_keys = any(teacher.api_key.get_secret_value() != PASSTHROUGH for _, teacher in _teachers(config))
    own_keys |= any(route.noise_floor is not None for route in config.routes)
    if own_keys and not is_loopback(listen[0]) and not config.access.keys:
        yield Problem(
            path=("listen",),
            text=f"{config.listen} lets anyone spend our own teacher key; give access.keys, or listen on 127.0.0.1",
        )
    tokens = config.admin.tokens
    given = [token.get_secret_value() for token in (tokens.read, tokens.label, tokens.admin) if token is not None]
    if not given and not is_loopback(admin[0]):
        yield Problem(
            path=("admin", "listen"),
            text=f"{config.admin.listen} is open to others; give admin.tokens, or listen on 127.0.0.1",
        )
    if len(set(given)) < len(given):
        yield Problem(path=("admin", "tokens"), text="must differ from each other: each may do other things")


def _loops(config: Config) -> Iterator[Problem]:
    urls = [((*place, "url"), teacher.url) for place, teacher in _teachers(config)]
    urls += [
        (("routes", index, "students", number, "url"), student.url)
        for index, route in enumerate(config.routes)
        for number, student in enumerate(route.students)
    ]
    for place, url in urls:
        if leads_to(url, config.listen):
            yield Problem(path=place, text=f"leads back to this proxy, which listens on {config.listen}")
        elif leads_to(url, config.admin.listen):
            yield Problem(path=place, text=f"leads to this proxy's admin plane on {config.admin.listen}")


def _store(config: Config) -> Iterator[Problem]:
    if not config.store.startswith(SQLITE):
        return
    file = FilePath(config.store.removeprefix(SQLITE))
    if file.is_dir():
        yield Problem(path=("store",), text=f"{file} is a folder; name a file in it")
    elif not file.parent.is_dir():
        yield Problem(path=("store",), text=f"there is no folder {file.parent}; make it")


def _limits(limits: Limits) -> Iterator[Problem]:
    if limits.capture > limits.capture_total:
        one, total = format_size(limits.capture), format_size(limits.capture_total)
        text = f"{one} is more than limits.capture_total, {total}, which is for all captures together"
        yield Problem(path=("limits", "capture"), text=text)


def _students(route: Route, place: Path) -> Iterator[Problem]:
    for index, student in enumerate(route.students):
        where = (*place, "students", index)
        if student.api_key is not None and student.api_key.get_secret_value() == PASSTHROUGH:
            text = f"{PASSTHROUGH} is for teachers: a client's key reaches no student"
            yield Problem(path=(*where, "api_key"), text=f"{text}; give the student's own, or leave it out")
        wrong = None if student.price is None else _wrong_price(student.price, embeddings=_embeddings_alone(route))
        if wrong:
            yield Problem(path=(*where, "price"), text=wrong)
        if student.budget.usd_per_day is not None and (student.price is None or student.price.per_hour is not None):
            text = "needs price: {input, output}, by which answers are paid for; requests_per_second needs none"
            yield Problem(path=(*where, "budget", "usd_per_day"), text=text)


def _sample(route: Route, place: Path) -> Iterator[Problem]:
    if not route.sampling.least:
        yield Problem(path=(*place, "sample"), text="all of it is 0, so nothing is ever shadowed")
    from_body = {segment.as_ for segment in route.segments if isinstance(segment, BodySegment)}
    for rule in route.sampling.rules:
        where = (*place, "sample", f"{rule.key}={rule.pattern}")
        if rule.key in from_body | RESERVED_SEGMENTS:
            text = f"{rule.key} is told from the whole exchange; sample goes by headers, tags and the model asked for"
            yield Problem(path=where, text=text)
        if rule.key.lower() in CREDENTIAL_HEADERS:
            yield Problem(path=where, text=f"{rule.key} holds a credential, which is never read for this")


def _noise_floor(route: Route, place: Path) -> Iterator[Problem]:
    if route.noise_floor is not None and route.teacher.replay_api_key is None:
        text = "needs teacher.replay_api_key, a key of your own: the client's is not kept to ask the teacher again with"
        yield Problem(path=(*place, "noise_floor"), text=text)
    key = route.teacher.replay_api_key
    if key is not None and key.get_secret_value() == PASSTHROUGH:
        text = f"{PASSTHROUGH} cannot be: the client's key is not kept to ask the teacher again with; give one of yours"
        yield Problem(path=(*place, "teacher", "replay_api_key"), text=text)
    if route.gate.relative_to == NOISE_FLOOR and route.noise_floor is None:
        text = "needs noise_floor, such as {share: 0.05}: else nobody knows how often the teacher agrees with itself"
        yield Problem(path=(*place, "gate", "relative_to"), text=text)
    for index, student in enumerate(route.students):
        if student.name == TEACHER_REPLAY:
            text = f"{TEACHER_REPLAY} is what the teacher's second answers are called; choose another name"
            yield Problem(path=(*place, "students", index, "name"), text=text)
    for index, use in enumerate(route.comparators):
        if use.label == NOISE_FLOOR:
            text = f"{NOISE_FLOOR} is what the teacher's agreement with itself is called; give it another `name`"
            yield Problem(path=(*place, "comparators", index), text=text)


def _wrong_price(price: StudentPrice, *, embeddings: bool) -> str | None:
    by_tokens = {"input": price.input, "output": price.output}
    given = [each for each in (*by_tokens.values(), price.cached_input) if each is not None]
    if price.per_hour is not None:
        return "per_hour stands alone: serving is paid by hours or by tokens" if given else None
    if not given:
        return "must be {input, output} or {per_hour}"
    lacking = [key for key, value in by_tokens.items() if value is None and not (embeddings and key == "output")]
    return f"without `{lacking[0]}` no cost is known; where none is paid for, write 0" if lacking else None


def _embeddings_alone(route: Route) -> bool:
    return (route.match.path or "").endswith("/embeddings")


def _segments(route: Route, place: Path) -> Iterator[Problem]:
    for index, segment in enumerate(route.segments):
        if isinstance(segment, str):
            continue
        where = (*place, "segments", index)
        if segment.as_ in RESERVED_SEGMENTS:
            yield Problem(path=(*where, "as"), text=f"{segment.as_} is a built-in segment; choose another key")
        if isinstance(segment, HeaderSegment) and segment.header.lower() in CREDENTIAL_HEADERS:
            yield Problem(path=(*where, "header"), text=f"{segment.header} holds a credential, which is never stored")


def _required(route: Route, place: Path) -> Iterator[Problem]:
    if route.gate.require == "auto" or "tags" in route.segments:  # a tag may have any key
        return
    keys = ["teacher_version", *(segment if isinstance(segment, str) else segment.as_ for segment in route.segments)]
    for index, entry in enumerate(route.gate.require):
        key, _, value = entry.partition("=")
        where = (*place, "gate", "require", index)
        if key not in keys:
            yield Problem(path=where, text=f"{key} is no segment of this route; it has {', '.join(keys)}")
        elif value not in SEGMENT_VALUES.get(key, (value,)):
            yield Problem(path=where, text=f"{key} has the values {', '.join(SEGMENT_VALUES[key])}; found {value}")


def _also(route: Route, place: Path) -> Iterator[Problem]:
    deciding, *others = (use.label for use in route.comparators)
    for name in route.gate.also:
        where = (*place, "gate", "also", name)
        if name == deciding:
            yield Problem(path=where, text=f"{name} decides agreement: its target is gate.agreement")
        elif name not in others:
            there = f"beside {deciding} it has {', '.join(others)}" if others else f"it has {deciding} alone"
            yield Problem(path=where, text=f"{name} is no comparator of this route; {there}")
