"""Whose fault is it? Every fault of the simulator, and the end that the retry table gives it."""

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import orjson
import pytest

from agents.simulator import Fault, FaultKind
from schemas.dead_letter import Disposition
from schemas.workload import WorkloadClass
from streams.local.kafka import LocalKafka
from tests.harness import Rig, event
from tests.outputs import Outputs, Source, body, text

REALTIME, INTERACTIVE = WorkloadClass.REALTIME, WorkloadClass.INTERACTIVE
# Hanging calls are given up after this.
TIMEOUT = {
    "HEADRACE_CLASSES__REALTIME__TIMEOUT_S": "2",
    "HEADRACE_CLASSES__INTERACTIVE__TIMEOUT_S": "2",
}
PASSING = (
    FaultKind.RATE_LIMITED,
    FaultKind.RAMP_LIMITED,
    FaultKind.ERROR_500,
    FaultKind.ERROR_503,
    FaultKind.ERROR_504,
    FaultKind.OVERLOADED_529,
    FaultKind.HTML_502,
    FaultKind.HANG,
    FaultKind.RESET_BEFORE_HEADERS,
    FaultKind.RESET_AFTER_HEADERS,
    FaultKind.MALFORMED_JSON,
)
STREAMED = (FaultKind.CUT_STREAM, FaultKind.ERROR_EVENT, FaultKind.NO_MESSAGE_STOP)
OUTPUT = (FaultKind.MALFORMED_OUTPUT, FaultKind.SCHEMA_INVALID, FaultKind.EMPTY)
FINAL = {
    FaultKind.BAD_REQUEST_400: Disposition.REQUEST_REJECTED,
    FaultKind.TOO_LARGE_413: Disposition.TOO_LARGE,
    FaultKind.REFUSAL: Disposition.REFUSED,
}
HELD = 10
# A call that left before the 429 was read may still arrive, later on a machine that is busy.
ON_THE_WIRE_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """An event that meets a fault so often; `ends_as` None: a result after `attempts` calls."""

    kind: FaultKind
    workload: WorkloadClass
    times: int = 1
    ends_as: Disposition | None = None
    attempts: int = 2

    @property
    def name(self) -> str:
        """Its name, and the words that the fault looks for."""
        return f"<{self.kind} x{self.times} {self.workload}>"


CASES = [
    *(Case(kind=kind, workload=w) for kind in PASSING for w in (REALTIME, INTERACTIVE)),
    *(Case(kind=kind, workload=INTERACTIVE) for kind in STREAMED),
    *(Case(kind=kind, workload=w) for kind in OUTPUT for w in (REALTIME, INTERACTIVE)),
    *(
        Case(kind=kind, workload=REALTIME, times=2, ends_as=Disposition.OUTPUT_INVALID)
        for kind in OUTPUT
    ),
    *(
        Case(kind=kind, workload=w, ends_as=end, attempts=1)
        for kind, end in FINAL.items()
        for w in (REALTIME, INTERACTIVE)
    ),
    Case(kind=FaultKind.WRONG_CASE_ENUM, workload=REALTIME, attempts=1),
    Case(kind=FaultKind.TRUNCATED, workload=REALTIME),
    Case(kind=FaultKind.TRUNCATED, workload=REALTIME, times=2, ends_as=Disposition.TRUNCATED),
    Case(
        kind=FaultKind.HANG,
        workload=REALTIME,
        times=3,
        ends_as=Disposition.ATTEMPTS_EXHAUSTED,
        attempts=3,
    ),
    Case(kind=FaultKind.ERROR_500, workload=REALTIME, times=4, attempts=5),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """All cases played in one worker, and where each was published."""

    rig: Rig
    sources: dict[str, Source]


@pytest.fixture(scope="module")
async def played(
    broker: LocalKafka, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Played]:
    async with Rig(tmp_path_factory.mktemp("faults"), broker.bootstrap) as rig:
        await rig.worker("worker", TIMEOUT).start()
        # An answer is the evidence that the model works: from now on a hanging call has a suspect.
        warm = [await rig.publish(w, event("warm")) for w in (REALTIME, INTERACTIVE)]
        await rig.outputs.until_ended(source for found in warm for source in found)
        sources: dict[str, Source] = {}
        for case in CASES:
            rig.simulator.script(
                Fault(case.kind, text=case.name, times=_times(case), retry_after_s=0.5)
            )
            [sources[case.name]] = await rig.publish(case.workload, event(len(sources), case.name))
        await rig.outputs.until_ended(rig.published)
        yield Played(rig=rig, sources=sources)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_fault_ends_as_the_retry_table_says(played: Played, case: Case) -> None:
    source, outputs = played.sources[case.name], played.rig.outputs
    if case.ends_as is None:
        assert source not in outputs.letters, outputs.letters[source][0].headers
        [result] = outputs.results[source]
        assert body(result)["attempts"] == case.attempts
        assert body(result)["repaired"] is (case.kind in OUTPUT)
    else:
        assert source not in outputs.results
        [letter] = outputs.letters[source]
        assert text(letter, "dlq.disposition") == case.ends_as
        assert text(letter, "dlq.attempts.record") == str(case.attempts)
        assert text(letter, "dlq.task") == ("triage" if case.workload is REALTIME else "assist")
        assert text(letter, "dlq.model") == "claude-haiku-5-5"


async def test_pieces_of_a_streamed_answer_join_to_its_output(played: Played) -> None:
    outputs = played.rig.outputs
    results = [body(found[0]) for found in outputs.results.values()]
    streamed = [result for result in results if result["workload"] == INTERACTIVE]
    assert len(streamed) > len(PASSING)
    for result in streamed:
        await outputs.until(lambda result=result: joins(result, outputs))  # type: ignore[misc]


def joins(result: Any, outputs: Outputs) -> bool:  # noqa: ANN401 - a result as JSON
    """Whether the pieces of the last attempt, in order and without a gap, are the output."""
    found = [body(record) for record in outputs.deltas]
    last = [d for d in found if (d["id"], d["attempt"]) == (result["id"], result["attempts"])]
    last.sort(key=lambda delta: delta["sequence"])
    if [delta["sequence"] for delta in last] != list(range(len(last))):
        return False
    joined = "".join(delta["text"] for delta in last)
    return joined.endswith("}") and bool(orjson.loads(joined) == result["output"])


def _times(case: Case) -> int | None:
    """Return how often a fault is met; one that uses a record up lasts until that has its end.

    A hang that meets an open circuit counts for nobody.
    """
    return None if case.ends_as is Disposition.ATTEMPTS_EXHAUSTED else case.times


async def test_429s_are_obeyed(rig: Rig) -> None:
    rig.simulator.script(Fault(FaultKind.RATE_LIMITED, rate=0.2, times=4, retry_after_s=4))
    await rig.worker().start()
    await rig.publish(REALTIME, *(event(n) for n in range(100)))
    await rig.outputs.until_ended(rig.published)
    assert rig.outputs.letters == {}
    entries = rig.simulator.ledger.entries
    closings = [entry for entry in entries if entry.retry_after_s is not None]
    assert len(closings) == 4
    for closing in closings:
        known = closing.finished_s + ON_THE_WIRE_S
        opens = closing.finished_s + (closing.retry_after_s or 0)
        assert not [entry for entry in entries if known < entry.arrived_s < opens]


CONFIGURATION = {
    WorkloadClass.REALTIME: ("claude-haiku-5-5", FaultKind.UNAUTHORIZED),
    WorkloadClass.INTERACTIVE: ("claude-sonnet-5-5", FaultKind.FORBIDDEN),
    WorkloadClass.TRANSACTIONAL: ("claude-opus-5-5", FaultKind.SPEND_LIMITED),
    WorkloadClass.BATCH: ("claude-sonnet-5", FaultKind.USAGE_LIMIT_400),
}


async def test_what_a_person_has_to_put_right_holds_and_never_kills(rig: Rig) -> None:
    for model, kind in CONFIGURATION.values():
        rig.simulator.script(Fault(kind, model=model))
    models = {
        f"HEADRACE_CLASSES__{workload.upper()}__MODEL": model
        for workload, (model, _) in CONFIGURATION.items()
    }
    worker = await rig.worker("worker", models | {"HEADRACE_APP__DRAIN_S": "1"}).start()
    for workload in CONFIGURATION:
        await rig.publish(workload, *(event(n) for n in range(HELD)))
    for name in CONFIGURATION:
        await worker.until_metric(lambda n: n == HELD, "records_received_total", workload=name)
        await worker.until_metric(
            lambda n: n > 0, "held_records", workload=name, reason="configuration"
        )
    await rig.outputs.read_up()
    assert rig.outputs.ended == set()
    assert (await worker.get("/readyz"))[0] == 200
    asked = Counter(entry.model for entry in rig.simulator.ledger.entries)
    assert all(count <= HELD for count in asked.values())

    assert await worker.end() == 0
    rig.simulator.clear_faults()
    await worker.start()
    await rig.outputs.until_ended(rig.published)
    assert rig.outputs.letters == {}
