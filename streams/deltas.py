"""Pieces of a streamed answer, gathered for a moment and posted to the deltas topic."""

import asyncio
from collections.abc import Callable

from schemas.results import Delta

# Readers see text flow at ten records a second; each token its own record would cost more than
# the answer.
GATHER_S = 0.1


class Deltas:
    """The stream of one event's answer. `post` gets each gathered piece."""

    def __init__(self, event_id: str, task: str, post: Callable[[Delta], None]) -> None:
        self._event_id, self._task, self._post = event_id, task, post
        self._texts: list[str] = []
        self._attempt = self._sequence = 0
        self._timer: asyncio.TimerHandle | None = None

    def add(self, attempt: int, text: str) -> None:
        """Take a piece; a new attempt starts the answer over."""
        if attempt != self._attempt:
            self.flush()
            self._attempt, self._sequence = attempt, 0
        self._texts.append(text)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(GATHER_S, self.flush)

    def flush(self) -> None:
        """Post what was gathered."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if self._texts:
            text, self._texts = "".join(self._texts), []
            self._post(
                Delta(
                    id=self._event_id,
                    task=self._task,
                    attempt=self._attempt,
                    sequence=self._sequence,
                    text=text,
                )
            )
            self._sequence += 1
