"""Alarms to the `alerts` topic, the log and the metrics."""

import asyncio
import logging
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping

import orjson

from agents.alarms.alarm import Alarms, UseAlarm, announcement
from agents.alarms.conditions import Condition
from schemas.alert import Alert, AlertKind
from schemas.observation import Alerted, LimitChanged, Observation, Observer
from schemas.sections import Budget
from schemas.standing import Standing
from streams.outbox import Outbox, TooLargeForKafka
from streams.record import Message

log = logging.getLogger(__name__)

# Looking gives way when Kafka is away; publishing goes on, in order, until the broker has all.
PATIENCE_S = 1.0
# What is kept while Kafka is away; beyond it the oldest go.
MOST_KEPT = 1000
STORE_ONLY: frozenset[AlertKind] = frozenset({"store"})


class Alerts:
    """Looks for alarms and tells about them; only the worker that leads its group does.

    A worker that loses the lead clears what it has raised; the next leader raises anew, with ids of
    its own, what still lasts. Only what a killed leader had raised is cleared by nobody: the newest
    alert of a kind, model and unit counts.
    """

    def __init__(
        self,
        app: str,
        topic: str,
        budget: Budget,
        outbox: Outbox,
        observer: Observer,
        *,
        patience_s: float = PATIENCE_S,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._app, self._topic = app, topic
        self._outbox, self._observer = outbox, observer
        self._patience_s, self._wall = patience_s, wall
        self._use = UseAlarm(app, budget.alert_at, budget.alert_hold_s)
        self._lasting = Alarms(app)
        self._changes: deque[LimitChanged] = deque(maxlen=MOST_KEPT)
        self._unpublished: deque[Alert] = deque(maxlen=MOST_KEPT)
        self._publishing: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"Alerts({self._use}, {self._lasting}, {len(self._unpublished)} to publish)"

    @property
    def raised(self) -> Counter[AlertKind]:
        """How many are raised now, by kind."""
        return self._lasting.raised + Counter({"budget_use": self._use.raised})

    def observe(self, fact: Observation) -> None:
        """Take note of limits that the API changed; the next look tells.

        Limits that become known at a start are no change, and nothing to call anybody for.
        """
        if isinstance(fact, LimitChanged) and fact.before:
            self._changes.append(fact)

    async def look(
        self,
        standings: Iterable[Standing] | None,
        conditions: Mapping[str, Condition],
        *,
        leads: bool,
    ) -> None:
        """Tell what began or ended since the last look; waits `patience_s` at most.

        `standings` are None while nobody knows them: use that cannot be seen neither raises nor
        clears. Never called twice at a time.
        """
        now = self._wall()
        changes, self._changes = self._changes, deque(maxlen=MOST_KEPT)
        if leads:
            for fact in changes:
                self._tell(announcement(self._app, fact, now))
            if standings is not None:
                self._tell(self._use.look(standings, now))
            # Without the store nobody knows whether the rest still lasts: it stays as it is.
            kinds = STORE_ONLY if standings is None else None
            self._tell(self._lasting.look(conditions, now, kinds=kinds))
        else:
            self._tell(self._use.release(now))
            self._tell(self._lasting.release(now))
        await self._publish()

    async def stop(self) -> None:
        """Give up what Kafka has not taken; call it before the outbox is stopped."""
        publishing, self._publishing = self._publishing, None
        if publishing:
            publishing.cancel()
            await asyncio.wait({publishing})

    def _tell(self, alerts: Iterable[Alert]) -> None:
        for alert in alerts:
            self._observer.observe(Alerted(alert=alert))
            self._unpublished.append(alert)

    async def _publish(self) -> None:
        """See that all is published; what takes longer than a moment is not waited for."""
        if self._publishing and self._publishing.done():
            publishing, self._publishing = self._publishing, None
            publishing.result()  # a failure is a bug: whoever looks shall know
        if self._unpublished and not self._publishing:
            self._publishing = asyncio.create_task(self._publish_all())
            await asyncio.wait({self._publishing}, timeout=self._patience_s)

    async def _publish_all(self) -> None:
        while self._unpublished:
            alert = self._unpublished[0]
            try:
                await self._outbox.publish(self._message(alert))
            except TooLargeForKafka as problem:
                log.warning("an alert is lost: %s", problem, extra={"event": "alert_lost"})
            if self._unpublished[0] is alert:  # else there was no room for it any more
                self._unpublished.popleft()

    def _message(self, alert: Alert) -> Message:
        """Build the record; one key keeps an alert and its end in order."""
        value = orjson.dumps(alert.model_dump(mode="json"))
        headers = (("content-type", b"application/json"),)
        return Message(topic=self._topic, key=alert.id.encode(), value=value, headers=headers)
