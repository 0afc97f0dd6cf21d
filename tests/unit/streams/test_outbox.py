import logging

import pytest
from aiokafka.errors import KafkaTimeoutError, MessageSizeTooLargeError

from schemas.sections import Kafka
from streams.outbox import SHORT_TEXT_BYTES, Outbox, TooLargeForKafka
from streams.record import Message
from tests.fakes import Steady, until
from tests.stream_fakes import size_bytes

WORDY = Message(
    topic="dlq.headrace.batch",
    key=None,
    value=b"\xff" * 500,
    headers=(("__dlq.errors.message", b"x" * 3000), ("x-own", b"y" * 2000), ("n", b"")),
)


class BriefOutbox(Outbox):
    """An outbox whose broker takes messages up to a size, after it has failed so often."""

    def __init__(self, limit: int = 10_000, *failures: Exception) -> None:
        super().__init__(Kafka(), Steady(0.0))
        self._limit, self._failures = limit, list(failures)
        self.taken: list[Message] = []
        self.tries = 0

    async def _send(self, message: Message) -> tuple[int, int]:
        self.tries += 1
        if self._failures:
            raise self._failures.pop(0)
        if size_bytes(message) > self._limit:
            raise MessageSizeTooLargeError
        self.taken.append(message)
        return 3, len(self.taken) - 1


async def test_publish_returns_the_place() -> None:
    outbox = BriefOutbox()
    assert await outbox.publish(WORDY) == (3, 0)
    assert await outbox.publish(WORDY) == (3, 1)


async def test_publish_tries_until_the_broker_has_it(caplog: pytest.LogCaptureFixture) -> None:
    outbox = BriefOutbox(10_000, KafkaTimeoutError())
    await outbox.publish(WORDY)
    assert outbox.taken == [WORDY]
    (line,) = [found for found in caplog.records if found.levelno == logging.WARNING]
    assert line.event == "publish_failed"  # type: ignore[attr-defined] # the machine key


async def test_size_is_not_tried_again() -> None:
    outbox = BriefOutbox(100)
    with pytest.raises(TooLargeForKafka, match=r"dlq\.headrace\.batch"):
        await outbox.publish(WORDY)
    assert outbox.tries == 1


async def test_letter_that_fits_is_published_whole() -> None:
    outbox = BriefOutbox()
    await outbox.publish_letter(WORDY)
    assert outbox.taken == [WORDY]


async def test_letter_that_does_not_fit_loses_the_tail_of_its_text_and_nothing_else() -> None:
    outbox = BriefOutbox(size_bytes(WORDY) - 1)
    await outbox.publish_letter(WORDY)
    (taken,) = outbox.taken
    assert taken.headers[0] == ("__dlq.errors.message", b"x" * SHORT_TEXT_BYTES)
    assert (taken.value, taken.headers[1:]) == (WORDY.value, WORDY.headers[1:])


async def test_letter_that_is_still_too_large_says_so() -> None:
    outbox = BriefOutbox(600)
    with pytest.raises(TooLargeForKafka):
        await outbox.publish_letter(WORDY)
    assert outbox.tries == 2


async def test_post_does_not_wait_and_does_not_complain() -> None:
    outbox = BriefOutbox(10_000, KafkaTimeoutError())
    outbox.post(WORDY)
    outbox.post(WORDY)
    assert outbox.tries == 0
    await until(lambda: outbox.tries == 2)
    assert outbox.taken == [WORDY]


async def test_outbox_that_was_not_started_says_so() -> None:
    with pytest.raises(RuntimeError, match="not started"):
        await Outbox(Kafka()).publish(WORDY)


async def test_stop_may_be_said_twice_and_before_any_start() -> None:
    outbox = BriefOutbox()
    await outbox.stop()
    await outbox.stop()
    assert repr(outbox) == "Outbox(localhost:9092)"
