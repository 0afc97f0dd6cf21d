"""From a failure to its replay's end, with a worker."""

import asyncio

import orjson
import pytest

from agents.simulator import Fault, FaultKind
from agents.simulator.accounting.ledger import Totals
from schemas.workload import WorkloadClass
from streams.replay.letters import letter_of
from streams.source import result_id
from tests.harness import Rig, event
from tests.letter_box import listed, records
from tests.outputs import body, text

REALTIME = WorkloadClass.REALTIME
TASK = "triage"
ANSWERED, REFUSED = 60, 40
UNTIL_S = 60.0


async def refused(rig: Rig, *numbers: int, workload: WorkloadClass = REALTIME) -> None:
    """Publish events that Claude refuses, and wait for their letters."""
    rig.simulator.script(Fault(FaultKind.REFUSAL, text="refuse me"))
    sources = await rig.publish(workload, *(event(n, "refuse me") for n in numbers))
    await rig.outputs.until_ended(sources)
    assert set(sources) <= set(rig.outputs.letters)


def prompt(totals: Totals) -> int:
    """All input tokens, cached or not."""
    return totals.input_tokens + totals.cache_creation_tokens + totals.cache_read_tokens


@pytest.mark.parametrize("workload", [REALTIME, WorkloadClass.BATCH])
async def test_price_is_what_the_replay_then_costs(rig: Rig, workload: WorkloadClass) -> None:
    """The prompts of batch go through the prompt cache, those of realtime are too short for it."""
    await rig.worker().start()
    await rig.publish(workload, *(event(n) for n in range(ANSWERED)))
    await refused(rig, *range(100, 100 + REFUSED), workload=workload)
    await rig.outputs.until_ended(rig.published)
    rig.simulator.clear_faults()
    told = orjson.loads((await rig.headrace("dlq", "replay", "--json")).out)
    assert told["selected"] == REFUSED
    before = rig.simulator.ledger.totals()
    done = await rig.headrace("dlq", "replay", "--execute", "--json")
    assert orjson.loads(done.out)["cost_microusd"] == told["cost_microusd"]
    await rig.outputs.until(lambda: len(rig.outputs.results) == ANSWERED + REFUSED)
    after = rig.simulator.ledger.totals()
    assert told["cost_microusd"] == pytest.approx((after.usd - before.usd) * 1e6, rel=0.1)
    assert told["input_tokens"] == pytest.approx(prompt(after) - prompt(before), rel=0.1)
    used = after.output_tokens - before.output_tokens
    assert told["output_tokens"] == pytest.approx(used, rel=0.1)


@pytest.mark.parametrize("more", [(), ("--to-origin",)])
async def test_replayed_result_has_the_first_source_and_the_same_id(
    rig: Rig, more: tuple[str, ...]
) -> None:
    await rig.worker().start()
    await refused(rig, 1, 2, 3)
    rig.simulator.clear_faults()
    await rig.headrace("dlq", "replay", "--execute", *more)
    await rig.outputs.until(lambda: len(rig.outputs.results) == 3)
    assert set(rig.outputs.results) == set(rig.published)
    for (topic, partition, offset), [result] in rig.outputs.results.items():
        [letter] = rig.outputs.letters[topic, partition, offset]
        assert text(result, "ce_id") == result_id(letter_of(letter).source, TASK)
        assert body(result)["id"] == letter_of(letter).event_id
    assert await listed(rig) == []


async def test_second_failing_replay_parks(rig: Rig) -> None:
    await rig.worker().start()
    await refused(rig, 1)
    [source] = rig.published
    await rig.headrace("dlq", "replay", "--execute")
    await rig.outputs.until(lambda: len(rig.outputs.letters[source]) == 2)
    assert await listed(rig) == [1]
    await rig.headrace("dlq", "replay", "--execute")
    async with asyncio.timeout(UNTIL_S):
        while not (found := await records(rig, rig.names.parked(REALTIME))):
            pass
    [parked] = found
    assert text(parked, "dlq.disposition") == "REPLAY_CAP"
    assert text(parked, "dlq.error.type") == "REFUSED"
    assert letter_of(parked).source.replays == 2
    assert await listed(rig) == []
    first, second = rig.outputs.letters[source]
    assert first.value == second.value == parked.value
