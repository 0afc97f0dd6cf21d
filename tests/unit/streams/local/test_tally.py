from schemas.dead_letter import Disposition
from schemas.workload import WorkloadClass
from streams.envelope import dead_letter_message, result_message
from streams.local.tally import ClassTally, Tally
from streams.record import Message, Record
from tests.builders import reply
from tests.stream_builders import (
    INPUT,
    WRITTEN_AT,
    completed,
    ending,
    failed,
    origin,
    record,
)

REALTIME = WorkloadClass.REALTIME


def read_back(message: Message, seconds: float = 1.0) -> Record:
    return record(message.value, timestamp=WRITTEN_AT + seconds, headers=message.headers)


def result(offset: int, seconds: float = 1.0, output: str = '{"label":"bug"}') -> Record:
    done = completed(output, replies=(reply(cost_nanousd=3000),))
    message = result_message(record(offset=offset), done, origin(), ending(), "results.realtime")
    return read_back(message, seconds)


def letter(
    offset: int, disposition: Disposition = Disposition.REFUSED, value: bytes | None = b"x"
) -> Record:
    given = record(value, offset=offset)
    return read_back(dead_letter_message(given, failed(disposition), origin(), "dlq", "0.1.0"))


def tally(*expectations: Disposition | None) -> Tally:
    """A tally of events published at offsets 0, 1, 2 ... that have to end so."""
    made = Tally()
    for offset, expected in enumerate(expectations):
        made.published(REALTIME, (INPUT, 3, offset), WRITTEN_AT, expected)
    return made


def test_every_event_is_open_until_it_ends() -> None:
    counted = tally(None, Disposition.REFUSED)
    assert (counted.open, counted.classes[REALTIME].published) == (2, 2)
    counted.result(result(0))
    counted.dead_letter(letter(1))
    assert counted.open == 0
    assert counted.unexpected == []
    row = counted.classes[REALTIME]
    assert (row.results, row.letters, row.settled) == (1, {"REFUSED": 1}, 2)


def test_results_are_summed() -> None:
    counted = tally(None, None)
    counted.result(result(0, 0.5))
    counted.result(result(1, 2.5))
    row = counted.classes[REALTIME]
    assert (row.tokens, row.cost_microusd) == (240, 6)
    assert row.latencies_s == [0.5, 2.5]


def test_letters_are_counted_by_disposition() -> None:
    counted = tally(*[Disposition.REFUSED] * 2, Disposition.TRUNCATED)
    for offset in (0, 1):
        counted.dead_letter(letter(offset))
    counted.dead_letter(letter(2, Disposition.TRUNCATED))
    assert counted.classes[REALTIME].letters == {"REFUSED": 2, "TRUNCATED": 1}


def test_second_end_of_an_event_is_not_as_expected() -> None:
    counted = tally(None)
    counted.result(result(0))
    counted.result(result(0))
    assert counted.classes[REALTIME].results == 1
    assert len(counted.unexpected) == 1


def test_end_of_what_was_never_published_is_not_as_expected() -> None:
    counted = tally()
    counted.dead_letter(letter(7))
    assert counted.classes[REALTIME].letters == {}
    assert len(counted.unexpected) == 1


def test_other_end_than_expected_is_counted_and_named() -> None:
    counted = tally(Disposition.REFUSED, None, Disposition.REFUSED)
    counted.result(result(0))
    counted.dead_letter(letter(1))
    counted.dead_letter(letter(2, Disposition.TRUNCATED))
    assert counted.open == 0
    assert [line.partition(": ")[2] for line in counted.unexpected] == [
        "a result, not REFUSED",
        "REFUSED, not a result",
        "TRUNCATED, not REFUSED",
    ]


def test_letter_that_fits_on_the_screen_is_shown() -> None:
    counted = tally(*[Disposition.REFUSED] * 3)
    for offset, value in enumerate((None, b"short", b"x" * 500)):
        counted.dead_letter(letter(offset, value=value))
    assert counted.letter is not None
    assert counted.letter.value == b"short"


def test_result_that_is_surest_is_shown() -> None:
    counted = tally(*[None] * 4)
    outputs = ('{"confidence":0.2}', '{"confidence":0.9}', '{"confidence":0.95,"label":"other"}')
    for offset, output in enumerate(outputs):
        counted.result(result(offset, output=output))
    assert counted.results[REALTIME]["output"] == {"confidence": 0.9}


def test_percentiles_rank_the_latencies() -> None:
    row = ClassTally(latencies_s=[float(n) for n in range(100, 0, -1)])
    assert (row.percentile_s(0.5), row.percentile_s(0.99)) == (51.0, 100.0)
    assert ClassTally(latencies_s=[7.0]).percentile_s(0.99) == 7.0
    assert ClassTally().percentile_s(0.5) == 0.0
