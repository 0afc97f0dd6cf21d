from dataclasses import dataclass, field

from schemas.claim import Page
from schemas.lease import StoreAway
from schemas.sections import Kafka
from schemas.workload import WorkloadClass
from streams.outbox import Outbox, TooLargeForKafka
from streams.record import Partition
from streams.replay.dispatch import PAGE, Dispatch
from streams.replay.ledger import Ledger
from streams.replay.letters import Letter, letter_of
from tests.letter_builders import letter
from tests.stream_builders import record


@dataclass(slots=True)
class Store:
    """Keeps pages, or is away."""

    away: bool = False
    pages: list[Page] = field(default_factory=list)

    async def write(self, page: Page) -> object:
        if self.away:
            raise StoreAway("redis://store: no answer")
        self.pages.append(page)
        return ()


@dataclass(slots=True)
class Scene:
    """A dispatch with everything around it written down."""

    now: float = 0.0
    sent: list[Letter] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    reached: list[dict[Partition, int]] = field(default_factory=list)
    store: Store = field(default_factory=Store)

    def dispatch(self) -> Dispatch:
        ledger = Ledger(self.store, "job", self.said.append)

        async def send(_: Outbox, one: Letter) -> None:
            if one.record.value == b"large":
                raise TooLargeForKafka("replay refuses the record's size")
            self.sent.append(one)

        async def reached(offsets: dict[Partition, int]) -> None:
            self.reached.append(offsets)

        return Dispatch(
            Outbox(Kafka()), send, ledger, self.said.append, reached=reached, clock=lambda: self.now
        )


async def test_letters_go_in_order_a_page_at_a_time() -> None:
    scene = Scene()
    dispatch = scene.dispatch()
    letters = [letter(offset=n, at=(n % 2, n)) for n in range(PAGE + 1)]
    for one in letters:
        await dispatch.add(one)
    assert (dispatch.sent, len(scene.reached)) == (PAGE, 1)
    await dispatch.flush()
    assert scene.sent == letters
    assert scene.reached == [
        {("dlq.headrace.realtime", 0): PAGE - 1, ("dlq.headrace.realtime", 1): PAGE},
        {("dlq.headrace.realtime", 0): PAGE + 1},
    ]


async def test_slow_page_ends_after_a_second() -> None:
    scene = Scene()
    dispatch = scene.dispatch()
    await dispatch.add(letter())
    assert dispatch.sent == 0
    scene.now = 1.0
    await dispatch.add(letter(offset=1))
    assert dispatch.sent == 2


async def test_letter_that_is_too_large_stays_open_and_the_others_go() -> None:
    scene = Scene()
    dispatch = scene.dispatch()
    for number, value in enumerate((b"a", b"large", b"c")):
        await dispatch.add(letter(value=value, offset=number))
    await dispatch.flush()
    assert (dispatch.sent, dispatch.refused, len(scene.sent)) == (2, 1, 2)
    [line] = scene.said
    assert "stays open" in line
    [page] = scene.store.pages
    assert [mark.source for mark in page.letters] == [
        "interactions.realtime:3:0",
        "interactions.realtime:3:2",
    ]


async def test_ledger_is_told_what_is_open_no_longer() -> None:
    scene = Scene()
    ledger = Ledger(scene.store, "job", scene.said.append)
    await ledger.closed([letter(replays=1)])
    await ledger.closed([])
    await ledger.closed([letter_of(record(topic="dlq"))])
    [page] = scene.store.pages
    [mark] = page.letters
    assert (page.worker, mark.workload, mark.replays, mark.is_open) == (
        "job",
        WorkloadClass.REALTIME,
        1,
        False,
    )


async def test_store_that_is_away_is_said_once() -> None:
    scene = Scene(store=Store(away=True))
    ledger = Ledger(scene.store, "job", scene.said.append)
    for _ in range(3):
        await ledger.closed([letter()])
    [line] = scene.said
    assert "audit --rebuild" in line
    await Ledger(None, "job", scene.said.append).closed([letter()])
    assert len(scene.said) == 1
