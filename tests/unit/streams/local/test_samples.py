import base64
import re
from collections import Counter
from importlib.resources import files
from typing import Any

import orjson
import pytest

from schemas.events import Document, Event, Interaction
from schemas.workload import WORKLOADS, WorkloadClass
from streams.codec import Undecodable, decode
from streams.record import Record

MAX_EVENT_BYTES = 1_000_000
DEFAULT_TASKS = {
    "realtime": "triage",
    "interactive": "assist",
    "transactional": "extract",
    "batch": "review",
}
AT_LEAST = {
    "interactions.realtime": 160,
    "interactions.interactive": 60,
    "documents.transactional": 80,
    "documents.batch": 60,
}
LENGTHS = {"documents.transactional": (300, 1_800), "documents.batch": (600, 2_500)}
EVERY_FILE = pytest.mark.parametrize("name", AT_LEAST)
# 13 to 19 digits, alone or in groups, as on a payment card
CARD_NUMBER = re.compile(r"(?<!\d)[1-9](?:[ -]?\d){12,18}(?!\d)")
MAIL_DOMAIN = re.compile(r"[\w.+-]+@([\w-]+(?:\.[\w-]+)*)")
# the names that RFC 2606 keeps free for examples
RESERVED_DOMAIN = re.compile(r"(.+\.)?example(\.com|\.net|\.org)?")


def lines(name: str) -> list[bytes]:
    file = files("streams.local").joinpath("samples", f"{name}.jsonl")
    return file.read_bytes().splitlines()


def rows(name: str) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in lines(name)]


def read(value: bytes, workload: str) -> Event | Undecodable:
    record = Record(topic="t", partition=0, offset=0, timestamp=0, key=None, value=value)
    return decode(record, WorkloadClass(workload), MAX_EVENT_BYTES)


def events(name: str) -> list[Interaction | Document]:
    """Read the samples as the worker would, once the demo has given them ids."""
    workload = name.partition(".")[2]
    read_back = [read(orjson.dumps({"id": "evt-1", **row}), workload) for row in rows(name)]
    return [event for event in read_back if isinstance(event, Interaction | Document)]


def bodies() -> list[str]:
    return [event.body for name in AT_LEAST for event in events(name)]


def poison_value(row: dict[str, Any]) -> bytes:
    if "value" in row:
        return orjson.dumps(row["value"])
    return base64.b64decode(row["value_base64"], validate=True)


def passes_luhn(number: str) -> bool:
    digits = [int(digit) for digit in number if digit.isdigit()]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


@EVERY_FILE
def test_every_line_is_one_compact_object(name: str) -> None:
    assert [orjson.dumps(row) for row in rows(name)] == lines(name)


@EVERY_FILE
def test_every_sample_is_an_event_once_it_has_an_id(name: str) -> None:
    assert len(events(name)) == len(lines(name)) >= AT_LEAST[name]


@EVERY_FILE
def test_ids_and_tasks_are_left_to_the_demo(name: str) -> None:
    assert not [row for row in rows(name) if row.keys() & {"id", "task"}]


def test_no_two_texts_differ_only_in_their_numbers() -> None:
    shapes = Counter(re.sub(r"[\W\d_]+", " ", body).casefold() for body in bodies())
    assert [shape for shape, times in shapes.items() if times > 1] == []


@pytest.mark.parametrize("name", LENGTHS)
def test_documents_are_as_long_as_real_ones(name: str) -> None:
    shortest, longest = LENGTHS[name]
    assert not [row for row in rows(name) if not shortest <= len(row["text"]) <= longest]


def test_conversations_end_with_the_customer() -> None:
    conversations = [row["messages"] for row in rows("interactions.interactive")]
    assert {turns[-1]["role"] for turns in conversations} == {"customer"}
    assert {len(turns) for turns in conversations} == set(range(1, 7))
    assert not [turn for turns in conversations for turn in turns if not turn["text"].strip()]


@EVERY_FILE
@pytest.mark.parametrize("sign", ["[äöüß]", "[éèç]", "[ñ¿í]", "[\u0600-\u06ff]", "[\u4e00-\u9fff]"])
def test_every_class_has_texts_in_other_languages(name: str, sign: str) -> None:
    assert [event for event in events(name) if re.search(sign, event.body)]


def test_job_size_is_the_number_of_its_documents() -> None:
    jobs = [row["job"] for row in rows("documents.batch") if "job" in row]
    assert jobs == [{"id": "review-2026-11", "size": len(jobs)}] * len(jobs)


def test_no_card_number_could_be_real() -> None:
    found = [number for body in bodies() for number in CARD_NUMBER.findall(body)]
    assert found
    assert not [number for number in found if passes_luhn(number)]


def test_every_mail_address_is_in_a_reserved_domain() -> None:
    domains = {domain for body in bodies() for domain in MAIL_DOMAIN.findall(body)}
    assert domains
    assert not [domain for domain in domains if not RESERVED_DOMAIN.fullmatch(domain)]


@pytest.mark.parametrize("row", rows("poison"), ids=lambda row: row["why"])
def test_poison_is_what_it_claims(row: dict[str, Any]) -> None:
    result = read(poison_value(row), row["topic_class"])
    if row["expect"] == "UNKNOWN_TASK":
        assert not isinstance(result, Undecodable)
        assert result.task not in (None, DEFAULT_TASKS[row["topic_class"]])
    else:
        assert isinstance(result, Undecodable)
        assert result.disposition == row["expect"]


def test_poison_is_of_different_kinds() -> None:
    poison = rows("poison")
    assert len({row["why"] for row in poison}) == len(poison) >= 14
    assert len({poison_value(row) for row in poison}) == len(poison)


def test_first_poison_of_a_demo_covers_every_class_and_disposition() -> None:
    first = rows("poison")[:20]
    assert {row["topic_class"] for row in first} == set(WORKLOADS)
    dispositions = {row["expect"] for row in first}
    assert dispositions == {"UNDECODABLE", "SCHEMA_INVALID", "UNKNOWN_TASK"}
