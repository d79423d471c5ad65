"""The configuration's models: every key, its type and its default, in one place.

Values are read once, by ``proxy.config.load``; nothing else reads files or the environment.  What a later version
brings is a field here only when the contract's default ("off") may be written today.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Annotated, Any, Literal, get_args

import msgspec
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    SecretStr,
    Tag,
    model_validator,
)

from proxy.config.sampling import Sampling, checked_key, sampling_of
from proxy.config.values import Listen, Number, PositiveDuration, Secret, Size, Truth, Url, Whole

NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
HEADER = r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$"
DAY = 86400.0


class Model(BaseModel):
    """Base of all of them: immutable, unknown keys refused, a key written without a value has its default."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _nothing_is_default(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        keys = {field.alias or name for name, field in cls.model_fields.items()}
        return {key: value for key, value in data.items() if value is not None or key not in keys}


class Tokens(Model):
    """Bearer tokens of the admin plane; each may do what those before it may."""

    read: Secret | None = Field(None, description="may read metrics, reports and pairs")
    label: Secret | None = Field(None, description="may also judge pairs and report outcomes")
    admin: Secret | None = Field(None, description="may do everything")


class Admin(Model):
    listen: Listen = Field("127.0.0.1:8081", description="metrics, health, API; every role serves one")
    tokens: Tokens = Field(Tokens(), description="needed where `listen` is not a loopback address")


class Match(Model):
    """Which requests belong to a route: all that is given must hold. Values are globs, case-sensitive."""

    path: str | None = Field(None, pattern=r"^[/*?\[]", description="the request's path, e.g. `/v1/chat/completions`")
    model: str | None = Field(None, min_length=1, description="the body's `model`, or the deployment in an Azure path")
    header: dict[Annotated[str, Field(pattern=HEADER)], str] = Field({}, description="request headers by name")


class TeacherPrice(Model):
    """USD per million tokens."""

    input: Number = Field(ge=0, description="a prompt's tokens")
    cached_input: Number | None = Field(None, ge=0, description="those of them that were cached; default: as `input`")
    output: Number = Field(ge=0, description="an answer's tokens, reasoning included")


class StudentPrice(Model):
    """USD per million tokens, or per hour of serving."""

    input: Number | None = Field(None, ge=0, description="a prompt's tokens")
    cached_input: Number | None = Field(None, ge=0, description="those of them that were cached; default: as `input`")
    output: Number | None = Field(None, ge=0, description="an answer's tokens")
    per_hour: Number | None = Field(None, ge=0, description="an hour of serving, whatever the load")


class DefaultTeacher(Model):
    url: Url = Field(description="base URL of the upstream")
    api_key: Secret = Field(SecretStr("passthrough"), description="`passthrough`: the client's own; or a key of ours")
    timeout: PositiveDuration = Field(600.0, description="to the first byte, and between bytes")


class Teacher(DefaultTeacher):
    replay_api_key: Secret | None = Field(
        None, description="a key of ours, for asking the teacher a second time; `noise_floor` needs it"
    )
    model: str | None = Field(
        None, min_length=1, description="rewrites the body's `model` (changes what the teacher gets)"
    )
    price: TeacherPrice | None = Field(None, description="USD per million tokens; known models are priced without it")


class Budget(Model):
    """Kept by asking about fewer of the sampled units, half of them at least; beyond that by pausing."""

    usd_per_day: Number | None = Field(
        None, gt=0, description="what the answers of a day (UTC) may cost, by `price`; default: no limit"
    )
    requests_per_second: Number | None = Field(
        None, gt=0, description="a mean, for each shadow worker; default: no limit"
    )

    @property
    def is_given(self) -> bool:
        return self != Budget()


class Student(Model):
    name: str = Field(pattern=NAME, description="unique within its route")
    version: str | None = Field(None, min_length=1, description="default: made from url, model, set and drop")
    url: Url = Field(description="base URL of the student's OpenAI-compatible server")
    api_key: Secret | None = Field(None, description="the student's own key; never the client's")
    model: str | None = Field(
        None, min_length=1, description="default: the only model that the student's /v1/models lists"
    )
    set: dict[str, Any] = Field({}, description="request fields to put")
    drop: list[str] = Field([], description="request fields to drop, beside those always dropped")
    timeout: PositiveDuration = Field(60.0, description="for the whole answer")
    max_age: PositiveDuration = Field(900.0, description="an exchange older than this is not asked any more")
    concurrency: Whole = Field(32, ge=1, le=1000, description="requests under way at once")
    ttft: Truth = Field(False, description="ask streamed, to measure the time to the first token")
    logprobs: bool = Field(False, description="ask for log-probabilities, where the surface has them")
    budget: Budget = Field(Budget(), description="default: none")
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

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        return [("use", self.use), ("name", self.name)]  # an option may be a key

    @property
    def label(self) -> str:
        return self.name or self.use

    @property
    def options(self) -> dict[str, Any]:
        return dict(self.model_extra or {})


class HeaderSegment(Model):
    header: str = Field(pattern=HEADER, description="name of a request header")
    as_: str = Field(alias="as", pattern=NAME, description="key of the segment")


class BodySegment(Model):
    body: str = Field(min_length=1, description="dotted path into the request body")
    as_: str = Field(alias="as", pattern=NAME, description="key of the segment")


# Those that need no more than their name.
BuiltInSegment = Literal["language", "length", "turn", "tools", "system_prompt", "hour", "label", "tags"]


def _segment_form(value: Any) -> str | None:
    if isinstance(value, HeaderSegment) or (isinstance(value, dict) and "header" in value):
        return "<header>"
    if isinstance(value, BodySegment) or (isinstance(value, dict) and "body" in value):
        return "<body>"
    return "<name>" if value in get_args(BuiltInSegment) else None


Segment = Annotated[
    Annotated[BuiltInSegment, Tag("<name>")]
    | Annotated[HeaderSegment, Tag("<header>")]
    | Annotated[BodySegment, Tag("<body>")],
    Discriminator(
        _segment_form,
        custom_error_type="segment",
        custom_error_message=f"must be {', '.join(get_args(BuiltInSegment))}, {{header: NAME, as: KEY}}"
        " or {body: PATH, as: KEY}",
    ),
]


def _require_form(value: Any) -> str | None:
    if isinstance(value, list):
        return "<list>"
    return "<auto>" if value == "auto" else None


def _key_and_value(text: str) -> str:
    key, equals, value = text.partition("=")
    if not (key and equals and value):
        raise ValueError("must be key=value, such as language=de")
    return text


Require = Annotated[
    Annotated[Literal["auto"], Tag("<auto>")]
    | Annotated[list[Annotated[str, AfterValidator(_key_and_value)]], Tag("<list>")],
    Discriminator(
        _require_form,
        custom_error_type="require",
        custom_error_message="must be auto, or a list such as [language=de, tenant=acme]",
    ),
]


class Gate(Model):
    agreement: Number = Field(0.95, gt=0, lt=1, description="the target")
    alpha: Number = Field(0.05, gt=0, lt=0.5, description="level of each one-sided bound")
    min_pairs: Whole = Field(300, ge=1, description="units before any verdict")
    min_days: Whole = Field(7, ge=0, description="full days of evidence before `promote`")
    require: Require = Field(
        "auto", description="segments that must pass: values with 1% of the units or more; or a list of key=value"
    )

    also: dict[str, Annotated[Number, Field(gt=0, lt=1)]] = Field(
        {}, description="targets of other comparators that must reach one too, by their names: `{format: 0.99}`"
    )

    relative_to: Literal["absolute", "noise_floor"] = Field(
        "absolute", description="`noise_floor`: asks for agreement within `margin` of the teacher's with itself"
    )
    margin: Number = Field(0.03, ge=0, lt=1, description="how far under the noise floor agreement may be")

    @property
    def required_segments(self) -> tuple[tuple[str, str], ...] | None:
        """What ``require`` names, as (key, value) each; None for ``auto``."""
        if self.require == "auto":
            return None
        return tuple((key, value) for key, _, value in (text.partition("=") for text in self.require))


def _off_is_none(value: Any) -> Any:
    return None if value is False or value == "off" else value


class NoiseFloor(Model):
    """How often the teacher agrees with itself."""

    share: Number = Field(gt=0, le=1, description="of the shadowed units, on which the teacher is asked a second time")
    usd_per_day: Number | None = Field(
        None, gt=0, description="what that may cost, where prices are known; default: no limit"
    )


Sample = Annotated[
    Annotated[Number, Field(gt=0, le=1), Tag("<share>")]
    | Annotated[
        dict[Annotated[str, AfterValidator(checked_key)], Annotated[Number, Field(ge=0, le=1)]], Tag("<rules>")
    ],
    Discriminator(lambda value: "<rules>" if isinstance(value, dict) else "<share>"),
]


class Route(Model):
    name: str = Field(pattern=NAME, description="unique")
    match: Match = Field(Match(), description="which requests belong to the route; without it all do")
    teacher: Teacher = Field(description="the model whose answer the client gets")
    students: list[Student] = Field([], description="may be empty: then exchanges are kept")
    sample: Sample = Field(
        1.0,
        description="share of units shadowed, more than 0, 1 or less; or shares by header, tag or model:"
        ' `{default: 0.1, "tenant=acme": 1.0}`',
    )
    comparators: list[ComparatorUse] = Field(
        [ComparatorUse(use="auto")],
        min_length=1,
        description="the first decides agreement; the others are reported beside it",
    )
    segments: list[Segment] = Field(["language", "length", "turn"], description="how the traffic is sliced")
    noise_floor: Annotated[NoiseFloor | None, BeforeValidator(_off_is_none)] = Field(
        None, description="default: off, the teacher is never asked a second time"
    )
    gate: Gate = Field(Gate(), description="what a student must reach to be promoted")
    redact: list[Literal["email", "phone", "card", "iban", "secret"]] = Field(
        ["secret"], description="what is taken out of stored text"
    )
    retention: PositiveDuration = Field(30 * DAY, description="of text; counts stay")

    @property
    def sampling(self) -> Sampling:
        return sampling_of(self.sample)


class Access(Model):
    keys: list[Secret] = Field([], description="if any are given, clients must present one")


class Limits(Model):
    body: Size = Field(32 * 2**20, description="of a request body that `match` must read")
    capture: Size = Field(
        4 * 2**20, description="of one exchange, request and answer together, as they are on the wire"
    )
    capture_total: Size = Field(256 * 2**20, description="of all captures in a relay's memory")
    decoded: Size = Field(16 * 2**20, description="of one body once decompressed")
    journal: Size = Field(10 * 2**30, description="of the journal on disk")


class Config(Model):
    listen: Listen = Field("127.0.0.1:8080", description="data plane")
    admin: Admin = Field(Admin(), description="admin plane")
    store: str = Field(
        "sqlite:///understudy.db", pattern=r"^sqlite:///.", description="where pairs and counts are kept"
    )
    journal: Literal["embedded"] = Field("embedded", description="the durable queue between relay and shadow workers")
    workers: Whole = Field(1, ge=1, le=64, description="relay processes")
    teacher: DefaultTeacher | None = Field(None, description="for requests that no route matches")
    routes: list[Route] = Field([], description="the first that matches a request has it")
    access: Access = Field(Access(), description="who may use the data plane")
    limits: Limits = Field(Limits(), description="bounds on memory and disk")
