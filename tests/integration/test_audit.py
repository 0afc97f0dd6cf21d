"""`headrace audit` on a real broker: what it counts, what it names, what it does not blame."""

import time
from collections.abc import AsyncIterator

import orjson
import pytest

from agents.store.opening import open_store
from schemas.dead_letter import Disposition
from schemas.workload import WorkloadClass
from streams.audit.auditing import audit
from tests.audit_author import HOUR_S, Author
from tests.harness import Rig, event
from tests.outputs import Source

REALTIME, BATCH = WorkloadClass.REALTIME, WorkloadClass.BATCH
WEEK_S = 604_800.0


def named(source: Source) -> str:
    topic, partition, offset = source
    return f"{topic}[{partition}]@{offset}"


@pytest.fixture
async def author(rig: Rig) -> AsyncIterator[Author]:
    async with Author(rig) as made:
        yield made


async def test_a_run_of_the_worker_is_clean_while_it_works_and_after(rig: Rig) -> None:
    worker = await rig.worker().start()
    good = await rig.publish(REALTIME, *map(event, range(200)))
    bad = await rig.publish(BATCH, b"no JSON", b"[]", event(1, task="no such task"))
    meanwhile = (await audit(rig.settings)).report
    assert meanwhile.is_clean
    assert (meanwhile.total("inputs"), meanwhile.total("unknown")) == (len(good + bad), 0)
    await rig.outputs.until_ended([*good, *bad])
    assert await worker.end() == 0
    later = await rig.publish(REALTIME, *map(event, range(2)))

    done = await rig.headrace("audit", "--json")
    assert (done.status, done.err) == (0, "")
    told = orjson.loads(done.out)
    assert (told["inputs"], told["waiting"]) == (len(good + bad + later), len(later))
    assert (told["results"], told["open_letters"]) == (len(good), len(bad))
    assert (told["missing"], told["double"], told["unknown"]) == ([], [], 0)
    assert told["by_class"]["realtime"]["results"] == len(good)
    assert told["by_class"]["batch"]["open_letters"] == len(bad)


async def test_what_a_commit_passed_without_an_end_is_missing(author: Author) -> None:
    first, second, third = await author.inputs(3)
    await author.result(second)
    await author.commit("batch", first[0], 2)
    assert await author.found() == {
        "inputs": 3,
        "results": 1,
        "waiting": 1,
        "missing": [named(first)],
    }
    await author.commit("batch", first[0], 3)
    done = await author.rig.headrace("audit")
    assert done.status == 1
    assert [line for line in done.out.splitlines() if line.startswith("missing: ")] == [
        f"missing: {named(first)}",
        f"missing: {named(third)}",
    ]


async def test_forged_second_result_is_double_and_a_copy_is_not(author: Author) -> None:
    copied, forged, *_ = await author.inputs(2)
    for source in (copied, copied, forged):
        await author.result(source)
    assert await author.found() == {"inputs": 2, "results": 2, "repeated": 1}
    await author.result(forged, ce_id=b"00000000-0000-0000-0000-000000000000")
    assert (await author.found())["double"] == [named(forged)]


async def test_result_of_another_application_is_left_alone(author: Author) -> None:
    [source] = await author.inputs(1)
    await author.result(source)
    await author.result(source, ce_id=b"theirs", ce_source=b"/other/batch")
    assert await author.found() == {"inputs": 1, "results": 1}


async def test_result_beside_an_open_letter_is_double(author: Author) -> None:
    [source] = await author.inputs(1)
    await author.letter(source)
    await author.result(source)
    assert await author.found() == {"inputs": 1, "results": 1, "double": [named(source)]}


async def test_parked_letter_is_the_end(author: Author) -> None:
    [source] = await author.inputs(1)
    await author.letter(source)
    await author.letter(source, Disposition.OPERATOR, parked=True)
    assert await author.found() == {"inputs": 1, "parked": 1}


async def test_replay_is_followed_to_its_end(author: Author) -> None:
    [source] = await author.inputs(1)
    letter, topic = await author.letter(source), author.rig.names.replay(BATCH)
    assert await author.found() == {"inputs": 1, "open_letters": 1}
    _, offset = await author.replay(letter, topic)
    assert await author.found() == {"inputs": 1, "replaying": 1}
    await author.commit("replay", topic, offset + 1)
    assert await author.found() == {"inputs": 1, "missing": [named(source)]}
    await author.result(source)
    assert await author.found() == {"inputs": 1, "results": 1}


async def test_replay_to_the_origin_is_no_input_of_its_own(author: Author) -> None:
    [source] = await author.inputs(1)
    letter = await author.letter(source)
    await author.replay(letter, source[0])
    await author.commit("batch", source[0], 1)
    assert await author.found() == {"inputs": 1, "replaying": 1}
    await author.commit("batch", source[0], 2)
    assert await author.found() == {"inputs": 1, "missing": [named(source)]}
    await author.result(source)
    assert await author.found() == {"inputs": 1, "results": 1}


async def test_commit_beyond_the_log_blames_nobody(author: Author) -> None:
    [source] = await author.inputs(1)
    await author.commit("batch", source[0], 100)
    assert await author.found() == {"inputs": 1, "waiting": 1}


async def test_inputs_that_retention_deleted_are_unknown(author: Author) -> None:
    gone, kept = await author.inputs(2)
    for source in (gone, kept):
        await author.result(source)
    await author.delete(gone[0], before=1)
    assert await author.found() == {"inputs": 1, "results": 1, "unknown": 1}


async def test_ends_that_retention_may_have_deleted_are_not_missing(author: Author) -> None:
    first, second = await author.inputs(2)
    for source in (first, second):
        await author.result(source)
    await author.commit("batch", first[0], 2)
    await author.delete(author.rig.names.result(BATCH), before=1)
    assert await author.found() == {"inputs": 2, "results": 1, "missing": [named(first)]}
    later = await author.found(wall=lambda: time.time() + WEEK_S + HOUR_S)
    assert later == {"inputs": 2, "results": 1, "forgotten": 1}


async def test_since_bounds_the_inputs_by_their_time(author: Author) -> None:
    first, second, third = await author.inputs_ago(5, 3, 0)
    for source in (first, second):
        await author.result(source)
    await author.commit("batch", first[0], 3)
    since = time.time() - HOUR_S
    assert await author.found(since=since) == {"inputs": 1, "missing": [named(third)]}
    done = await author.rig.headrace("audit", "--since", "4h", "--json")
    told = orjson.loads(done.out)
    assert (done.status, told["missing"]) == (1, [named(third)])
    assert (told["inputs"], told["results"], told["unknown"]) == (2, 1, 0)


async def test_rebuild_makes_the_ledger_anew(author: Author) -> None:
    sources = await author.inputs(4)
    letters = [await author.letter(source) for source in sources]
    await author.replay(letters[0], author.rig.names.replay(BATCH))
    await author.letter(sources[1], Disposition.OPERATOR, parked=True)
    store = open_store(author.rig.settings.store.url, author.rig.name)
    await store.start()
    try:
        await store.replace_letters({REALTIME: {"gone:0:1": 0}})
        done = await author.rig.headrace("audit", "--rebuild")
        assert done.status == 0
        assert "ledger of realtime: 1 -> 0 open" in done.out.splitlines()
        assert "ledger of batch: 0 -> 2 open" in done.out.splitlines()
        assert (await store.group()).open_letters == {BATCH: 2}
        again = orjson.loads((await author.rig.headrace("audit", "--rebuild", "--json")).out)
        assert again["ledger"]["batch"] == {"before": 2, "after": 2}
    finally:
        await store.stop()


async def test_absent_broker_is_one_line(rig: Rig) -> None:
    nowhere = {"HEADRACE_KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:1"}
    done = await rig.headrace("audit", environment=nowhere)
    assert (done.status, "127.0.0.1:1" in done.problem) == (1, True)
