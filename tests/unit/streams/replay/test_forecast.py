from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from agents.task import Task
from schemas.dead_letter import Disposition
from schemas.settings import Settings
from schemas.usage import Usage, cost_nanousd
from schemas.workload import WorkloadClass
from streams.reader import Reader
from streams.replay.forecast import Forecast
from streams.replay.letters import letter_of
from streams.replay.rates import Rates, prompt_bytes
from tests import builders
from tests.letter_builders import letter
from tests.stream_builders import WRITTEN_AT, catalog, event, record

NOW = WRITTEN_AT + 60
USED = Usage(input_tokens=400, output_tokens=30)


class Lesson:
    """Teaches every task the same; remembers who asked."""

    def __init__(self, bytes_: int = 1000) -> None:
        self.asked: list[WorkloadClass] = []
        self._bytes = bytes_

    async def __call__(
        self,
        settings: Settings,
        workload: WorkloadClass,
        reader: Reader,
        rates: Mapping[str, Rates],
    ) -> None:
        del settings, reader
        self.asked.append(workload)
        for rate in rates.values():
            rate.learn(USED, self._bytes)


async def nothing(*_: Any) -> None:  # noqa: ANN401 - whatever it is asked
    """There are no results."""


def forecast(*tasks: Task, learn: Any = nothing, ignore_expiry: bool = False) -> Forecast:  # noqa: ANN401 - a callable
    return Forecast(
        Settings(), catalog(*tasks), ignore_expiry=ignore_expiry, learn=learn, wall=lambda: NOW
    )


async def test_letters_are_counted_by_disposition_and_class() -> None:
    counted = forecast()
    for number, disposition in enumerate((Disposition.REFUSED, Disposition.REFUSED, "TRUNCATED")):
        assert await counted.add(letter(Disposition(disposition), offset=number))
    told = counted.tally.as_json(None, executed=False)
    assert told["selected"] == 3
    assert told["by_disposition"] == {"REFUSED": 2, "TRUNCATED": 1}
    assert told["by_class"] == {"realtime": 3}
    assert orjson.loads(orjson.dumps(told)) == told


def test_json_has_the_keys_of_the_contract() -> None:
    told = forecast().tally.as_json("ab", executed=True)
    assert list(told) == [
        *("job", "executed", "selected", "by_disposition", "by_class", "input_tokens"),
        *("output_tokens", "cost_microusd", "rejected_again", "blocked_by_cap"),
    ]


async def test_letter_of_the_last_replay_is_never_sent() -> None:
    counted = forecast()
    assert [await counted.add(letter(replays=n)) for n in (0, 1, 2, 3)] == [
        True,
        True,
        False,
        False,
    ]
    assert (counted.tally.selected, counted.tally.blocked_by_cap) == (4, 2)


async def test_stranger_is_not_sent_and_named_in_a_note() -> None:
    counted = forecast()
    assert not await counted.add(letter_of(record(topic="dlq")))
    assert counted.tally.selected == 0
    assert list(counted.notes()) == ["1 records are no letters of headrace; they are not sent"]


@pytest.mark.parametrize(
    ("value", "again"),
    [
        (event(), 0),
        (b"{", 1),
        (None, 1),
        (event(task="gone"), 1),
        (event(expires_at=datetime.fromtimestamp(NOW - 1, UTC).isoformat()), 1),
        (event(expires_at=datetime.fromtimestamp(NOW + 1, UTC).isoformat()), 0),
    ],
)
async def test_what_todays_build_rejects_costs_nothing(value: bytes | None, again: int) -> None:
    counted = forecast(learn=Lesson())
    assert await counted.add(letter(value=value)), "it is sent all the same"
    assert counted.tally.rejected_again == again
    assert bool(counted.tally.cost_nanousd) is not bool(again)


async def test_ignored_expiry_rejects_nothing() -> None:
    old = event(expires_at=datetime.fromtimestamp(NOW - 1, UTC).isoformat())
    counted = forecast(ignore_expiry=True)
    await counted.add(letter(value=old))
    assert counted.tally.rejected_again == 0


async def test_price_rests_on_measured_use() -> None:
    length = prompt_bytes(builders.work())
    counted = forecast(learn=Lesson(length))
    for number in range(10):
        await counted.add(letter(offset=number))
    assert (counted.tally.input_tokens, counted.tally.output_tokens) == (4000, 300)
    assert counted.tally.cost_nanousd == 10 * cost_nanousd(builders.MODEL, USED)
    assert list(counted.notes()) == []


async def test_each_class_is_learned_once() -> None:
    lesson = Lesson()
    counted = forecast(learn=lesson)
    for number in range(3):
        await counted.add(letter(offset=number))
    assert lesson.asked == [WorkloadClass.REALTIME]


async def test_what_is_assumed_is_said() -> None:
    priceless = builders.task(name="own", model="my-model")
    counted = forecast(priceless)
    await counted.add(letter(value=event(task="own")))
    assert list(counted.notes()) == [
        "task own: no results to learn from; 20% of max_output_tokens are assumed",
        "task own: no price is known for my-model; it counts as 0",
    ]
    assert counted.tally.output_tokens == 10


def test_output_follows_results_of_about_the_same_length() -> None:
    rates = Rates(builders.task())
    for _ in range(20):
        rates.learn(Usage(input_tokens=100, output_tokens=10), 250)
        rates.learn(Usage(input_tokens=1000, output_tokens=50), 2500)
    assert rates.usage(250).output_tokens == 10
    assert rates.usage(2500).output_tokens == 50
    assert rates.usage(10_000).output_tokens == 30
    assert rates.usage(2500).input_tokens == 1000


def test_cache_reads_are_priced_as_such() -> None:
    rates = Rates(builders.task())
    rates.learn(Usage(input_tokens=10, cache_read_input_tokens=90, output_tokens=1), 100)
    assert rates.usage(200).cache_read_input_tokens == 180
