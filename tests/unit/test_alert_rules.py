import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml  # type: ignore[import-untyped] # no type information is published

from schemas.alert import AlertKind
from schemas.sections import Budget
from schemas.workload import WorkloadClass
from streams.metrics import Metrics

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
GROUPS = yaml.safe_load((DEPLOY / "alerts.yml").read_text())["groups"]
RULES: dict[str, dict[str, Any]] = {
    rule["alert"]: rule for group in GROUPS for rule in group["rules"]
}
CASES: list[dict[str, Any]] = yaml.safe_load((DEPLOY / "alerts_test.yml").read_text())["tests"]
CHECKS = [("check", "rules", "alerts.yml"), ("test", "rules", "alerts_test.yml")]
BOUND_S = 60
# What Prometheus itself tells of a worker.
OF_PROMETHEUS = {"up"}
COMMANDS = {"headrace budget", "headrace dlq stats", "headrace dlq show", "headrace worker"}


def told_by_workers() -> set[str]:
    """Every name that a worker's `/metrics` can show."""
    metrics = Metrics("0.1.0")
    metrics.watch([], list)
    types = re.findall(r"^# TYPE (\S+) (\w+)$", metrics.render().decode(), re.MULTILINE)
    assert len(types) > 20
    parts = [n + end for n, kind in types if kind == "histogram" for end in ("_bucket", "_count")]
    return {name for name, _ in types} | set(parts)


def named(text: str) -> set[str]:
    return set(re.findall(r"\b(?:headrace_[a-z_]+|up\b)", text))


def test_every_rule_has_a_name_of_its_own() -> None:
    assert len(RULES) == sum(len(group["rules"]) for group in GROUPS)
    assert all(re.fullmatch(r"Headrace[A-Z][A-Za-z]+", name) for name in RULES)


@pytest.mark.parametrize("name", RULES)
def test_rule_asks_for_metrics_that_exist(name: str) -> None:
    wanted = named(RULES[name]["expr"])
    assert wanted
    assert wanted <= told_by_workers() | OF_PROMETHEUS


@pytest.mark.parametrize("name", RULES)
def test_rule_asks_for_labels_that_exist(name: str) -> None:
    expression = RULES[name]["expr"]
    kinds = set(re.findall(r'kind="(\w+)"', expression))
    classes = {
        c for found in re.findall(r'workload!?=~?"([^"]+)"', expression) for c in found.split("|")
    }
    assert kinds <= set(get_args(AlertKind))
    assert classes <= set(WorkloadClass)


@pytest.mark.parametrize("name", RULES)
def test_rule_says_what_it_is_and_what_to_do(name: str) -> None:
    rule = RULES[name]
    said = rule["annotations"]
    assert rule["labels"]["severity"] in {"warning", "critical"}
    assert set(said) == {"summary", "description"}
    assert len(said["description"]) > len(said["summary"]) > 10
    assert named(said["description"]) - OF_PROMETHEUS <= told_by_workers()
    commands = {c.split(" -")[0] for c in re.findall(r"`(headrace [^`]+)`", said["description"])}
    assert {command.removesuffix(" ID") for command in commands} <= COMMANDS


@pytest.mark.parametrize("name", RULES)
def test_rule_is_tried_out(name: str) -> None:
    asked = str([case.get("alert_rule_test", []) for case in CASES])
    asked += str([case.get("promql_expr_test", []) for case in CASES])
    assert name in asked


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["name"]))
def test_cases_are_made_of_metrics_that_exist(case: dict[str, Any]) -> None:
    series = {row["series"].partition("{")[0] for row in case["input_series"]}
    assert series <= told_by_workers() | OF_PROMETHEUS


def test_rule_rings_where_the_workers_own_alarm_does() -> None:
    assert f"> {Budget().alert_at}" in RULES["HeadraceBudgetNearLimit"]["expr"]


def test_prometheus_reads_the_rules() -> None:
    configured = yaml.safe_load((DEPLOY / "prometheus.yml").read_text())
    assert configured["rule_files"] == ["alerts.yml"]
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    mounted = compose["services"]["prometheus"]["volumes"]
    assert "./deploy/alerts.yml:/etc/prometheus/alerts.yml:ro" in mounted


def test_promtool_agrees_where_it_is_installed() -> None:
    promtool = shutil.which("promtool")
    for check in CHECKS if promtool else []:  # without it, all the tests above decide alone
        command = [str(promtool), *check]
        ran = subprocess.run(
            command, cwd=DEPLOY, capture_output=True, text=True, check=False, timeout=BOUND_S
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
