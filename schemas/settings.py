"""The settings tree: defaults, one TOML file, environment overrides. Validated once."""

import os
import tomllib
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from schemas.problem import Problem
from schemas.workload import WorkloadClass

PREFIX = "HEADRACE_"
CONFIG_VARIABLE = "HEADRACE_CONFIG"
DEFAULT_FILE = "headrace.toml"

Name = Annotated[str, Field(pattern=r"^[a-zA-Z0-9._-]+$", max_length=100)]
Positive = Annotated[int, Field(gt=0)]
Seconds = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(ge=0, le=1)]


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


class _Section(BaseModel):
    # Not strict: environment variables are text. Every wait has a bound: TOML knows `inf`.
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class App(_Section):
    """The service as a whole."""

    name: Name = "headrace"
    tasks: tuple[str, ...] = ("agents.workloads",)
    max_event_bytes: Positive = 1_000_000
    drain_s: Seconds = 25


class Kafka(_Section):
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


class Topics(_Section):
    """Names of topics."""

    prefix: Annotated[str, Field(pattern=r"^[a-zA-Z0-9._-]*$", max_length=100)] = ""


class Store(_Section):
    """Where state beside Kafka lives."""

    url: Annotated[str, Field(pattern=r"^(memory://|sqlite:.+|rediss?://.+)")] = (
        "sqlite:headrace.db"
    )
    settled_retention_s: Positive = 604_800


class Ceiling(_Section):
    """Limits of one model class, a minute."""

    requests_per_minute: Positive | None = None
    input_tokens_per_minute: Positive | None = None
    output_tokens_per_minute: Positive | None = None


class Limit(Ceiling):
    """A ceiling that several model ids share."""

    models: Annotated[tuple[str, ...], Field(min_length=1)]


class Budget(_Section):
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


class ClassSettings(_Section):
    """One workload class."""

    model: Annotated[str, Field(min_length=1)] = "claude-haiku-5-5"
    deadline_s: Seconds
    expire_after_s: Annotated[float, Field(ge=0)] = 0
    max_in_flight: Positive = 1000
    timeout_s: Seconds
    max_buffered_bytes: Positive = 64 * 2**20
    reserve: Literal["auto"] | Share = "auto"
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


class Classes(_Section):
    """The four classes."""

    realtime: RealtimeSettings = RealtimeSettings()
    interactive: InteractiveSettings = InteractiveSettings()
    transactional: TransactionalSettings = TransactionalSettings()
    batch: BatchSettings = BatchSettings()

    def of(self, workload: WorkloadClass) -> ClassSettings:
        """Return the settings of one class."""
        found: ClassSettings = getattr(self, workload.value)
        return found


class Replay(_Section):
    """Dead letters sent again."""

    max_in_flight: Positive = 16


class Breaker(_Section):
    """When a flood of dead letters stops."""

    ratio: Annotated[float, Field(gt=0, le=1)] = 0.5
    min_records: Positive = 200
    window_s: Seconds = 60


class Web(_Section):
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


class Log(_Section):
    """What is written to stderr."""

    format: Literal["text", "json"] = "text"


class Settings(BaseSettings):
    """Everything a worker is told. Read with `load`, never built by hand outside tests."""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", env_prefix=PREFIX, env_nested_delimiter="__"
    )

    app: App = App()
    kafka: Kafka = Kafka()
    topics: Topics = Topics()
    store: Store = Store()
    budget: Budget = Budget()
    classes: Classes = Classes()
    replay: Replay = Replay()
    breaker: Breaker = Breaker()
    web: Web = Web()
    log: Log = Log()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let the environment win over the file."""
        del settings_cls, dotenv_settings, file_secret_settings
        return env_settings, init_settings


def config_file(given: Path | None, environ: Mapping[str, str] = os.environ) -> Path | None:
    """Which file counts: the given one, `HEADRACE_CONFIG`, else `./headrace.toml` if present."""
    if given or environ.get(CONFIG_VARIABLE):
        return given or Path(environ[CONFIG_VARIABLE])
    default = Path(DEFAULT_FILE)
    return default if default.exists() else None


def load(given: Path | None = None) -> Settings:
    """Read file and environment. Raises ConfigurationError with one line a problem."""
    file = config_file(given)
    values = _read(file) if file else {}
    if unknown := _unknown_variables(os.environ):
        raise ConfigurationError("\n".join(f"{name}: no such setting" for name in unknown))
    try:
        return _absolute(Settings(**values), file.resolve().parent if file else Path.cwd())
    except ValidationError as problem:
        raise ConfigurationError("\n".join(map(_line, problem.errors()))) from None
    except SettingsError as problem:
        raise ConfigurationError(f"environment: {problem}; tables and lists are JSON") from None


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as problem:
        raise ConfigurationError(f"{file}: {problem.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise ConfigurationError(f"{file}: not valid TOML: {problem}") from None


def _unknown_variables(environ: Mapping[str, str]) -> list[str]:
    """Names with our prefix that no section answers to; keys in a section pydantic checks."""
    mine = (n for n in environ if n.upper().startswith(PREFIX) and n.upper() != CONFIG_VARIABLE)
    sections = Settings.model_fields
    return sorted(
        n for n in mine if n.upper().removeprefix(PREFIX).split("__")[0].lower() not in sections
    )


def _line(error: Any) -> str:  # noqa: ANN401 - pydantic's ErrorDetails is a partial TypedDict
    key = ".".join(map(str, error["loc"])) or "settings"
    # The address of a store may hold a password; so may a section that is not a table.
    secret = error["loc"][-1:] == ("url",) or any(word in key for word in ("token", "password"))
    plain = len(error["loc"]) > 1 and not isinstance(error["input"], dict | list)
    got = f", not {error['input']!r}" if plain and not secret else ""
    if error["type"] == "extra_forbidden":
        return f"{key}: no such setting"
    return f"{key}: {error['msg'].removeprefix('Value error, ')}{got}"


def _absolute(settings: Settings, folder: Path) -> Settings:
    """Resolve relative paths against the folder of the configuration file."""

    def rooted(section: _Section, *names: str) -> dict[str, Path]:
        found = {name: getattr(section, name) for name in names}
        return {name: folder / path for name, path in found.items() if path is not None}

    files = ("sasl_password_file", "ssl_cafile", "ssl_certfile", "ssl_keyfile")
    url = settings.store.url
    if url.startswith("sqlite:"):
        url = f"sqlite:{folder / url.removeprefix('sqlite:')}"
    return settings.model_copy(
        update={
            "kafka": settings.kafka.model_copy(update=rooted(settings.kafka, *files)),
            "web": settings.web.model_copy(update=rooted(settings.web, "token_file")),
            "store": settings.store.model_copy(update={"url": url}),
        }
    )
