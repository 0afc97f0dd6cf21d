import asyncio
import logging

import orjson
import pytest

from agents.alarms.conditions import Condition
from schemas.alert import Alert
from schemas.lease import Unit
from schemas.observation import Alerted, LimitChanged, Received
from schemas.sections import Budget
from schemas.workload import WorkloadClass
from streams.alerts import MOST_KEPT, PATIENCE_S, Alerts
from tests.builders import MODEL
from tests.fakes import ManualClock, Recorder, until
from tests.standing_builders import using
from tests.stream_builders import WRITTEN_AT
from tests.stream_fakes import MemoryOutbox

TOPIC = "shop.alerts"
AWAY = {"store": Condition(kind="store", message="it is away", over="it is back")}
HALVED = LimitChanged(model=MODEL, unit=Unit.REQUESTS, before=1000, now=500)


class Desk:
    """Alerts with a broker in memory and a clock that is moved by hand."""

    def __init__(
        self,
        outbox: MemoryOutbox | None = None,
        *,
        alert_hold_s: float = 0,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self.outbox = outbox or MemoryOutbox()
        self.seen, self.clock = Recorder(), ManualClock(WRITTEN_AT)
        self.alerts = Alerts(
            "shop",
            TOPIC,
            Budget(alert_hold_s=alert_hold_s),
            self.outbox,
            self.seen,
            patience_s=patience_s,
            wall=self.clock,
        )

    @property
    def published(self) -> list[Alert]:
        return [Alert.model_validate_json(m.value or b"") for m in self.outbox.topics[TOPIC]]

    @property
    def told(self) -> list[str]:
        return [f"{fact.alert.kind} {fact.alert.state}" for fact in self.seen.of(Alerted)]


async def test_alert_is_published_as_the_contract_says() -> None:
    desk = Desk()
    await desk.alerts.look([using(0.9)], {}, leads=True)
    (message,) = desk.outbox.topics[TOPIC]
    value = orjson.loads(message.value or b"")
    assert message.key == value["id"].encode()
    assert value | {"id": "", "message": ""} == {
        "id": "",
        "kind": "budget_use",
        "state": "raised",
        "model": MODEL,
        "unit": "requests",
        "ratio": 0.9,
        "by_class": {"batch": 0.9},
        "message": "",
        "at": "2026-11-22T12:00:00Z",
    }


async def test_alert_and_its_end_have_one_key_and_become_facts() -> None:
    desk = Desk()
    await desk.alerts.look([using(0.9)], {}, leads=True)
    assert desk.alerts.raised == {"budget_use": 1}
    desk.clock.advance(60)
    await desk.alerts.look([using(0.2)], {}, leads=True)
    assert desk.told == ["budget_use raised", "budget_use cleared"]
    assert len({message.key for message in desk.outbox.topics[TOPIC]}) == 1
    assert desk.alerts.raised.total() == 0


async def test_unknown_use_neither_raises_nor_clears() -> None:
    desk = Desk()
    await desk.alerts.look([using(0.9)], {}, leads=True)
    desk.clock.advance(600)
    await desk.alerts.look(None, AWAY, leads=True)
    assert desk.told == ["budget_use raised", "store raised"]


async def test_only_the_leader_tells() -> None:
    desk = Desk()
    desk.alerts.observe(HALVED)
    await desk.alerts.look([using(0.9)], AWAY, leads=False)
    assert (desk.published, desk.told) == ([], [])
    await desk.alerts.look([], {}, leads=True)
    assert desk.told == []  # the leader of that time has told of the limit


async def test_worker_that_loses_the_lead_clears_and_a_new_leader_raises_what_lasts() -> None:
    desk = Desk(alert_hold_s=30)
    for leads, second in ((True, 0), (True, 30), (False, 31), (True, 32), (True, 62)):
        desk.clock.now = WRITTEN_AT + second
        await desk.alerts.look([using(0.9)], AWAY, leads=leads)
        if not leads:
            assert desk.alerts.raised.total() == 0
    assert desk.told == [
        "store raised",
        "budget_use raised",
        "budget_use cleared",
        "store cleared",
        "store raised",
        "budget_use raised",
    ]
    assert [alert.state for alert in desk.published] == [told.split()[1] for told in desk.told]
    handed_over, again = desk.published[2], desk.published[5]
    assert handed_over.message == "another worker tells about this from now on, if it lasts"
    assert handed_over.id == desk.published[1].id != again.id


async def test_changed_limit_is_told_once_and_one_that_becomes_known_is_not() -> None:
    desk = Desk()
    desk.alerts.observe(LimitChanged(model=MODEL, unit=Unit.REQUESTS, before=0, now=500))
    desk.alerts.observe(Received(workload=WorkloadClass.BATCH))
    desk.alerts.observe(HALVED)
    for _ in range(2):
        await desk.alerts.look([], {}, leads=True)
    assert desk.told == ["limit_changed raised", "limit_changed cleared"]
    assert desk.alerts.raised.total() == 0


async def test_what_kafka_does_not_take_waits_in_order() -> None:
    desk = Desk(patience_s=0)
    desk.outbox.open.clear()
    await desk.alerts.look([using(0.9)], {}, leads=True)
    desk.clock.advance(60)
    await desk.alerts.look([using(0.2)], AWAY, leads=True)
    assert desk.published == []
    desk.outbox.open.set()
    await until(lambda: len(desk.published) == 3)
    found = [(alert.kind, alert.state) for alert in desk.published]
    assert found == [("budget_use", "raised"), ("budget_use", "cleared"), ("store", "raised")]


async def test_look_waits_for_an_absent_kafka_once() -> None:
    desk = Desk(patience_s=0)
    desk.outbox.open.clear()
    await desk.alerts.look([], AWAY, leads=True)
    await desk.alerts.look([using(0.9)], AWAY, leads=True)
    assert desk.outbox.waiting == 1
    await desk.alerts.stop()
    assert desk.outbox.waiting == 0


async def test_memory_is_bounded_while_kafka_is_away() -> None:
    desk = Desk(patience_s=0)
    desk.outbox.open.clear()
    many = {str(n): Condition(kind="store", message=str(n), over="") for n in range(MOST_KEPT + 2)}
    await desk.alerts.look([], many, leads=True)
    await desk.alerts.look([], many | AWAY, leads=True)
    desk.outbox.open.set()
    await until(lambda: repr(desk.alerts).endswith(" 0 to publish)"))
    found = [alert.message for alert in desk.published]
    # The third was on its way when there was no more room for it.
    assert found == ["2", *map(str, range(3, MOST_KEPT + 2)), "it is away"]


async def test_publishing_that_breaks_is_told_and_begun_anew() -> None:
    desk = Desk()
    desk.outbox.broken = RuntimeError("a bug")
    await desk.alerts.look([], AWAY, leads=True)
    with pytest.raises(RuntimeError, match="a bug"):
        await desk.alerts.look([], AWAY, leads=True)
    desk.outbox.broken = None
    await desk.alerts.look([], AWAY, leads=True)
    assert [alert.kind for alert in desk.published] == ["store"]
    await desk.alerts.stop()
    await desk.alerts.stop()


async def test_alert_that_the_broker_finds_too_large_holds_up_nobody(
    caplog: pytest.LogCaptureFixture,
) -> None:
    desk = Desk(MemoryOutbox({TOPIC: 10}))
    await desk.alerts.look([], AWAY, leads=True)
    (line,) = [found for found in caplog.records if found.levelno == logging.WARNING]
    assert line.event == "alert_lost"  # type: ignore[attr-defined] # the machine key
    assert repr(desk.alerts).endswith("0 to publish)")


async def test_look_that_is_cancelled_loses_no_alert() -> None:
    desk = Desk()
    desk.outbox.open.clear()
    looking = asyncio.create_task(desk.alerts.look([], AWAY, leads=True))
    await until(lambda: desk.outbox.waiting == 1)
    looking.cancel()
    await asyncio.wait([looking])
    desk.outbox.open.set()
    await until(lambda: len(desk.published) == 1)
    assert desk.told == ["store raised"]
