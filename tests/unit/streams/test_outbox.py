import asyncio
import logging

import pytest
from aiokafka.errors import (
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    TopicAuthorizationFailedError,
)

from schemas.sections import Kafka
from streams.outbox import SHORT_TEXT_BYTES, Outbox, TooLargeForKafka
from streams.record import Message
from streams.troubles import PATIENCE_S
from tests.fakes import ManualClock, Steady, until
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
        self.clock = ManualClock()
        super().__init__(Kafka(), Steady(0.0), self.clock)
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


async def test_refused_size_is_tried_once_more_alone() -> None:
    outbox = BriefOutbox(100)
    with pytest.raises(TooLargeForKafka, match=r"dlq\.headrace\.batch"):
        await outbox.publish(WORDY)
    assert outbox.tries == 2
    assert outbox.troubles == {}


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
    assert outbox.tries == 4
    assert outbox.troubles == {WORDY.topic: "MessageSizeTooLargeError"}
    await outbox.publish(Message(topic=WORDY.topic, key=None, value=b"short"))
    assert outbox.troubles == {}


class Doors:
    """What a topic's door does: it is open, closed, or says no; counts who stands before it."""

    def __init__(self) -> None:
        self.denied = True
        self.before = self.most_before = self.tries = 0


class TwoTopics(Outbox):
    """A broker that denies every topic whose name begins with "denied", until it is allowed."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        super().__init__(Kafka(), Steady(0.0), self.clock)
        self.doors, self.taken = Doors(), 0

    async def _send(self, message: Message) -> tuple[int, int]:
        doors = self.doors
        if message.topic.startswith("denied"):
            doors.tries, doors.before = doors.tries + 1, doors.before + 1
            doors.most_before = max(doors.most_before, doors.before)
            for _ in range(5):
                await asyncio.sleep(0)
            doors.before -= 1
            if doors.denied:
                raise TopicAuthorizationFailedError(message.topic)
        self.taken += 1
        return 0, self.taken


def to(topic: str) -> Message:
    return Message(topic=topic, key=None, value=b"1")


async def test_denied_topic_is_told_by_name_and_hinders_no_other() -> None:
    outbox = TwoTopics()
    waiting = asyncio.create_task(outbox.publish(to("denied")))
    await until(lambda: outbox.doors.tries > 1)
    assert outbox.troubles == {}
    outbox.clock.advance(PATIENCE_S)
    assert outbox.troubles == {"denied": "TopicAuthorizationFailedError"}
    for _ in range(100):
        await outbox.publish(to("fine"))
    assert outbox.taken == 100
    outbox.doors.denied = False
    await waiting
    assert outbox.troubles == {}


async def test_while_a_topic_fails_one_record_is_tried_at_a_time() -> None:
    outbox = TwoTopics()
    crowd = [asyncio.create_task(outbox.publish(to("denied"))) for _ in range(50)]
    await until(lambda: outbox.doors.tries > 51)
    outbox.doors.most_before = 0
    tries = outbox.doors.tries
    await until(lambda: outbox.doors.tries > tries + 1)
    assert outbox.doors.most_before == 1
    outbox.doors.denied = False
    await asyncio.gather(*crowd)
    assert outbox.taken == 50
    assert outbox.doors.most_before > 1, "behind the first that went through all go at once"


async def test_next_record_tries_when_the_one_that_tried_is_given_up() -> None:
    outbox = TwoTopics()
    first, second = (asyncio.create_task(outbox.publish(to("denied"))) for _ in range(2))
    await until(lambda: outbox.doors.tries > 3)
    first.cancel()
    await asyncio.wait([first])
    outbox.doors.denied = False
    assert (await second)[0] == 0


async def test_post_does_not_wait_and_does_not_complain() -> None:
    outbox = BriefOutbox(10_000, KafkaTimeoutError())
    outbox.post(WORDY)
    outbox.post(WORDY)
    assert outbox.tries == 0
    await until(lambda: outbox.tries == 2)
    assert outbox.taken == [WORDY]
    outbox.post(WORDY)
    await asyncio.sleep(0)
    assert outbox.tries == 2, "after a failure none is tried for a while"


async def test_outbox_that_was_not_started_says_so() -> None:
    with pytest.raises(RuntimeError, match="not started"):
        await Outbox(Kafka()).publish(WORDY)


async def test_stop_may_be_said_twice_and_before_any_start() -> None:
    outbox = BriefOutbox()
    await outbox.stop()
    await outbox.stop()
    assert repr(outbox) == "Outbox(localhost:9092)"
