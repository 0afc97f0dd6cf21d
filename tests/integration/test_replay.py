"""Dead letters and their replay on a real broker, up to the replay topic."""

import asyncio
import signal
from collections import Counter
from pathlib import Path

import orjson
import pytest
from aiokafka.admin import AIOKafkaAdminClient

from agents.store.opening import open_store
from schemas.claim import LetterMark, Page
from schemas.dead_letter import SENT_TO_HEADER, Disposition
from schemas.workload import WorkloadClass
from streams.browsing import spans
from streams.record import Partition
from streams.replay.letters import letter_of
from streams.source import source_of
from streams.topics import declared
from tests.command import HEADRACE
from tests.harness import Rig
from tests.letter_box import listed, records, replayed, write_letters
from tests.outputs import text

REALTIME, BATCH = WorkloadClass.REALTIME, WorkloadClass.BATCH
TRUNCATED = Disposition.TRUNCATED
UNTIL_S = 60.0


async def ends(rig: Rig) -> dict[Partition, int]:
    """Return where every topic ends."""
    topics = [topic.name for topic in declared(rig.settings)]
    return {partition: span.end for partition, span in (await spans(rig.settings, topics)).items()}


async def groups(rig: Rig) -> set[str]:
    """Return the consumer groups of this application."""
    admin = AIOKafkaAdminClient(bootstrap_servers=rig.settings.kafka.bootstrap_servers)
    await admin.start()
    try:
        found = await admin.list_consumer_groups()
    finally:
        await admin.close()
    return {name for name, *_ in found if name.startswith(rig.name)}


async def test_filters_are_exact_and_the_oldest_come_first(rig: Rig) -> None:
    await write_letters(rig, range(10))
    await write_letters(rig, range(10, 16), TRUNCATED, task="other")
    await write_letters(rig, range(16, 20), workload=BATCH)
    assert await listed(rig) == list(range(20))
    assert await listed(rig, "--limit", "4") == [0, 1, 2, 3]
    assert await listed(rig, "--class", "batch") == [16, 17, 18, 19]
    assert await listed(rig, "--disposition", "TRUNCATED", "--limit", "2") == [10, 11]
    assert await listed(rig, "--task", "other", "--key", "evt-12") == [12]
    assert await listed(rig, "--id", "evt-17", "--class", "realtime") == []


async def test_dry_run_changes_nothing(rig: Rig) -> None:
    await write_letters(rig, range(5))
    await write_letters(rig, [5], TRUNCATED, value=b"{")
    before = await ends(rig), await groups(rig)
    told = orjson.loads((await rig.headrace("dlq", "replay", "--json")).out)
    shown = await rig.headrace("dlq", "replay", "--to-origin", "--rate", "7")
    stats = await rig.headrace("dlq", "stats", "--json")
    assert (await ends(rig), await groups(rig)) == before
    assert (told["job"], told["executed"], told["selected"]) == (None, False, 6)
    assert told["by_disposition"] == {"REFUSED": 5, "TRUNCATED": 1}
    assert (told["rejected_again"], told["blocked_by_cap"]) == (1, 0)
    assert told["cost_microusd"] > 0
    assert "nothing was sent" in shown.out
    assert {row["count"] for row in orjson.loads(stats.out)} == {5, 1}


async def test_replay_sends_what_the_filter_selects_in_order(rig: Rig) -> None:
    await write_letters(rig, range(12), key=b"one conversation")
    await write_letters(rig, range(12, 20), TRUNCATED)
    done = await rig.headrace(
        "dlq", "replay", "--execute", "--json", "--disposition", "REFUSED", "--limit", "9"
    )
    assert done.status == 0, done.err
    told = orjson.loads(done.out)
    assert done.err.splitlines()[0] == f"job {told['job']}"
    assert (told["executed"], told["selected"]) == (True, 9)
    found = await records(rig, rig.names.replay(REALTIME))
    assert sorted(source_of(record).offset for record in found) == list(range(9))
    for record in found:
        source, letter = source_of(record), letter_of(record)
        assert (source.replays, source.topic) == (1, rig.names.input(REALTIME))
        assert text(record, "dlq.replay.job") == told["job"]
        assert letter.event_id == f"evt-{source.offset}"
    assert [source_of(record).offset for record in found] == list(range(9))
    assert await listed(rig) == list(range(9, 20))


async def test_letter_is_open_again_when_its_replay_failed_and_never_sent_a_third_time(
    rig: Rig,
) -> None:
    await write_letters(rig, [1])
    await rig.headrace("dlq", "replay", "--execute")
    assert await listed(rig) == []
    await write_letters(rig, [1], replays=1)
    assert await listed(rig) == [1]
    await rig.headrace("dlq", "replay", "--execute")
    await write_letters(rig, [1], replays=2)
    told = orjson.loads((await rig.headrace("dlq", "replay", "--execute", "--json")).out)
    assert (told["selected"], told["blocked_by_cap"]) == (1, 1)
    found = await records(rig, rig.names.replay(REALTIME))
    assert [source_of(record).replays for record in found] == [1, 2]


async def test_rate_is_held(rig: Rig) -> None:
    await write_letters(rig, range(60))
    await rig.headrace("dlq", "replay", "--execute", "--rate", "20")
    at = [record.timestamp for record in await records(rig, rig.names.replay(REALTIME))]
    assert len(at) == 60
    assert max(sum(first <= time < first + 1 for time in at) for first in at) <= 22
    assert at[-1] - at[0] == pytest.approx(59 / 20, rel=0.2)


async def test_killed_half_way_and_resumed_every_letter_is_sent_once(
    rig: Rig, tmp_path: Path
) -> None:
    await write_letters(rig, range(150))
    order = ("--execute", "--rate", "40", "--limit", "140")
    process = await asyncio.create_subprocess_exec(
        *(HEADRACE, "dlq", "replay", *order),
        cwd=tmp_path,
        env=rig.environment | {"HEADRACE_CONFIG": rig.config.name},
        stderr=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
    )
    assert process.stderr is not None
    job = (await process.stderr.readline()).decode().removeprefix("job ").strip()
    async with asyncio.timeout(UNTIL_S):
        while (await replayed(rig)).total() < 40:
            assert process.returncode is None
    process.send_signal(signal.SIGKILL)
    await process.wait()
    await write_letters(rig, range(200, 210))  # fresh failures are none of its business
    before = (await replayed(rig)).total()
    assert 40 <= before < 140
    done = await rig.headrace("dlq", "replay", "--resume", job, "--rate", "500", "--json")
    assert done.status == 0, done.err
    assert orjson.loads(done.out)["selected"] == 140 - before
    topic = rig.names.input(REALTIME)
    assert await replayed(rig) == Counter(f"{topic}:{n % 4}:{n}" for n in range(140))
    again = await rig.headrace("dlq", "replay", "--resume", job)
    assert "sent 0; this job was over already" in again.err
    assert (await replayed(rig)).total() == 140


async def test_stopped_replay_says_how_to_go_on(rig: Rig, tmp_path: Path) -> None:
    await write_letters(rig, range(100))
    process = await asyncio.create_subprocess_exec(
        *(HEADRACE, "dlq", "replay", "--execute", "--rate", "5"),
        cwd=tmp_path,
        env=rig.environment | {"HEADRACE_CONFIG": rig.config.name},
        stderr=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
    )
    assert process.stderr is not None
    first = (await process.stderr.readline()).decode().strip()
    async with asyncio.timeout(UNTIL_S):
        while not await replayed(rig):
            assert process.returncode is None
    process.send_signal(signal.SIGINT)
    rest = (await process.stderr.read()).decode().splitlines()
    assert await process.wait() == 130
    job = first.removeprefix("job ")
    assert rest == [f"stopped; go on with: headrace dlq replay --resume {job}"]


async def test_unknown_job_is_one_clear_line(rig: Rig) -> None:
    for job in ("abcd1234", "../etc", ""):
        done = await rig.headrace("dlq", "replay", "--resume", job)
        assert done.status == 1
        assert "no replay job" in done.problem


async def test_to_origin_goes_to_the_input_and_leaves_a_mark(rig: Rig) -> None:
    await write_letters(rig, range(3))
    done = await rig.headrace("dlq", "replay", "--execute", "--to-origin", "--ignore-expiry")
    assert done.status == 0, done.err
    sent = await records(rig, rig.names.input(REALTIME))
    marks = await records(rig, rig.names.replay(REALTIME))
    assert sorted(source_of(record).offset for record in sent) == [0, 1, 2]
    assert {source_of(record).replays for record in sent} == {1}
    assert {text(record, "dlq.replay.ignore.expiry") for record in sent} == {"true"}
    assert {(m.value, text(m, SENT_TO_HEADER)) for m in marks} == {
        (None, rig.names.input(REALTIME))
    }
    assert sorted(source_of(mark).offset for mark in marks) == [0, 1, 2]
    assert await listed(rig) == []


async def test_resolve_parks_what_it_selects_once(rig: Rig) -> None:
    await write_letters(rig, range(6))
    await write_letters(rig, range(6, 9), TRUNCATED)
    command = ("dlq", "resolve", "--disposition", "TRUNCATED", "--reason", "orders were cancelled")
    assert (await rig.headrace(*command)).out == "3 resolved\n"
    assert (await rig.headrace(*command)).out == "0 resolved\n"
    found = await records(rig, rig.names.parked(REALTIME))
    assert sorted(letter_of(record).source.offset for record in found) == [6, 7, 8]
    for record in found:
        assert text(record, "dlq.disposition") == "OPERATOR"
        assert text(record, "dlq.error.type") == "TRUNCATED"
        assert text(record, "__dlq.errors.message") == "orders were cancelled"
    assert await listed(rig) == list(range(6))
    told = await rig.headrace("dlq", "resolve", "--all", "--reason", "spring cleaning", "--json")
    assert orjson.loads(told.out) == {"resolved": 6}
    assert await listed(rig) == []


async def test_ledger_knows_what_is_open(rig: Rig) -> None:
    await write_letters(rig, range(4))
    store = open_store(rig.settings.store.url, rig.name)
    await store.start()
    try:
        marks = [
            LetterMark(
                workload=REALTIME,
                source=f"{rig.names.input(REALTIME)}:{n}:{n}",
                replays=0,
                is_open=True,
            )
            for n in range(4)
        ]
        await store.write(Page(worker="w", letters=tuple(marks)))
        await rig.headrace("dlq", "replay", "--execute", "--limit", "1")
        assert (await store.group()).open_letters == {REALTIME: 3}
        await rig.headrace("dlq", "resolve", "--all", "--reason", "done")
        assert not any((await store.group()).open_letters.values())
    finally:
        await store.stop()
