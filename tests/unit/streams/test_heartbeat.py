import asyncio
from collections import Counter
from collections.abc import Mapping

import orjson
import pytest

from agents.budget.allocation import Allocation
from agents.budget.shelter import Shelter
from agents.claude.gateway import Gateway
from agents.store.memory import MemoryStore
from agents.store.pool import MEMBER_S
from schemas.alert import Alert
from schemas.lease import Ask, Lease, Rules, StoreAway
from schemas.problem import Problem
from schemas.sections import Budget
from schemas.standing import BudgetReport, Group, WorkerReport
from schemas.workload import WorkloadClass
from streams.alerts import Alerts
from streams.heartbeat import Ailments, Heartbeat, Pace
from tests.builders import MODEL
from tests.fakes import ManualClock, Recorder, ScriptedClient, until
from tests.standing_builders import LIMITS, report
from tests.stream_builders import WRITTEN_AT
from tests.stream_fakes import MemoryOutbox

pytestmark = pytest.mark.timeout(20)  # a loop that stops would be waited for
TOPIC = "shop.alerts"
BATCH, REALTIME = WorkloadClass.BATCH, WorkloadClass.REALTIME
CLOSED = report(closed_s=60.0, closed_for="configuration")
HOLD_S = Pace().strangers_s
# Long enough for an alarm to believe that its cause is gone.
CALM_S = 60.0
DOLLAR = 1_000_000_000


RULES = Rules(ceilings=LIMITS)


class FlakyStore(MemoryStore):
    """A store in memory that is away when told, or breaks when told."""

    away = False
    broken = False

    async def exchange(self, ask: Ask) -> Lease:
        self._answer()
        return await super().exchange(ask)

    async def beat(self, report: WorkerReport, spent_nanousd: int) -> Group:
        self._answer()
        return await super().beat(report, spent_nanousd)

    def _answer(self) -> None:
        if self.away:
            raise StoreAway("redis://shop: no answer in 0.5 s")
        if self.broken:
            raise RuntimeError("a bug")


class Office:
    """What the workers of one group share: a store, the time, and the members Kafka counts."""

    def __init__(self) -> None:
        self.clock, self.wall = ManualClock(), ManualClock(WRITTEN_AT)
        self.store = FlakyStore(clock=self.clock, wall_clock=self.wall)
        self.counted: Mapping[WorkloadClass, int] | Problem = {}
        self.looks = 0
        self.ailing = Ailments(floods={}, outages=(), refusals={})
        self.resets: list[tuple[WorkloadClass, bool]] = []

    async def members(self) -> Mapping[WorkloadClass, int]:
        self.looks += 1
        if isinstance(self.counted, Problem):
            raise self.counted
        return self.counted

    def ailments(self) -> Ailments:
        return self.ailing

    def reset(self, workload: WorkloadClass, *, accept: bool) -> None:
        self.resets.append((workload, accept))

    async def other(self, name: str, *budgets: BudgetReport) -> None:
        """Let another worker, of batch only, show that it lives."""
        shown = WorkerReport(worker=name, classes=(BATCH,), budgets=budgets)
        await self.store.beat(shown, 0)


class Desk:
    """One worker of an office: its heartbeat, and what it tells."""

    def __init__(self, office: Office | None = None, name: str = "m", max_usd: float = 0) -> None:
        self.office, self.outbox = office or Office(), MemoryOutbox()
        clock, wall = self.office.clock, self.office.wall
        shelter = Shelter(self.office.store, clock)
        self.gateway = Gateway(
            ScriptedClient(),
            Allocation(budgets={(MODEL,): RULES}, max_usd_per_day=max_usd),
            Recorder(),
            leases=shelter,
            worker=name,
            clock=clock,
            wall=wall,
        )
        self.heartbeat = Heartbeat(
            name,
            (REALTIME, BATCH),
            self.gateway,
            shelter,
            Alerts("shop", TOPIC, Budget(), self.outbox, Recorder(), wall=wall),
            self.office,
            clock=clock,
            wall=wall,
            pace=Pace(beat_s=0, count_s=0),
        )

    @property
    def messages(self) -> list[str]:
        return [orjson.loads(m.value or b"")["message"] for m in self.outbox.topics[TOPIC]]

    @property
    def told(self) -> list[str]:
        alerts = [Alert.model_validate_json(m.value or b"") for m in self.outbox.topics[TOPIC]]
        return [f"{alert.kind} {alert.state}" for alert in alerts]

    async def beat(self, after_s: float = 0) -> None:
        self.office.clock.advance(after_s)
        self.office.wall.advance(after_s)
        await self.heartbeat.beat()

    async def count(self, members: Mapping[WorkloadClass, int] | Problem) -> None:
        """Count the members of the Kafka groups anew."""
        self.office.counted, looks = members, self.office.looks
        counting = asyncio.create_task(self.heartbeat.count())
        await until(lambda: self.office.looks > looks + 1)  # so the first look is taken in
        counting.cancel()
        await asyncio.wait({counting})


@pytest.mark.parametrize(("name", "tells"), [("a", ["budget_closed raised"]), ("m", [])])
async def test_only_the_first_worker_by_name_tells(name: str, tells: list[str]) -> None:
    desk = Desk(name=name)
    await desk.office.other("f", CLOSED)
    await desk.beat()
    assert desk.told == tells


async def test_lead_goes_over_when_the_leader_is_gone() -> None:
    desk = Desk()
    await desk.office.other("f", CLOSED)
    await desk.office.other("z", CLOSED)
    await desk.beat()
    await desk.beat(after_s=MEMBER_S - 1)
    assert desk.told == []
    await desk.office.other("z", CLOSED)
    await desk.beat(after_s=1)
    assert desk.told == ["budget_closed raised"]


async def test_standings_are_those_of_the_whole_group() -> None:
    desk = Desk()
    [alone] = desk.heartbeat.standings
    assert (alone.workers, alone.in_flight) == (1, 0)
    await desk.office.other("z", report(in_flight=7))
    await desk.beat()
    [row] = desk.heartbeat.standings
    assert (row.workers, row.in_flight) == (2, 7)
    assert repr(desk.heartbeat) == "Heartbeat(m, 2 alive)"


async def test_worker_alone_shows_its_own_and_tells_of_the_store_only() -> None:
    desk = Desk(max_usd=1)
    await desk.office.other("f", report(in_flight=7, closed_s=60.0, closed_for="configuration"))
    await desk.beat()
    desk.gateway.spending.add(DOLLAR)
    desk.office.store.away = True
    await desk.beat()
    assert desk.heartbeat.degraded == "redis://shop: no answer in 0.5 s"
    [row] = desk.heartbeat.standings
    assert (row.workers, row.in_flight) == (1, 0)
    assert desk.told == ["store raised"]


async def test_worker_that_is_back_tells_so_and_all_the_rest_again() -> None:
    desk = Desk(max_usd=1)
    await desk.beat()
    desk.office.store.away = True
    desk.gateway.spending.add(DOLLAR)
    await desk.beat()
    desk.office.store.away = False
    await desk.beat(after_s=1)
    assert desk.heartbeat.degraded == ""
    assert desk.told == ["store raised", *4 * ["spend raised"]]
    assert (await desk.office.store.group()).spent_nanousd == DOLLAR
    await desk.beat(after_s=CALM_S)
    assert desk.told[5:] == ["store cleared"]


async def test_money_is_told_once_and_the_sum_of_all_is_learned() -> None:
    office = Office()
    one, other = Desk(office, "a", max_usd=1), Desk(office, "b", max_usd=1)
    one.gateway.spending.add(DOLLAR - 1)
    other.gateway.spending.add(1)
    for desk in (one, other, one):
        await desk.beat()
    assert (await office.store.group()).spent_nanousd == DOLLAR
    assert one.gateway.spending.holds(REALTIME)
    assert one.told == [*3 * ["spend raised"], "spend raised"]


async def test_worker_that_leaves_tells_what_it_spent_and_clears_what_it_raised() -> None:
    desk = Desk(max_usd=1)
    desk.gateway.spending.add(DOLLAR * 8 // 10)
    await desk.beat()
    desk.gateway.spending.add(1)
    await desk.heartbeat.leave()
    assert (await desk.office.store.group()).spent_nanousd == DOLLAR * 8 // 10 + 1
    assert desk.told == ["spend raised", "spend cleared"]


async def test_strangers_that_stay_leave_this_store_its_part_of_the_limits() -> None:
    desk = Desk()
    await desk.count({BATCH: 2, REALTIME: 1})
    for after_s, share in ((0, 1), (HOLD_S - 1, 1), (1, 0.5), (1, 0.5)):
        await desk.beat(after_s)
        assert desk.gateway.lines.share == share
    assert desk.told == ["members raised"]
    await desk.count({BATCH: 1, REALTIME: 1})
    await desk.beat()
    assert desk.gateway.lines.share == 1
    await desk.beat(after_s=CALM_S)
    assert desk.told == ["members raised", "members cleared"]


async def test_class_with_the_most_strangers_counts() -> None:
    desk = Desk()
    await desk.count({BATCH: 5, REALTIME: 3})
    for after_s in (0, HOLD_S):
        desk.office.clock.advance(after_s)
        await desk.office.other("z")
        await desk.beat()
    # Three strangers do batch, two of them realtime as well.
    assert desk.gateway.lines.share == 2 / 5


async def test_member_that_crashed_is_no_stranger() -> None:
    desk = Desk()
    await desk.count({BATCH: 2})
    await desk.beat()
    await desk.office.other("z")
    await desk.beat(after_s=1)  # z shows itself: the time begins anew
    await desk.beat(after_s=HOLD_S - 1)  # z is gone; Kafka still counts it
    await desk.beat(after_s=HOLD_S - 1)
    assert (desk.gateway.lines.share, desk.told) == (1, [])


async def test_last_count_of_the_members_stands_while_there_is_no_other() -> None:
    desk = Desk()
    await desk.count({BATCH: 2})
    await desk.beat()
    await desk.count(Problem("no broker"))
    await desk.beat(after_s=HOLD_S)
    assert desk.gateway.lines.share == 0.5
    await desk.count({BATCH: 1})
    await desk.beat()
    assert desk.gateway.lines.share == 1


async def test_strangers_do_not_get_the_limit_back_when_the_store_goes_away() -> None:
    desk = Desk()
    await desk.count({BATCH: 2})
    for after_s in (0, HOLD_S):
        await desk.beat(after_s)
    desk.office.store.away = True
    await desk.beat()
    assert desk.gateway.lines.share == 0.5
    desk.office.store.away = False
    await desk.beat()
    assert desk.gateway.lines.share == 0.5


async def test_beat_that_fails_does_not_end_the_beating(caplog: pytest.LogCaptureFixture) -> None:
    desk = Desk()
    desk.office.store.broken = True
    beating = asyncio.create_task(desk.heartbeat.run())
    await until(lambda: bool(caplog.records))
    desk.office.store.broken = False
    await until(lambda: repr(desk.heartbeat) == "Heartbeat(m, 1 alive)")
    beating.cancel()
    await asyncio.wait({beating})
    assert caplog.records[0].event == "heartbeat_failed"  # type: ignore[attr-defined] # the machine key


async def test_what_holds_records_up_is_told_by_whoever_leads() -> None:
    desk = Desk()
    desk.office.ailing = Ailments(
        floods=Counter({BATCH: 7}),
        outages=(MODEL,),
        refusals={"results.batch": "TopicAuthorizationFailed"},
    )
    await desk.beat()
    assert sorted(desk.told) == ["flood raised", "outage raised", "publish raised"]
    assert "7 dead letters" in " ".join(desk.messages)
    desk.office.ailing = Ailments(floods={}, outages=(), refusals={})
    await desk.beat()
    await desk.beat(after_s=60)
    assert sorted(desk.told[3:]) == ["flood cleared", "outage cleared", "publish cleared"]


async def test_reset_of_a_breaker_is_obeyed_once_and_an_old_one_never() -> None:
    desk = Desk()
    await desk.office.store.reset_breaker(BATCH, accept=False)
    await desk.beat()
    assert desk.office.resets == []  # it was meant for those who were there
    await desk.office.store.reset_breaker(BATCH, accept=True)
    await desk.beat()
    await desk.beat()
    assert desk.office.resets == [(BATCH, True)]
    await desk.office.store.reset_breaker(REALTIME, accept=False)
    await desk.beat()
    assert desk.office.resets[1:] == [(REALTIME, False)]
