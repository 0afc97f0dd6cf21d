"""The sections of the settings: keys, defaults, what each takes."""

from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, model_validator

from schemas.problem import Problem
from schemas.workload import WorkloadClass

Name = Annotated[str, Field(pattern=r"^[a-zA-Z0-9._-]+$", max_length=100)]
Positive = Annotated[int, Field(gt=0)]
Seconds = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(ge=0, le=1)]


def _auto_or_share(value: object) -> object:
    """Refuse in one sentence what the union would refuse in two."""
    try:
        good = value == "auto" or 0 <= float(str(value)) <= 1
    except ValueError:
        good = False
    if not good:
        raise ValueError("takes auto, or a part of the limit from 0 to 1")
    return value


Reserve = Annotated[Literal["auto"] | Share, BeforeValidator(_auto_or_share)]


class ConfigurationError(Problem):
    """The settings are wrong; each line names a key and what it takes."""

    exit_status = 2


def _secret(value: SecretStr, file: Path | None) -> str:
    if file is None:
        return value.get_secret_value()
    try:
        secret = file.read_text(encoding="utf-8").strip()
    except OSError as problem:
        raise ConfigurationError(f"{file}: {problem.strerror}") from None
    if not secret:  # would open the door that the file is there to close
        raise ConfigurationError(f"{file}: is empty")
    return secret


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class Section(BaseModel):
    """Base of all sections."""

    # Not strict: environment variables are text. Every wait has a bound: TOML knows `inf`.
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class App(Section):
    """The service as a whole."""

    name: Name = "headrace"
    tasks: tuple[str, ...] = ("agents.workloads",)
    max_event_bytes: Positive = 1_000_000
    drain_s: Seconds = 25


class Kafka(Section):
    """How to reach the brokers, and what new topics look like."""

    bootstrap_servers: Annotated[str, Field(min_length=1)] = "localhost:9092"
    partitions: Positive = 8
    replication_factor: Positive = 1
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "PLAIN"
    sasl_username: str = ""
    sasl_password: SecretStr = SecretStr("")
    sasl_password_file: Path | None = None
    ssl_cafile: Path | None = None
    ssl_certfile: Path | None = None
    ssl_keyfile: Path | None = None
    group_instance_id: str = ""

    @property
    def password(self) -> str:
        """The SASL password, from its file when one is named."""
        return _secret(self.sasl_password, self.sasl_password_file)


class Topics(Section):
    """Names of topics."""

    prefix: Annotated[str, Field(pattern=r"^[a-zA-Z0-9._-]*$", max_length=100)] = ""


class Store(Section):
    """Where state beside Kafka lives."""

    # It may hold a password, so no `repr` shows it.
    url: Annotated[str, Field(pattern=r"^(memory://|sqlite:.+|rediss?://.+)", repr=False)] = (
        "sqlite:headrace.db"
    )
    settled_retention_s: Positive = 604_800


class Ceiling(Section):
    """Limits of one model class, a minute."""

    requests_per_minute: Positive | None = None
    input_tokens_per_minute: Positive | None = None
    output_tokens_per_minute: Positive | None = None


class Limit(Ceiling):
    """A ceiling that several model ids share."""

    models: Annotated[tuple[str, ...], Field(min_length=1)]


class Budget(Section):
    """The shared rate allocation."""

    alert_at: Share = 0.8
    alert_hold_s: Annotated[float, Field(ge=0)] = 30
    max_usd_per_day: Annotated[float, Field(ge=0)] = 0
    limits: tuple[Limit, ...] = ()
    models: dict[str, Ceiling] = Field(default_factory=dict)

    @property
    def ceilings(self) -> tuple[Limit, ...]:
        """All limits; `models` is the short form for one model id each."""
        single = (Limit(models=(m,), **c.model_dump()) for m, c in self.models.items())
        return (*self.limits, *single)

    @model_validator(mode="after")
    def _one_ceiling_a_model(self) -> Self:
        named = [model for limit in self.ceilings for model in limit.models]
        if twice := {model for model in named if named.count(model) > 1}:
            raise ValueError(f"limits: {', '.join(sorted(twice))} is named twice")
        return self


class ClassSettings(Section):
    """One workload class."""

    model: Annotated[str, Field(min_length=1)] = "claude-haiku-5-5"
    deadline_s: Seconds
    expire_after_s: Annotated[float, Field(ge=0)] = 0
    max_in_flight: Positive = 1000
    timeout_s: Seconds
    max_buffered_bytes: Positive = 64 * 2**20
    reserve: Reserve = "auto"
    floor: Share = 0.05


class RealtimeSettings(ClassSettings):
    """Answers within seconds."""

    deadline_s: Seconds = 5
    timeout_s: Seconds = 30


class InteractiveSettings(ClassSettings):
    """Streamed answers, under ten seconds."""

    deadline_s: Seconds = 10
    timeout_s: Seconds = 60


class TransactionalSettings(ClassSettings):
    """Answers within minutes."""

    deadline_s: Seconds = 300
    timeout_s: Seconds = 120


class BatchSettings(ClassSettings):
    """Answers within hours."""

    deadline_s: Seconds = 86_400
    timeout_s: Seconds = 600


class Classes(Section):
    """The four classes."""

    realtime: RealtimeSettings = RealtimeSettings()
    interactive: InteractiveSettings = InteractiveSettings()
    transactional: TransactionalSettings = TransactionalSettings()
    batch: BatchSettings = BatchSettings()

    def of(self, workload: WorkloadClass) -> ClassSettings:
        """Return the settings of one class."""
        found: ClassSettings = getattr(self, workload.value)
        return found


class Replay(Section):
    """Dead letters sent again."""

    max_in_flight: Positive = 16


class Breaker(Section):
    """When a flood of dead letters stops."""

    ratio: Annotated[float, Field(gt=0, le=1)] = 0.5
    min_records: Positive = 200
    window_s: Seconds = 60


class Web(Section):
    """Health and metrics over HTTP."""

    host: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)] = 8321
    token: SecretStr = SecretStr("")
    token_file: Path | None = None

    @model_validator(mode="after")
    def _guarded(self) -> Self:
        if (
            not _is_loopback(self.host)
            and not self.token.get_secret_value()
            and not self.token_file
        ):
            raise ValueError(
                f"host {self.host} can be reached from outside: set token or token_file"
            )
        return self

    @property
    def bearer(self) -> str:
        """The token to ask for; empty: none."""
        return _secret(self.token, self.token_file)


class Log(Section):
    """What is written to stderr."""

    format: Literal["text", "json"] = "text"
