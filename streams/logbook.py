"""Log lines: what they look like, and the facts that become one."""

import logging
import sys
from collections import Counter
from datetime import UTC, datetime
from typing import Literal

import orjson

from schemas.alert import Alert
from schemas.dead_letter import Disposition
from schemas.observation import (
    Alerted,
    Closed,
    LimitChanged,
    Observation,
    Observer,
    OutageBegan,
    OutageEnded,
    Settled,
)

log = logging.getLogger("headrace")
# They repeat themselves thousands of times while a broker is away, or with every request.
_LOUD = ("aiokafka", "faust", "mode", "streams.intake", "httpx2")
# Lines that differ in one of these are not alike.
_ABOUT = ("model", "unit", "topic", "alert", "workload", "task", "disposition")
_ORDINARY = frozenset(vars(logging.makeLogRecord({}))) | {"message", "taskName"}


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, logger, message, and the machine keys."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        extra = {k: v for k, v in vars(record).items() if k not in _ORDINARY}
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **extra,
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return orjson.dumps(line, default=str).decode()


class OncePerPeriod(logging.Filter):
    """Lets a line of a logger through once in a while; the next one tells how many were dropped."""

    def __init__(self, period_s: float = 10.0) -> None:
        super().__init__()
        self._period_s = period_s
        self._last: dict[tuple[object, ...], float] = {}
        self._dropped: dict[tuple[object, ...], int] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Decide by where the line was written and what it is about, not by its words."""
        about = (getattr(record, name, "") for name in _ABOUT)
        key = (record.name, record.lineno, record.levelname, *about)
        since_s = record.created - self._last.get(key, -self._period_s)
        if 0 <= since_s < self._period_s:  # a clock that was set back must not silence anybody
            self._dropped[key] = self._dropped.get(key, 0) + 1
            return False
        self._last[key] = record.created
        if dropped := self._dropped.pop(key, 0):
            record.msg, record.args = f"{record.getMessage()} (and {dropped} alike)", ()
        return True


def configure(style: Literal["text", "json"]) -> None:
    """Write log lines to stderr; libraries that shout in an outage are limited."""
    handler = logging.StreamHandler(sys.stderr)
    text = logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s")
    handler.setFormatter(JsonLines() if style == "json" else text)
    handler.addFilter(OncePerPeriod())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    listen(logging.CRITICAL)


def listen(level: int) -> None:
    """Set from which level on the libraries are heard.

    Until the worker is up, and in the other commands, our one line says what theirs would repeat.
    """
    for name in _LOUD:
        logging.getLogger(name).setLevel(level)


class Logbook:
    """Writes down what a person on call wants to know."""

    def __init__(self) -> None:
        self._letters: Counter[tuple[str, str, str]] = Counter()

    def observe(self, fact: Observation) -> None:
        """Write a line when work stands or goes on, a record fails, or a person is told."""
        match fact:
            case OutageBegan() | OutageEnded():
                _write_outage(fact)
            case Settled(disposition=disposition) if disposition:
                self._write_letter(fact, disposition)
            case Closed():
                log.warning(
                    "no calls to %s for %.0f s: %s",
                    fact.model,
                    fact.seconds,
                    fact.message,
                    extra={"event": "budget_closed", "model": fact.model},
                )
            case LimitChanged():
                about = {"model": fact.model, "unit": fact.unit.value}
                log.info(fact.message, extra={"event": "limit_changed"} | about)
            case Alerted(alert=alert) if alert.kind != "limit_changed":  # told by its own fact
                _write(alert)
            case _:
                pass

    def _write_letter(self, fact: Settled, disposition: Disposition) -> None:
        """Write each one; the handler lets the first of a kind through, and counts the others."""
        about = {"workload": fact.workload, "task": fact.task, "disposition": disposition}
        kind = (fact.workload, fact.task, disposition)
        self._letters[kind] += 1
        log.warning(
            "%s: %s of %s, task %s; %d of this kind since the start",
            disposition,
            "parked record" if fact.outcome == "parked" else "dead letter",
            fact.workload,
            fact.task or "not known",
            self._letters[kind],
            extra={"event": "dead_letter"} | about,
        )


def _write_outage(fact: OutageBegan | OutageEnded) -> None:
    if isinstance(fact, OutageBegan):
        log.warning(
            "calls to %s fail: %s. Its records wait; one call is tried every few seconds",
            fact.model,
            fact.message,
            extra={"event": "outage_began", "model": fact.model},
        )
    else:
        log.info(
            "calls to %s are answered again after %.0f s",
            fact.model,
            fact.seconds,
            extra={"event": "outage_ended", "model": fact.model},
        )


def _write(alert: Alert) -> None:
    level = logging.WARNING if alert.state == "raised" else logging.INFO
    about = {"model": alert.model, "unit": alert.unit, "alert": alert.id, "kind": alert.kind}
    told = {name: value for name, value in about.items() if value is not None}
    log.log(level, alert.message, extra={"event": f"alert_{alert.state}"} | told)


class Several:
    """Hands every fact to several observers."""

    def __init__(self, *observers: Observer) -> None:
        self._observers = observers

    def observe(self, fact: Observation) -> None:
        """Tell everybody."""
        for observer in self._observers:
            observer.observe(fact)
