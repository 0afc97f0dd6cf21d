import os
from pathlib import Path
from typing import Any

import pytest

from schemas.settings import Settings, config_file, load
from schemas.workload import WORKLOADS, WorkloadClass

EVERY_SECTION = """
[app]
name = "acme"
tasks = ["agents.workloads", "acme.tasks"]
max_event_bytes = 5000
drain_s = 2.5
[kafka]
bootstrap_servers = "a:1,b:2"
security_protocol = "SASL_SSL"
sasl_mechanism = "SCRAM-SHA-512"
sasl_username = "me"
group_instance_id = "worker-1"
[topics]
prefix = "eu."
[store]
url = "redis://cache:6379/0"
[budget]
alert_at = 0.5
[[budget.limits]]
models = ["claude-haiku-5-5", "claude-sonnet-5-5"]
requests_per_minute = 1000
[classes.realtime]
model = "claude-sonnet-5-5"
reserve = 0.1
[classes.batch]
max_in_flight = 7
[replay]
max_in_flight = 2
[breaker]
ratio = 0.9
[web]
port = 0
[log]
format = "json"
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.upper().startswith("HEADRACE")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def written(folder: Path, text: str) -> Path:
    file = folder / "conf" / "any.toml"
    file.parent.mkdir()
    file.write_text(text)
    return file


def value(settings: Settings, path: str) -> Any:  # noqa: ANN401 - a setting of any type
    found: Any = settings
    for name in path.split("."):
        found = getattr(found, name)
    return found


def test_defaults_are_those_of_the_contract() -> None:
    settings = load()
    assert (settings.app.name, settings.app.tasks) == ("headrace", ("agents.workloads",))
    assert (settings.app.max_event_bytes, settings.app.drain_s) == (1_000_000, 25)
    assert (settings.kafka.partitions, settings.kafka.replication_factor) == (8, 1)
    assert (settings.budget.alert_at, settings.budget.ceilings) == (0.8, ())
    assert (settings.web.host, settings.web.port) == ("127.0.0.1", 8321)
    assert settings.store.settled_retention_s == 604_800


@pytest.mark.parametrize("workload", WorkloadClass)
def test_class_settings_agree_with_the_table_of_classes(workload: WorkloadClass) -> None:
    of_class, row = load().classes.of(workload), WORKLOADS[workload]
    assert (of_class.deadline_s, of_class.timeout_s) == (row.deadline_s, row.timeout_s)
    assert of_class.model == "claude-haiku-5-5"


def test_every_section_is_read_from_the_file(folder: Path) -> None:
    settings = load(written(folder, EVERY_SECTION))
    assert settings.app.tasks == ("agents.workloads", "acme.tasks")
    assert settings.kafka.sasl_mechanism == "SCRAM-SHA-512"
    assert settings.topics.prefix == "eu."
    assert settings.store.url == "redis://cache:6379/0"
    assert settings.budget.limits[0].requests_per_minute == 1000
    assert settings.classes.realtime.reserve == 0.1
    assert settings.classes.batch.max_in_flight == 7
    assert (settings.replay.max_in_flight, settings.breaker.ratio) == (2, 0.9)
    assert (settings.web.port, settings.log.format) == (0, "json")


def test_a_class_that_the_file_changes_keeps_its_other_defaults(folder: Path) -> None:
    batch = load(written(folder, EVERY_SECTION)).classes.batch
    assert (batch.deadline_s, batch.timeout_s, batch.floor) == (86_400, 600, 0.05)


@pytest.mark.parametrize(
    ("name", "text", "path", "expected"),
    [
        ("HEADRACE_APP__NAME", "env", "app.name", "env"),
        ("headrace_app__drain_s", "3", "app.drain_s", 3),
        ("HEADRACE_KAFKA__PARTITIONS", "2", "kafka.partitions", 2),
        ("HEADRACE_CLASSES__BATCH__TIMEOUT_S", "9.5", "classes.batch.timeout_s", 9.5),
        ("HEADRACE_CLASSES__BATCH__RESERVE", "0.25", "classes.batch.reserve", 0.25),
        ("HEADRACE_CLASSES__BATCH__RESERVE", "auto", "classes.batch.reserve", "auto"),
        ("HEADRACE_APP__TASKS", '["mine"]', "app.tasks", ("mine",)),
        ("HEADRACE_APP", '{"name":"json"}', "app.name", "json"),
        ("HEADRACE_LOG__FORMAT", "json", "log.format", "json"),
    ],
)
def test_environment_wins_over_the_file(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    text: str,
    path: str,
    expected: object,
) -> None:
    monkeypatch.setenv(name, text)
    assert value(load(written(folder, EVERY_SECTION)), path) == expected


def test_environment_leaves_the_rest_of_a_section_to_the_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADRACE_APP__NAME", "env")
    monkeypatch.setenv("HEADRACE_BUDGET__MODELS", '{"m":{"output_tokens_per_minute":9}}')
    settings = load(written(folder, EVERY_SECTION))
    assert settings.app.max_event_bytes == 5000
    both = [limit.models for limit in settings.budget.ceilings]
    assert both == [("claude-haiku-5-5", "claude-sonnet-5-5"), ("m",)]


def test_given_file_counts_before_the_variable_and_the_variable_before_the_folder(
    folder: Path,
) -> None:
    assert config_file(None, {}) is None
    (folder / "headrace.toml").touch()
    assert config_file(None, {}) == Path("headrace.toml")
    assert config_file(None, {"HEADRACE_CONFIG": ""}) == Path("headrace.toml")
    assert config_file(None, {"HEADRACE_CONFIG": "a.toml"}) == Path("a.toml")
    assert config_file(Path("b.toml"), {"HEADRACE_CONFIG": "a.toml"}) == Path("b.toml")


def test_file_of_the_variable_is_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADRACE_CONFIG", str(written(folder, '[app]\nname = "var"')))
    assert load().app.name == "var"


def test_relative_paths_start_at_the_config_file(folder: Path) -> None:
    text = '[kafka]\nssl_cafile = "ca.pem"\nssl_keyfile = "/k.pem"\n[web]\ntoken_file = "../t"'
    settings = load(written(folder, text))
    assert settings.kafka.ssl_cafile == folder / "conf" / "ca.pem"
    assert settings.kafka.ssl_keyfile == Path("/k.pem")
    assert settings.web.token_file == folder / "conf" / ".." / "t"
    assert settings.store.url == f"sqlite:{folder}/conf/headrace.db"


def test_without_a_config_file_relative_paths_start_here(folder: Path) -> None:
    assert load().store.url == f"sqlite:{folder}/headrace.db"


@pytest.mark.parametrize("url", ["memory://", "redis://h/1", "rediss://h/1", "sqlite:/var/s.db"])
def test_store_address_that_is_no_relative_path_stays(folder: Path, url: str) -> None:
    assert load(written(folder, f'[store]\nurl = "{url}"')).store.url == url
