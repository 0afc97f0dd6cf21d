"""The settings tree: defaults, one TOML file, environment overrides. Validated once."""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from schemas.sections import (
    App,
    Breaker,
    Budget,
    Classes,
    ConfigurationError,
    Kafka,
    Log,
    Replay,
    Section,
    Store,
    Topics,
    Web,
)
from schemas.variables import CONFIG_VARIABLE, PREFIX, named, not_json, origins

DEFAULT_FILE = "headrace.toml"
MASK = "**********"
_SECRET = frozenset({"url", "token", "token_file"})


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
        lines = (_line(error) + _origin(error) for error in problem.errors())
        raise ConfigurationError("\n".join(lines)) from None
    except SettingsError as problem:
        wrong = ", ".join(not_json(Settings, os.environ)) or str(problem)
        raise ConfigurationError(f"environment: {wrong}: tables and lists are JSON") from None


def masked(settings: Settings) -> dict[str, Any]:
    """Return the settings as plain data for people to see; no secret is in it."""
    shown = settings.model_dump(mode="json")
    scheme, slashes, rest = settings.store.url.partition("://")
    address, _, query = rest.partition("?")
    if "@" in query:  # nobody can say where a password ends that holds both
        address, query = MASK, ""
    if "@" in address:
        address = f"{MASK}@{address.rpartition('@')[2]}"
    if query:
        address += f"?{MASK}"
    shown["store"]["url"] = scheme + slashes + address
    return shown


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as problem:
        raise ConfigurationError(f"{file}: {problem.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise ConfigurationError(f"{file}: not valid TOML: {problem}") from None


def _unknown_variables(environ: Mapping[str, str]) -> list[str]:
    """Names with our prefix that no section answers to; keys in a section pydantic checks."""
    return [name for name, path in named(environ) if path[0] not in Settings.model_fields]


def _line(error: Any) -> str:  # noqa: ANN401 - pydantic's ErrorDetails is a partial TypedDict
    key = ".".join(map(str, error["loc"])) or "settings"
    # The address of a store may hold a password; so may a section that is not a table.
    secret = "password" in key or not _SECRET.isdisjoint(error["loc"])
    plain = len(error["loc"]) > 1 and not isinstance(error["input"], dict | list)
    got = f", not {error['input']!r}" if plain and not secret else ""
    if error["type"] == "extra_forbidden":
        return f"{key}: no such setting"
    return f"{key}: {error['msg'].removeprefix('Value error, ')}{got}"


def _origin(error: Any) -> str:  # noqa: ANN401 - as above
    """Name the variables that a wrong value came from; nothing when it stands in the file."""
    found = origins(error["loc"], os.environ)
    return f" (from {', '.join(found)})" if found else ""


def _absolute(settings: Settings, folder: Path) -> Settings:
    """Resolve relative paths against the folder of the configuration file."""

    def rooted(section: Section, *names: str) -> dict[str, Path]:
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
