"""The configuration's models: every key, its type and its default, in one place.

Values are read once, by ``proxy.config.load``; nothing else reads files or the environment.  What a later version
brings is a field here only when the contract's default ("off") may be written today.
"""

from __future__ import annotations

import hashlib
from typing import Any, Literal

import msgspec
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from proxy.config.values import Duration, Size


class Model(BaseModel):
    """Base of all of them: immutable, unknown keys refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Tokens(Model):
    """Bearer tokens of the admin plane; each may do what those before it may."""

    read: SecretStr | None = Field(None, description="may read metrics, reports and pairs")
    label: SecretStr | None = Field(None, description="may also judge pairs and report outcomes")
    admin: SecretStr | None = Field(None, description="may do everything")


class Admin(Model):
    listen: str = Field("127.0.0.1:8081", description="metrics, health, API; every role serves one")
    tokens: Tokens = Field(Tokens(), description="needed where `listen` is not a loopback address")


class Match(Model):
    """Which requests belong to a route: all that is given must hold. Values are globs, case-sensitive."""

    path: str | None = Field(None, description="the request's path, e.g. `/v1/chat/completions`")
    model: str | None = Field(None, description="the body's `model`, or the deployment in an Azure path")
    header: dict[str, str] = Field({}, description="request headers by name")


class TeacherPrice(Model):
    """USD per million tokens."""

    input: float = Field(ge=0)
    cached_input: float | None = Field(None, ge=0)
    output: float = Field(ge=0)


class StudentPrice(Model):
    """USD per million tokens, or per hour of serving."""

    input: float | None = Field(None, ge=0)
    cached_input: float | None = Field(None, ge=0)
    output: float | None = Field(None, ge=0)
    per_hour: float | None = Field(None, ge=0)


class DefaultTeacher(Model):
    url: str = Field(description="base URL of the upstream for requests that no route matches")
    api_key: SecretStr = Field(
        SecretStr("passthrough"), description="`passthrough`: the client's own; or a key of ours"
    )
    timeout: Duration = Field(600.0, description="to the first byte, and between bytes")


class Teacher(DefaultTeacher):
    url: str = Field(description="base URL of the upstream")
    model: str | None = Field(None, description="rewrites the body's `model` (changes what the teacher gets)")
    price: TeacherPrice | None = Field(None, description="USD per million tokens; known models are priced without it")


class Student(Model):
    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", description="unique within its route")
    version: str | None = Field(None, min_length=1, description="default: made from url, model, set and drop")
    url: str = Field(description="base URL of the student's OpenAI-compatible server")
    api_key: SecretStr | None = Field(None, description="the student's own key; never the client's")
    model: str | None = Field(None, description="default: the only model that the student's /v1/models lists")
    set: dict[str, Any] = Field({}, description="request fields to put")
    drop: list[str] = Field([], description="request fields to drop, beside those always dropped")
    timeout: Duration = Field(60.0, description="for the whole answer")
    max_age: Duration = Field(900.0, description="an exchange older than this is not asked any more")
    concurrency: int = Field(32, ge=1, le=1000, description="requests under way at once")
    ttft: bool = Field(False, description="ask streamed, to measure the time to the first token")
    price: StudentPrice | None = Field(None, description="without it no saving is claimed")

    @property
    def base_version(self) -> str:
        """The version as configured, or a fingerprint of all that decides what the student answers."""
        if self.version is not None:
            return self.version
        parts = [self.url.rstrip("/"), self.model, self.set, sorted(self.drop)]
        return hashlib.sha256(msgspec.json.encode(parts, order="deterministic")).hexdigest()[:12]


class ComparatorUse(BaseModel):
    """A comparator of a route. Every key but these two is an option of the comparator."""

    model_config = ConfigDict(extra="allow", frozen=True)

    use: str = Field(
        description="a built-in name, an entry point of `understudy.comparators`, or `package.module:Class`"
    )
    name: str | None = Field(None, min_length=1, description="what scores are filed under; default: `use`")

    @property
    def label(self) -> str:
        return self.name or self.use

    @property
    def options(self) -> dict[str, Any]:
        return dict(self.model_extra or {})


class HeaderSegment(Model):
    header: str
    as_: str = Field(alias="as", min_length=1)


class BodySegment(Model):
    body: str = Field(description="dotted path into the request body")
    as_: str = Field(alias="as", min_length=1)


Segment = Literal["language", "length", "turn", "tags"] | HeaderSegment | BodySegment


class Gate(Model):
    agreement: float = Field(0.95, gt=0, lt=1, description="the target")
    alpha: float = Field(0.05, gt=0, lt=0.5, description="level of each one-sided bound")
    min_pairs: int = Field(300, ge=1, description="units before any verdict")
    min_days: int = Field(7, ge=0, description="full days of evidence before `promote`")
    require: Literal["auto"] | list[str] = Field(
        "auto", description="segments that must pass: values with 1% of the units or more; or a list of key=value"
    )


class Route(Model):
    name: str = Field(min_length=1, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    match: Match = Match()
    teacher: Teacher
    students: list[Student] = Field([], description="may be empty: then exchanges are kept")
    sample: float = Field(1.0, gt=0, le=1, description="share of units shadowed")
    comparators: list[ComparatorUse] = Field(
        [ComparatorUse(use="text", agree_at=0.8)],
        min_length=1,
        description="the first decides agreement; the others are reported beside it",
    )
    segments: list[Segment] = Field(["language", "length", "turn"], description="how the traffic is sliced")
    gate: Gate = Gate()
    redact: list[Literal["email", "phone", "card", "iban", "secret"]] = Field(
        ["secret"], description="what is taken out of stored text"
    )
    retention: Duration = Field(30 * 86400.0, description="of text; counts stay")


class Access(Model):
    keys: list[SecretStr] = Field([], description="if any are given, clients must present one")


class Limits(Model):
    body: Size = Field(32 * 2**20, description="of a request body that `match` must read")
    capture: Size = Field(
        4 * 2**20, description="of one exchange, request and answer together, as they are on the wire"
    )
    capture_total: Size = Field(256 * 2**20, description="of all captures in a relay's memory")
    decoded: Size = Field(16 * 2**20, description="of one body once decompressed")
    journal: Size = Field(10 * 2**30, description="of the journal on disk")


class Config(Model):
    listen: str = Field("127.0.0.1:8080", description="data plane")
    admin: Admin = Admin()
    store: str = Field("sqlite:///understudy.db", description="where pairs and counts are kept")
    journal: Literal["embedded"] = Field("embedded", description="the durable queue between relay and shadow workers")
    workers: int = Field(1, ge=1, le=64, description="relay processes")
    teacher: DefaultTeacher | None = Field(None, description="for requests that no route matches")
    routes: list[Route] = []
    access: Access = Access()
    limits: Limits = Limits()
