import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped] # no type information is published

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
LASTING = [name for name, service in SERVICES.items() if service["restart"] != "no"]
OWN_IMAGE = [name for name, service in SERVICES.items() if "build" in service]
DRAIN_S = 25  # [app] drain_s


def dockerfile() -> dict[str, str]:
    """Return the last of each instruction in the final stage, lines joined."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    final = text[text.rindex("\nFROM ") + 1 :]
    lines = (line.split(maxsplit=1) for line in final.splitlines() if line.strip())
    return {instruction: rest for instruction, rest in lines if instruction != "#"}


def seconds(duration: str) -> int:
    return int(duration.removesuffix("s"))


def test_services() -> None:
    assert set(SERVICES) == {"kafka", "redis", "topics", "worker", "simulator", "prometheus"}
    assert [name for name, service in SERVICES.items() if "profiles" in service] == ["simulator"]
    assert SERVICES["kafka"]["image"] == "apache/kafka:4.4.0"


@pytest.mark.parametrize("name", SERVICES)
def test_ports_are_on_loopback(name: str) -> None:
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name].get("ports", []))


@pytest.mark.parametrize("name", LASTING)
def test_lasting_services_restart_and_tell_their_health(name: str) -> None:
    assert SERVICES[name]["restart"] == "unless-stopped"
    assert "test" in SERVICES[name].get("healthcheck", {}) or name == "worker"  # of its image


@pytest.mark.parametrize("name", OWN_IMAGE)
def test_own_containers_have_few_rights(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


def test_worker_waits_for_what_it_needs() -> None:
    assert {name: need["condition"] for name, need in SERVICES["worker"]["depends_on"].items()} == {
        "kafka": "service_healthy",
        "redis": "service_healthy",
        "topics": "service_completed_successfully",
    }
    assert SERVICES["topics"]["command"] == ["topics", "create"]


def test_worker_may_drain_before_it_is_killed() -> None:
    assert seconds(SERVICES["worker"]["stop_grace_period"]) > DRAIN_S


def test_worker_is_set_up_for_many_machines() -> None:
    environment = SERVICES["worker"]["environment"]
    assert environment["HEADRACE_KAFKA__BOOTSTRAP_SERVERS"] == "kafka:9092"
    assert environment["HEADRACE_STORE__URL"] == "redis://redis:6379/0"


def test_redis_evicts_nothing_and_writes_to_disk() -> None:
    command = " ".join(SERVICES["redis"]["command"])
    assert "--maxmemory-policy noeviction" in command
    assert "--appendonly yes" in command


def test_kafka_advertises_an_address_to_containers_and_one_to_the_host() -> None:
    environment = SERVICES["kafka"]["environment"]
    advertised = environment["KAFKA_ADVERTISED_LISTENERS"]
    assert advertised == "INTERNAL://kafka:9092,HOST://localhost:9092"
    assert SERVICES["kafka"]["ports"] == ["127.0.0.1:9092:29092"]


def test_no_secret_is_in_the_files() -> None:
    environment = SERVICES["worker"]["environment"]
    assert environment["ANTHROPIC_API_KEY"] is None  # passed on from the caller
    assert environment["HEADRACE_WEB__TOKEN"].startswith("${HEADRACE_WEB__TOKEN:?")
    assert COMPOSE["secrets"] == {"web_token": {"environment": "HEADRACE_WEB__TOKEN"}}
    written = (ROOT / "docker-compose.yml").read_text() + (ROOT / "Dockerfile").read_text()
    assert not re.search(r"sk-ant-|index-url|find-links", written)


def test_prometheus_shows_the_token_to_the_worker() -> None:
    [job] = yaml.safe_load((ROOT / "deploy/prometheus.yml").read_text())["scrape_configs"]
    [target] = job["dns_sd_configs"]
    assert job["metrics_path"] == "/metrics"
    assert job["authorization"]["credentials_file"] == "/run/secrets/web_token"
    assert SERVICES["prometheus"]["secrets"] == ["web_token"]
    assert target["names"] == ["worker"]
    assert SERVICES["worker"]["ports"] == [f"127.0.0.1:{target['port']}:{target['port']}"]


def test_image_runs_the_worker_without_root() -> None:
    image = dockerfile()
    uid, _ = map(int, image["USER"].split(":"))
    assert uid > 0
    assert json.loads(image["ENTRYPOINT"]) == ["headrace"]
    assert json.loads(image["CMD"]) == ["worker"]


def test_image_asks_its_own_health() -> None:
    check = json.loads(dockerfile()["HEALTHCHECK"].partition("CMD ")[2])
    assert check[:2] == ["python", "-c"]
    assert "http://127.0.0.1:8321/healthz" in check[2]
    compile(check[2], "HEALTHCHECK", "exec")


def test_everything_the_image_copies_is_sent_to_the_build() -> None:
    text = (ROOT / "Dockerfile").read_text()
    copied = {
        name
        for line in re.findall(r"^COPY (?!--from)(.*)$", text, re.MULTILINE)
        for name in line.split()[:-1]
    }
    sent = re.findall(r"^!(.*)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE)
    assert copied == set(sent)
    assert all((ROOT / name).exists() for name in copied)


def test_dependencies_come_from_the_lock_file() -> None:
    installs = re.findall(r"pip install (.*?)(?:\s\\|\n)", (ROOT / "Dockerfile").read_text())
    assert installs == [
        "--require-hashes -r requirements.lock",
        "--require-hashes --constraint requirements-dev.lock hatchling",
        "--no-deps /wheels/headrace-*.whl",
    ]


def test_entry_command_runs() -> None:
    headrace = Path(sys.executable).with_name("headrace")
    done = subprocess.run(
        [headrace, "--help"], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert "worker" in done.stdout
