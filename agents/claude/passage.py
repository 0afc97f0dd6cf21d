"""How calls pass the circuits of their models, and what is told of those."""

from collections.abc import Callable
from random import Random

from agents.claude.circuit import Circuit, Pass
from agents.claude.errors import ClaudeError, Interrupted, Unavailable
from schemas.observation import Observer, OutageBegan, OutageEnded


class Passage:
    """The way of one call through the circuit of its model. `record` is whose call it is."""

    def __init__(
        self,
        model: str,
        circuit: Circuit,
        record: object,
        observer: Observer,
        clock: Callable[[], float],
    ) -> None:
        self._model, self._circuit, self._record = model, circuit, record
        self._observer, self._clock = observer, clock
        self._pass: Pass | None = None
        self._begun = False

    def __repr__(self) -> str:
        return f"Passage({self._model}, {self._circuit})"

    @property
    def is_probe(self) -> bool:
        """Whether all others wait for what this call brings."""
        return self._pass is not None and self._circuit.is_probe(self._pass)

    def enter(self) -> bool:
        """Whether the call may go; ask again after a wait."""
        self._pass = self._circuit.enter(self._clock(), self._pass)
        return self._pass is not None

    def leave(self) -> None:
        """Leave, whatever became of the call; a place that was taken is free again."""
        if self._pass:
            self._circuit.leave(self._pass)

    def wait_s(self) -> float:
        """Return after how long to come again."""
        return self._circuit.wait_s(self._clock())

    def begun(self) -> None:
        """Take note of the headers of a 200."""
        self._begun = True
        self._tell(self._circuit.begun)

    def answered(self) -> None:
        """Take note of a whole answer."""
        self._circuit.witness(self._record, self._clock())
        self._tell(self._circuit.answered)

    def failed(self, error: ClaudeError) -> None:
        """Take note of any error; who is not available for one record may be for no other."""
        if not isinstance(error, Unavailable | Interrupted):
            self._tell(self._circuit.lives)
        elif self._pass and self._circuit.failed(
            self._pass, self._clock(), begun=self._begun, told_s=error.retry_after_s or 0.0
        ):
            share = f"{self._circuit.failures} of the last {self._circuit.calls} calls failed"
            message = f"{share}, the last one so: {error}"
            self._observer.observe(OutageBegan(model=self._model, message=message))

    def accuses(self) -> bool:
        """Whether an interrupted call speaks against its record."""
        circuit, now = self._circuit, self._clock()
        return self._pass is not None and circuit.accuses(self._pass, self._record, now)

    def _tell(self, news: Callable[[Pass, float], bool]) -> None:
        now = self._clock()
        seconds = self._circuit.open_s(now)
        if self._pass and news(self._pass, now):
            self._observer.observe(OutageEnded(model=self._model, seconds=seconds))


class Circuits:
    """The circuits of all models of one worker."""

    def __init__(self, observer: Observer, random: Random, clock: Callable[[], float]) -> None:
        self._observer, self._random, self._clock = observer, random, clock
        self._by_model: dict[str, Circuit] = {}

    def __repr__(self) -> str:
        return f"Circuits({self._by_model})"

    def passage(self, model: str, record: object) -> Passage:
        """Return the way of one call."""
        if model not in self._by_model:
            self._by_model[model] = Circuit(self._random)
        return Passage(model, self._by_model[model], record, self._observer, self._clock)

    def outages(self, lasting_s: float) -> tuple[str, ...]:
        """Return the models whose circuit has not been closed for at least so long."""
        now, rows = self._clock(), self._by_model.items()
        return tuple(m for m, c in rows if not c.is_closed and c.open_s(now) >= lasting_s)
