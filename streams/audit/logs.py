"""Which topics an audit reads, and what each of them holds."""

from schemas.settings import Settings
from schemas.workload import WorkloadClass
from streams.audit.trace import Found, Kind, letter_trace, replay_trace, result_trace
from streams.record import Record
from streams.topics import TopicNames


class Logs:
    """The topics of an application, each with its class."""

    def __init__(self, settings: Settings) -> None:
        names = TopicNames(settings)
        self._app = settings.app.name
        self.inputs = {names.input(w): w for w in WorkloadClass}
        self.results = {names.result(w): w for w in WorkloadClass}
        self.letters = {names.dead_letters(w): w for w in WorkloadClass}
        self.replays = {names.replay(w): w for w in WorkloadClass}
        self.parked = {names.parked(w): w for w in WorkloadClass}

    @property
    def ends(self) -> dict[str, WorkloadClass]:
        """Where inputs end."""
        return self.results | self.letters | self.parked

    def workload(self, topic: str) -> WorkloadClass:
        """Return the class of one of these topics."""
        return (self.inputs | self.ends | self.replays)[topic]

    def trace(self, record: Record, *, passed: bool) -> Found | None:
        """Return what a record tells; None when it is an input itself, or another application's.

        Raises Unreadable.
        """
        if record.topic in self.results:
            return result_trace(record, self._app)
        if record.topic in self.letters:
            return letter_trace(record, Kind.LETTER)
        if record.topic in self.parked:
            return letter_trace(record, Kind.PARKED)
        return replay_trace(record, passed=passed)
