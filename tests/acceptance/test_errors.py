"""What a person has to put right is said in one line, with the right exit status."""

import signal

import pytest

from agents.simulator import Simulator, SimulatorSettings
from schemas.workload import WorkloadClass
from tests.acceptance.conftest import Person
from tests.harness import Rig, event

NOWHERE = "127.0.0.1:9"
TOPIC = "interactions.realtime"


@pytest.mark.parametrize(
    "command",
    [
        ("worker",),
        ("topics", "create"),
        ("topics", "check"),
        ("publish", TOPIC),
        ("tail", TOPIC),
        ("dlq", "ls"),
    ],
    ids=" ".join,
)
async def test_no_broker(person: Person, command: tuple[str, ...]) -> None:
    settings = {"HEADRACE_KAFKA__BOOTSTRAP_SERVERS": NOWHERE, "HEADRACE_TOPICS__PREFIX": ""}
    done = await person.headrace(*command, stdin=event(1), environment=settings)
    assert done.status == 1
    assert NOWHERE in done.problem
    assert "kafka.bootstrap_servers" in done.problem


@pytest.mark.parametrize("command", [("worker",), ("publish", f"no.{TOPIC}"), ("tail", "no.such")])
async def test_missing_topic(person: Person, command: tuple[str, ...]) -> None:
    done = await person.headrace(
        *command, stdin=event(1), environment={"HEADRACE_TOPICS__PREFIX": "no."}
    )
    assert done.status == 1
    assert done.problem.startswith("no topic no.")
    assert "headrace topics create" in done.problem


@pytest.mark.parametrize("command", [("worker",), ("try", "triage")])
async def test_refused_key(person: Person, command: tuple[str, ...]) -> None:
    async with Simulator(SimulatorSettings(key="sk-ant-right")) as strict:
        told = {"ANTHROPIC_BASE_URL": strict.url, "ANTHROPIC_API_KEY": "sk-ant-canary"}
        done = await person.headrace(*command, stdin=b"hello", environment=told)
    assert done.status == 1
    assert "ANTHROPIC_API_KEY" in done.problem
    assert "sk-ant-canary" not in done.problem


async def test_no_key_at_all(person: Person) -> None:
    done = await person.headrace("worker", environment={"ANTHROPIC_API_KEY": ""})
    assert done.status == 1
    assert "ANTHROPIC_API_KEY" in done.problem


@pytest.mark.parametrize("command", ["worker", "budget"])
@pytest.mark.parametrize(
    ("url", "named"),
    [
        (f"redis://ann:canary@{NOWHERE}/0", f"redis://{NOWHERE}/0: "),
        ("sqlite:gone/headrace.db", "gone/headrace.db: "),
    ],
)
async def test_store_that_cannot_be_reached(
    person: Person, command: str, url: str, named: str
) -> None:
    done = await person.headrace(command, environment={"HEADRACE_STORE__URL": url})
    assert done.status == 1
    assert named in done.problem
    assert "[store] url" in done.problem
    assert "canary" not in done.problem


async def test_model_that_the_api_does_not_have(person: Person) -> None:
    wrong = {"HEADRACE_CLASSES__BATCH__MODEL": "claude-haiku-55"}
    done = await person.headrace("worker", environment=wrong)
    assert done.status == 1
    assert "no model 'claude-haiku-55', which task 'review' asks for" in done.problem
    assert "did you mean claude-haiku-5-5" in done.problem
    assert "[classes.batch] model" in done.problem


@pytest.mark.parametrize(("command", "limit"), [("worker", 0), ("budget", -5)])
async def test_limit_that_is_no_limit(person: Person, command: str, limit: int) -> None:
    wrong = f'{{"claude-opus-5-5":{{"input_tokens_per_minute":{limit}}}}}'
    done = await person.headrace(command, environment={"HEADRACE_BUDGET__MODELS": wrong})
    assert done.status == 2
    key = "budget.models.claude-opus-5-5.input_tokens_per_minute"
    said = f"{key}: Input should be greater than 0, not {limit}"
    assert done.problem == f"{said} (from HEADRACE_BUDGET__MODELS)"


@pytest.mark.parametrize(
    ("variable", "value", "named"),
    [
        ("HEADRACE_KAFKA__PARTITIONS", "many", "kafka.partitions: "),
        ("HEADRACE_KAFKA__PARTITION", "4", "kafka.partition: no such setting"),
        ("HEADRACE_KAFAK__PARTITIONS", "4", "HEADRACE_KAFAK__PARTITIONS: no such setting"),
        ("HEADRACE_WEB__HOST", "0.0.0.0", "set token or token_file"),
        ("HEADRACE_BUDGET__MODELS", "{", "tables and lists are JSON"),
        ("HEADRACE_BUDGET__ALERT_AT", "1.5", "budget.alert_at: "),
        ("HEADRACE_BUDGET__MAX_USD_PER_DAY", "-1", "budget.max_usd_per_day: "),
        ("HEADRACE_CLASSES__BATCH__RESERVE", "2", "classes.batch.reserve: takes auto, or "),
        ("HEADRACE_STORE__URL", "postgres://shop", "store.url: "),
        ("HEADRACE_KAFKA__SASL_PASSWORD_FILE", "gone.txt", "gone.txt: No such file"),
        ("HEADRACE_APP__TASKS", '["acme.gone"]', "app.tasks: cannot import acme.gone"),
        ("HEADRACE_CONFIG", "gone.toml", "gone.toml: No such file"),
    ],
)
async def test_wrong_setting(person: Person, variable: str, value: str, named: str) -> None:
    done = await person.headrace("config", "check", environment={variable: value})
    assert done.status == 2
    assert named in done.problem


async def test_port_that_is_taken(person: Person, rig: Rig) -> None:
    port = rig.simulator.url.rpartition(":")[2]
    done = await person.headrace("worker", environment={"HEADRACE_WEB__PORT": port})
    assert done.status == 2
    assert f"web.host, web.port: cannot listen on 127.0.0.1:{port}" in done.problem


@pytest.mark.parametrize(
    "command",
    [
        ("try", "translate"),
        ("schema", "nothing"),
        ("publish", "results.realtime"),
        ("worker", "--classes", "slow"),
        ("dlq", "ls", "--since", "yesterday"),
    ],
    ids=" ".join,
)
async def test_wrong_usage(person: Person, command: tuple[str, ...]) -> None:
    done = await person.headrace(*command, stdin=event(1))
    assert done.status == 2
    assert command[-1] in done.problem


async def test_letter_that_is_not_there(person: Person) -> None:
    done = await person.headrace("dlq", "show", "no-such-id")
    assert done.status == 1
    assert done.problem == "no open letter no-such-id; `headrace dlq ls` lists them"


async def test_worker_that_cannot_reach_the_api_starts_and_is_not_ready(rig: Rig) -> None:
    worker = rig.worker("offline", {"ANTHROPIC_BASE_URL": "http://127.0.0.1:9"})
    await worker.launch("--classes", WorkloadClass.REALTIME)
    await worker.until_page(lambda status, said: status == 503 and "Claude API" in said, "/readyz")
    assert (await worker.get("/healthz"))[0] == 200
    assert await worker.end(signal.SIGINT) == 0
    assert "Traceback" not in worker.log


async def test_metrics_behind_a_token(rig: Rig) -> None:
    worker = await rig.worker("guarded", {"HEADRACE_WEB__TOKEN": "open-sesame"}).start()
    assert (await worker.get("/metrics"))[0] == 401
    assert (await worker.get("/readyz"))[0] == 200
    assert await worker.end() == 0
    assert "open-sesame" not in worker.log
