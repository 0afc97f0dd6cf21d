"""Which topics take nothing, and why. Pure; time is an argument."""

from collections.abc import Mapping
from dataclasses import dataclass

# A topic that takes nothing for so long is in trouble: what waits says so.
PATIENCE_S = 2.0
# Nothing failed, and nothing is confirmed either.
NO_ANSWER = "no answer"


@dataclass(slots=True)
class _Topic:
    """What waits for one topic. `since`: from then on something waited and nothing was taken."""

    waiting: int = 0
    since: float = 0.0
    error: str = ""
    refused: str = ""


class Troubles:
    """Keeps account of what waits for each topic to take it."""

    def __init__(self) -> None:
        self._topics: dict[str, _Topic] = {}

    def __repr__(self) -> str:
        return f"Troubles({self._topics})"

    def began(self, topic: str, now: float) -> None:
        """Take note that a record waits for its topic."""
        found = self._topics.setdefault(topic, _Topic())
        if not found.waiting:
            found.since, found.error = now, ""
        found.waiting += 1

    def ended(self, topic: str) -> None:
        """Take note that it waits no more, however that came."""
        self._topics[topic].waiting -= 1

    def took(self, topic: str, now: float) -> None:
        """Take note that the topic took a record: it is in no trouble."""
        found = self._topics.setdefault(topic, _Topic())
        found.since, found.error, found.refused = now, "", ""

    def failed(self, topic: str, error: str) -> None:
        """Take note why a try failed."""
        self._topics.setdefault(topic, _Topic()).error = error

    def refused(self, topic: str, error: str) -> None:
        """Take note of a record that the topic will never take as it is set up."""
        self._topics.setdefault(topic, _Topic()).refused = error

    def at(self, now: float) -> Mapping[str, str]:
        """Return the topics that take nothing, each with the name of the error."""
        return {name: why for name, topic in self._topics.items() if (why := _why(topic, now))}


def _why(topic: _Topic, now: float) -> str:
    if topic.waiting and now - topic.since >= PATIENCE_S:
        return topic.error or NO_ANSWER
    return topic.refused
