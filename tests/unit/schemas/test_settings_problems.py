import os
from pathlib import Path

import pytest

from schemas.sections import ConfigurationError
from schemas.settings import load, masked

SECRET = "hunter2-very-secret"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.upper().startswith("HEADRACE")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def problem(text: str) -> str:
    """Return what is said about this configuration file."""
    Path("headrace.toml").write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        load()
    assert caught.value.exit_status == 2
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[app]\nnmae = 'x'", "app.nmae: no such setting"),
        ("[surprise]\nx = 1", "surprise: no such setting"),
        ("[classes.bulk]\nmodel = 'm'", "classes.bulk: no such setting"),
        ("[classes.batch]\nspeed = 1", "classes.batch.speed: no such setting"),
        ("[app]\ndrain_s = 0", "app.drain_s: Input should be greater than 0, not 0"),
        ("[kafka]\npartitions = 'many'", "kafka.partitions: Input should be a valid integer"),
        ("[log]\nformat = 'xml'", "log.format: Input should be 'text' or 'json', not 'xml'"),
        ("[web]\nport = 70000", "web.port: Input should be less than or equal to 65535"),
        ("[store]\nurl = 'mysql://x'", "store.url: String should match pattern"),
        ("[app]\nname = 'two words'", "app.name: String should match pattern"),
        ("[budget]\nalert_at = 1.5", "budget.alert_at: Input should be less than or equal to 1"),
        ("[[budget.limits]]\nrequests_per_minute = 5", "budget.limits.0.models: Field required"),
        ("[[budget.limits]]\nmodels = []", "budget.limits.0.models: Tuple should have at least 1"),
        ("app = 5", "app: Input should be a valid dictionary"),
    ],
)
def test_each_problem_names_its_key_and_what_it_takes(text: str, expected: str) -> None:
    found = problem(text)
    assert found.startswith(expected)
    assert len(found.splitlines()) == 1


def test_two_problems_are_two_lines() -> None:
    found = problem("[app]\nnmae = 1\n[web]\nport = -1").splitlines()
    assert [line.partition(":")[0] for line in found] == ["app.nmae", "web.port"]


@pytest.mark.parametrize("key", ["drain_s", "max_event_bytes"])
@pytest.mark.parametrize("number", ["inf", "nan", "-inf", "-1"])
def test_every_setting_has_a_bound(key: str, number: str) -> None:
    assert problem(f"[app]\n{key} = {number}").startswith(f"app.{key}: ")


def test_model_in_two_limits_is_named() -> None:
    twice = "[[budget.limits]]\nmodels = ['a', 'b']\n[budget.models.b]\nrequests_per_minute = 1"
    assert problem(twice) == "budget: limits: b is named twice"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "worker.example"])
def test_address_from_outside_wants_a_token(host: str) -> None:
    found = problem(f"[web]\nhost = '{host}'")
    assert found == f"web: host {host} can be reached from outside: set token or token_file"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_loopback_needs_no_token(host: str) -> None:
    Path("headrace.toml").write_text(f"[web]\nhost = '{host}'")
    assert load().web.bearer == ""


@pytest.mark.parametrize("text", ["[app", "name = ", "a = 1\na = 2", "\x00"])
def test_broken_toml_is_one_line(text: str) -> None:
    assert problem(text).startswith("headrace.toml: not valid TOML: ")


def test_file_that_is_not_utf8_is_named() -> None:
    Path("headrace.toml").write_bytes(b"[app]\nname = '\xff'")
    with pytest.raises(ConfigurationError, match=r"headrace\.toml: not valid TOML"):
        load()


def test_missing_file_is_named() -> None:
    with pytest.raises(ConfigurationError, match=r"absent\.toml: No such file"):
        load(Path("absent.toml"))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("HEADRACE_KAFAK__PARTITIONS", "HEADRACE_KAFAK__PARTITIONS: no such setting"),
        ("HEADRACE_PORT", "HEADRACE_PORT: no such setting"),
        ("HEADRACE_CONFG", "HEADRACE_CONFG: no such setting"),
        ("headrace_x", "headrace_x: no such setting"),
        ("HEADRACE_WEB__PROT", "web.prot: no such setting"),
        ("HEADRACE_CLASSES__BATCH__SPEED", "classes.batch.speed: no such setting"),
        ("HEADRACE_APP__NAME__DEEPER", "app.name: Input should be a valid string"),
        ("HEADRACE_WEB__PORT", "web.port: Input should be a valid integer"),
        ("HEADRACE_APP__TASKS", "environment: "),
        ("HEADRACE_APP", "environment: "),
    ],
)
def test_mistyped_variables_are_named(
    monkeypatch: pytest.MonkeyPatch, name: str, expected: str
) -> None:
    monkeypatch.setenv(name, "not{json")
    with pytest.raises(ConfigurationError) as caught:
        load()
    assert str(caught.value).startswith(expected)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HEADRACE_WEB__TOKEN", f'{{"x":"{SECRET}"}}'),
        ("HEADRACE_WEB__TOKEN__X", SECRET),
        ("HEADRACE_KAFKA__SASL_PASSWORD__X", SECRET),
        ("HEADRACE_KAFKA", f'"{SECRET}"'),
        ("HEADRACE_KAFKA", f'{{"sasl_password": {SECRET}'),
        ("HEADRACE_KAFKA", f'["{SECRET}"]'),
        ("HEADRACE_KAFKA", f'{{"sasl_password":["{SECRET}"]}}'),
        ("HEADRACE_STORE__URL", f"redsi://:{SECRET}@host/0"),
    ],
)
def test_no_secret_in_what_is_said_about_it(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    Path("headrace.toml").write_text("[web]\nport = -1")
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError) as caught:
        load()
    assert SECRET not in str(caught.value)


def test_secrets_are_masked_wherever_settings_are_shown() -> None:
    text = f"[kafka]\nsasl_password = '{SECRET}'\n[web]\ntoken = '{SECRET}'"
    Path("headrace.toml").write_text(text)
    settings = load()
    shown = repr(settings) + str(settings) + settings.model_dump_json() + str(settings.model_dump())
    assert SECRET not in shown
    assert settings.kafka.password == settings.web.bearer == SECRET


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://host:6379/0", "redis://host:6379/0"),
        ("sqlite:/data/headrace.db", "sqlite:/data/headrace.db"),
        (f"redis://:{SECRET}@host/0", "redis://**********@host/0"),
        (f"rediss://user:a/{SECRET}@host:6379/0", "rediss://**********@host:6379/0"),
        (f"redis://user:{SECRET}@{SECRET}@host/0", "redis://**********@host/0"),
        (f"redis://user:?{SECRET}@host/0", "redis://**********"),
        (f"redis://host/0?password={SECRET}", "redis://host/0?**********"),
        (f"redis://host/0?password=se@{SECRET}", "redis://**********"),
        (
            f"redis://u:{SECRET}@host/0?password={SECRET}",
            "redis://**********@host/0?**********",
        ),
    ],
)
def test_password_of_the_store_is_masked_and_its_host_is_shown(
    monkeypatch: pytest.MonkeyPatch, url: str, shown: str
) -> None:
    monkeypatch.setenv("HEADRACE_STORE__URL", url)
    settings = load()
    assert settings.store.url == url
    assert masked(settings)["store"]["url"] == shown
    assert SECRET not in str(masked(settings))


def test_secret_comes_from_its_file_when_one_is_named() -> None:
    Path("token").write_text(f" {SECRET}\n")
    Path("headrace.toml").write_text("[web]\nhost = '0.0.0.0'\ntoken_file = 'token'")
    assert load().web.bearer == SECRET


def test_empty_secret_file_does_not_open_the_door() -> None:
    Path("token").write_text("\n")
    Path("headrace.toml").write_text("[web]\nhost = '0.0.0.0'\ntoken_file = 'token'")
    with pytest.raises(ConfigurationError, match="token: is empty"):
        _ = load().web.bearer


def test_missing_secret_file_is_named() -> None:
    Path("headrace.toml").write_text("[kafka]\nsasl_password_file = 'absent'")
    with pytest.raises(ConfigurationError, match="absent: No such file"):
        _ = load().kafka.password


def test_password_of_the_store_is_in_no_repr(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADRACE_STORE__URL", f"redis://:{SECRET}@host/0")
    settings = load()
    assert SECRET not in f"{settings!r} {settings} {settings.store!r}"
