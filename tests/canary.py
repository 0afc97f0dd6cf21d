"""What is planted to see whether it comes out where it must not: secrets and personal data."""

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from schemas.workload import WorkloadClass

REALTIME, INTERACTIVE = WorkloadClass.REALTIME, WorkloadClass.INTERACTIVE
TRANSACTIONAL, BATCH = WorkloadClass.TRANSACTIONAL, WorkloadClass.BATCH

KEY = "sk-ant-api03-kanarienvogel"
TOKEN = "token-kanarienvogel"
PASSWORD = "passwort-kanarienvogel"
SECRETS = {"key": KEY, "token": TOKEN, "password": PASSWORD}
PERSONAL = {
    "text": "Quillfeather-Ostrander",
    "attribute": "attr-quokka-77",
    "attribute name": "attrname_quokka_78",
    "field": "field_quokka_79",
    "customer": "customer-quokka-80",
    "conversation": "talk-quokka-81",
    "title": "title-quokka-82",
    "Kafka key": "key-quokka-83",
    "task": "task quokka 84",
}
IDS = "id-quokka-85"
PLANTED = {**SECRETS, **PERSONAL, "id": IDS}
# An id that would steer a terminal, turn a line round, and begin another one.
ODD_ID = f"{IDS}\x1b[31m\u202e\u009b2J\nforged line\x07"

TASKS = textwrap.dedent('''
    """Tasks whose checks and context sources tell what they saw."""

    from pathlib import Path
    from typing import Literal

    from agents import Task
    from schemas import OutputModel


    class Label(OutputModel):
        label: Literal["card", "parcel"]


    def judge(event, output):
        raise ValueError(f"cannot judge {event.text} {event.id} {event.attributes}")


    class Table:
        name, required = "table", True

        async def fetch(self, event):
            if Path(__file__).with_name("table-away").exists():
                raise LookupError(f"nobody knows {event.text}")
            return f"known: {event.text}"


    class Moody:
        name, required = "moody", False

        async def fetch(self, event):
            raise LookupError(f"nobody wants to know {event.text}")


    plain = Task(name="plain", workload="realtime", output=Label,
                 instructions="Name the subject.", max_output_tokens=64)
    judged = Task(name="judged", workload="realtime", output=Label, checks=[judge],
                  instructions="Name the subject.", max_output_tokens=64)
    informed = Task(name="informed", workload="realtime", output=Label, context=[Table(), Moody()],
                    instructions="Name the subject.", max_output_tokens=64)
''')


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One event and its end, "" for a result; one that `waits` has none while the API is ill."""

    name: str
    value: bytes | None
    workload: WorkloadClass = REALTIME
    ends_as: str = ""
    waits: bool = False
    headers: tuple[tuple[str, bytes], ...] = field(default=())


def cases() -> Iterator[Case]:
    """Return an event for every end that can be provoked."""
    for workload in WorkloadClass:
        yield Case(name=f"result {workload}", value=_event(workload=workload), workload=workload)
    for kind in ("malformed_output", "schema_invalid"):
        yield _failing(kind, _event(f"<{kind}>"), "OUTPUT_INVALID")
    yield _failing("echoed words", _echo("words"), "OUTPUT_INVALID")
    yield _failing("echoed field", _echo("field"), "OUTPUT_INVALID")
    yield _failing("refusal", _echo("refusal"), "REFUSED")
    yield _failing("truncated", _echo("max_tokens"), "TRUNCATED")
    for status in ("400", "422"):
        yield _failing(status, _echo(status), "REQUEST_REJECTED")
    yield _failing("413", _echo("413"), "TOO_LARGE")
    yield _failing("judged", _event(task="judged"), "ATTEMPTS_EXHAUSTED")
    yield _failing("expired", _event(expires_at="2020-01-01T00:00:00Z"), "DEADLINE_EXPIRED")
    yield _failing("task", _event(task=PERSONAL["task"]), "UNKNOWN_TASK")
    yield _failing("oversized", _event("x" * 1_000_000), "TOO_LARGE")
    yield _failing("not JSON", _event()[:-1], "UNDECODABLE")
    yield _failing("not UTF-8", _event()[:-2] + b'\xff"}', "UNDECODABLE")
    yield _failing("field", _event(**{PERSONAL["field"]: PERSONAL["field"]}), "SCHEMA_INVALID")
    yield _failing("time", _event(occurred_at=PERSONAL["text"]), "SCHEMA_INVALID")
    yield _failing("channel", _event(channel=[PERSONAL["text"]]), "SCHEMA_INVALID")
    yield _failing(
        "messages", _event(messages=[{"role": PERSONAL["text"], "text": 1}]), "SCHEMA_INVALID"
    )
    for status, workload in (("500", TRANSACTIONAL), ("529", INTERACTIVE), ("401", BATCH)):
        yield Case(name=status, value=_echo(status, workload), workload=workload, waits=True)
    # Its first answer is in the journal when the worker dies.
    yield Case(name="bought", value=_echo("repair"), waits=True)
    event = _echo("event", INTERACTIVE)
    yield Case(name="error event", value=event, workload=INTERACTIVE, waits=True)
    yield Case(name="context", value=_event(task="informed"), waits=True)
    yield Case(name="crash", value=_event("<hang>"), waits=True)


def _failing(name: str, value: bytes, ends_as: str) -> Case:
    return Case(name=name, value=value, ends_as=ends_as)


def _echo(kind: str, workload: WorkloadClass = REALTIME) -> bytes:
    task = {"task": "plain"} if workload is REALTIME else {}
    return _event(f"<echo:{kind}>", workload, **task)


def _event(mark: str = "", workload: WorkloadClass = REALTIME, **more: object) -> bytes:
    """Return an event full of personal data."""
    text = f"I am {PERSONAL['text']}, where is my parcel of 2026-11-03 over 42.50 EUR? {mark}"
    attributes = {PERSONAL["attribute name"]: PERSONAL["attribute"]}
    value: dict[str, object] = {"id": ODD_ID, "text": text, "attributes": attributes}
    if workload in (REALTIME, INTERACTIVE):
        value |= {
            "customer_id": PERSONAL["customer"],
            "conversation_id": PERSONAL["conversation"],
        }
    else:
        value["title"] = PERSONAL["title"]
    return orjson.dumps(value | more)


def found(told: str | bytes, planted: dict[str, str] = PLANTED) -> list[str]:
    """Return the names of what is in a text."""
    words = told if isinstance(told, bytes) else told.encode("utf-8", "surrogateescape")
    return [name for name, secret in planted.items() if secret.encode() in words]


def write_tasks(folder: Path) -> None:
    """Put the tasks beside the settings, and take their table away."""
    (folder / "canary_tasks.py").write_text(TASKS, encoding="utf-8")
    table_away(folder).touch()


def table_away(folder: Path) -> Path:
    """Return the file that keeps the table away."""
    return folder / "table-away"
