"""The commands of the contract, as a person types them."""

import base64
import json
import sys
from typing import Any

import pytest

from schemas.workload import WorkloadClass
from tests.acceptance.conftest import Person
from tests.command import MODULE, run
from tests.harness import Rig, event
from tests.outputs import text

REALTIME = WorkloadClass.REALTIME
# A set of topics beside that of the rig.
FRESH = {"HEADRACE_TOPICS__PREFIX": "fresh.", "HEADRACE_APP__NAME": "shop"}


async def test_topics_are_created_once_and_compared(person: Person) -> None:
    missing = await person.headrace("topics", "check", environment=FRESH)
    assert missing.status == 1
    assert "fresh.interactions.realtime: missing" in missing.out.splitlines()

    made = await person.headrace("topics", "create", environment=FRESH)
    assert made.status == 0
    assert {"fresh.results.interactive.deltas", "fresh.dlq.shop.batch"} <= set(made.out.split())
    again = await person.headrace("topics", "create", environment=FRESH)
    assert (again.status, again.out) == (0, "")

    same = await person.headrace("topics", "check", environment=FRESH)
    assert (same.status, same.out) == (0, "all topics are as declared\n")
    other = FRESH | {"HEADRACE_KAFKA__PARTITIONS": "5"}
    differs = await person.headrace("topics", "check", "--json", environment=other)
    assert differs.status == 1
    assert "fresh.feedback: 4 partitions, not 5" in json.loads(differs.out)


async def test_publish_sends_good_lines_and_names_bad_ones(person: Person, rig: Rig) -> None:
    topic = rig.names.input(WorkloadClass.INTERACTIVE)
    lines = [
        event(1, conversation_id="talk", customer_id="ann"),
        b'{"id":"2"}',
        b"",
        event(3, customer_id="ann"),
        b"not JSON",
    ]
    done = await person.headrace("publish", topic, stdin=b"\n".join(lines))
    assert done.status == 1
    assert done.out == f"2 published to {topic}\n"
    second, fifth, count = done.err.splitlines()
    assert second.startswith("line 2: SCHEMA_INVALID: ")
    assert fifth.startswith("line 5: UNDECODABLE: ")
    assert count == "2 not published"

    (rig.folder / "more.jsonl").write_bytes(event(6))
    more = await person.headrace("publish", topic, "more.jsonl")
    assert (more.status, more.out, more.err) == (0, f"1 published to {topic}\n", "")

    tailed = await person.headrace("tail", topic, "--from-beginning", "--limit", "3", "--json")
    rows = {row["value"]["id"]: row for row in map(json.loads, tailed.out.splitlines())}
    assert {name: row["key"] for name, row in rows.items()} == {
        "evt-1": "talk",
        "evt-3": "ann",
        "evt-6": "evt-6",
    }


async def test_tail_shows_any_bytes(person: Person, rig: Rig) -> None:
    topic = rig.names.input(WorkloadClass.BATCH)
    values = (b"\xff\x00", b"plain \x1b[31mtext", None)
    await rig.publish(WorkloadClass.BATCH, *values, partition=0, headers=[("h", b"\xfe")])
    wanted = ("tail", topic, "--from-beginning", "--limit", "3")
    tailed = await person.headrace(*wanted, "--json")
    rows = [json.loads(line) for line in tailed.out.splitlines()]
    encoded = base64.b64encode(values[0] or b"").decode()
    assert [row["value"] for row in rows] == [{"base64": encoded}, "plain \x1b[31mtext", None]
    assert [row["offset"] for row in rows] == [0, 1, 2]
    assert set(rows[0]) == {
        "topic",
        "partition",
        "offset",
        "timestamp",
        "key",
        "headers",
        "value",
    }
    assert rows[0]["headers"] == {"h": {"base64": "/g=="}}
    plain = await person.headrace(*wanted)
    assert "\x1b" not in plain.out
    assert "0@2 - (tombstone)" in plain.out


async def test_try_answers_without_kafka(person: Person) -> None:
    nowhere = {"HEADRACE_KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:9"}
    done = await person.headrace(
        "try", "triage", "--show-prompt", stdin=b"I was charged twice", environment=nowhere
    )
    assert done.status == 0
    assert "--- system (cached)" in done.out
    assert "I was charged twice" in done.out
    assert '"category": "' in done.out
    assert "micro-dollars" in done.err

    answer = await person.headrace("try", "extract", "--json", stdin=event(1), environment=nowhere)
    found = json.loads(answer.out)
    assert set(found) == {"output", "usage", "cost_microusd", "attempts", "claude_ms"}
    assert found["usage"]["output_tokens"] > 0
    assert found["cost_microusd"] > 0


async def test_settings_are_shown_with_secrets_masked(person: Person) -> None:
    secrets = {
        "HEADRACE_WEB__TOKEN": "open-sesame",
        "HEADRACE_KAFKA__SASL_PASSWORD": "hush",
        "HEADRACE_BUDGET__MODELS": '{"claude-opus-5-5":{"requests_per_minute":7}}',
    }
    shown = await person.headrace("config", "show", environment=secrets)
    assert shown.status == 0
    assert "kafka.partitions = 4" in shown.out.splitlines()
    assert "budget.models.claude-opus-5-5.requests_per_minute = 7" in shown.out.splitlines()
    assert 'web.token = "**********"' in shown.out.splitlines()
    as_json = await person.headrace("config", "show", "--json", environment=secrets)
    assert json.loads(as_json.out)["kafka"]["sasl_password"] == "**********"
    assert not any(word in shown.out + as_json.out for word in ("open-sesame", "hush"))

    checked = await person.headrace("config", "check")
    assert checked.out == "settings are valid; tasks: assist, extract, review, triage\n"


@pytest.mark.parametrize("name", ["interaction", "document", "result", "delta", "alert"])
async def test_schema_of_each_record(person: Person, name: str) -> None:
    done = await person.headrace("schema", name)
    assert json.loads(done.out)["type"] == "object"


async def test_budget_shows_use_and_money_while_workers_live(person: Person, rig: Rig) -> None:
    worker = await rig.worker("using").start("--classes", "realtime")
    await rig.outputs.until_ended(await rig.publish(REALTIME, *(event(n) for n in range(3))))
    await worker.until_metric(lambda n: n >= 3, "budget_used", unit="requests", workload=REALTIME)
    shown = await person.headrace("budget", "--json")
    assert (shown.status, shown.err) == (0, "")
    row = json.loads(shown.out)
    assert (row["models"], row["workers"], row["closed_s"]) == (["claude-haiku-5-5"], 1, 0)
    requests = row["units"]["requests"]
    assert (requests["limit"], requests["by_class"]["realtime"]) == (4000, 3)
    assert requests["ratio"] == 3 / 4000
    assert row["spent_usd_today"] > 0
    assert row["max_usd_per_day"] == 0
    assert set(row["waiting"].values()) == {0}

    assert await worker.end() == 0
    after = await person.headrace("budget")  # no terminal: JSON as well
    assert json.loads(after.out)["workers"] == 0
    assert after.err.startswith(f"no worker of {rig.name} is alive in sqlite:")
    forgetful = await person.headrace("budget", environment={"HEADRACE_STORE__URL": "memory://"})
    assert "cannot be seen from outside its worker: set [store] url" in forgetful.err


@pytest.fixture(scope="module")
async def letters(rig: Rig) -> list[Any]:
    """Three dead letters of a worker that is gone again, oldest first."""
    worker = await rig.worker().start("--classes", "realtime")
    sources = []
    for value in (b"no event", b'{"id":"evt-bad"}', event("odd", task="translate")):
        sources += await rig.publish(REALTIME, value, key=b"k1")
        await rig.outputs.until_ended(sources)
    assert await worker.end() == 0
    return [rig.outputs.letters[source][0] for source in sources]


async def test_letters_are_listed_filtered_and_counted(person: Person, letters: list[Any]) -> None:
    listed = await person.headrace("dlq", "ls", "--json")
    rows = [json.loads(line) for line in listed.out.splitlines()]
    assert [row["id"] for row in rows] == [text(letter, "dlq.id") for letter in letters]
    assert [row["event_id"] for row in rows] == [None, "evt-bad", "evt-odd"]
    assert [row["dlq.disposition"] for row in rows] == [
        "UNDECODABLE",
        "SCHEMA_INVALID",
        "UNKNOWN_TASK",
    ]
    for filters, count in (
        (("--disposition", "UNDECODABLE"), 1),
        (("--class", "batch"), 0),
        (("--key", "k1", "--since", "1h", "--limit", "2"), 2),
        (("--error", "unknown_task", "--id", "evt-odd"), 1),
    ):
        found = await person.headrace("dlq", "ls", *filters)
        assert (found.status, len(found.out.splitlines())) == (0, count), filters

    stats = await person.headrace("dlq", "stats", "--json")
    counted = {row["disposition"]: row["count"] for row in json.loads(stats.out)}
    assert counted == {"UNDECODABLE": 1, "SCHEMA_INVALID": 1, "UNKNOWN_TASK": 1}


async def test_one_letter_is_shown(person: Person, letters: list[Any]) -> None:
    name = text(letters[1], "dlq.id")
    shown = await person.headrace("dlq", "show", name)
    assert f"dlq.id: {name}" in shown.out.splitlines()
    assert shown.out.endswith('value:\n{"id":"evt-bad"}\n')
    as_json = await person.headrace("dlq", "show", "evt-bad", "--json")
    assert json.loads(as_json.out)["value"] == '{"id":"evt-bad"}'


TASKS = """
from typing import Literal
from agents import Task
from schemas import OutputModel

class Intent(OutputModel):
    label: Literal["card_arrival", "card_linking", "exchange_rate"]
    confidence: float

bank_intent = Task(
    name="bank_intent",
    workload="realtime",
    output=Intent,
    instructions="Name the one intent of the customer's message.",
    max_output_tokens=64,
)
"""


async def test_own_task_beside_the_settings_needs_no_other_change(person: Person, rig: Rig) -> None:
    (rig.folder / "acme_tasks.py").write_text(TASKS, encoding="utf-8")
    told = {"HEADRACE_APP__TASKS": '["agents.workloads", "acme_tasks"]'}
    tried = await person.headrace(
        "try", "bank_intent", "--json", stdin=b"Where is my new card?", environment=told
    )
    assert json.loads(tried.out)["output"]["label"] in {
        "card_arrival",
        "card_linking",
        "exchange_rate",
    }
    worker = await rig.worker("own", told).start("--classes", "realtime")
    [source] = await rig.publish(REALTIME, event("card", task="bank_intent"))
    await rig.outputs.until_ended([source])
    assert text(rig.outputs.results[source][0], "ce_type") == "headrace.result.bank_intent"
    assert await worker.end() == 0


async def test_module_is_the_same_as_the_command(person: Person, rig: Rig) -> None:
    help_of_command = await person.headrace("--help")
    module = await run(*MODULE, "--help", folder=rig.folder, environment=rig.environment)
    assert (module.status, help_of_command.status) == (0, 0)
    for name in ("demo", "worker", "topics", "publish", "tail", "try", "dlq", "kafka", "schema"):
        assert f" {name} " in module.out
        assert f" {name} " in help_of_command.out
    assert sys.executable in MODULE
