"""What an event of a task takes: learned from its latest results, else assumed."""

from collections import Counter
from functools import cache

import orjson
from pydantic import BaseModel

from agents.pipeline import Work
from agents.prompts import system_blocks, user_turn
from agents.task import Task
from schemas.usage import Usage

# The tokenizer of current models makes about 1.3 tokens of 3.5 bytes.
TOKENS_PER_BYTE = 1.3 / 3.5
# A guess: answers of the built-in tasks take between 2 % and 30 % of their cap.
PART_OF_MAX_OUTPUT = 0.2
# So many results of about the same prompt length speak for it; else all results do.
ENOUGH = 20


class Rates:
    """Mean tokens of one task. An event's repair turns are part of what it takes."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._bytes = 0
        self._input = Usage()
        self._output: Counter[int] = Counter()
        self._results: Counter[int] = Counter()

    def __repr__(self) -> str:
        return f"Rates({self._task.name}, {self.results} results)"

    @property
    def results(self) -> int:
        """How many results it has learned from."""
        return self._results.total()

    def learn(self, usage: Usage, prompt_bytes: int) -> None:
        """Take one result's usage and the length of its prompt."""
        self._bytes += prompt_bytes
        self._input += usage
        self._output[prompt_bytes.bit_length()] += usage.output_tokens
        self._results[prompt_bytes.bit_length()] += 1

    def usage(self, prompt_bytes: int) -> Usage:
        """Return what an event with such a prompt will take."""
        output = round(self._output_tokens(prompt_bytes.bit_length()))
        if not self._bytes:
            return Usage(input_tokens=round(prompt_bytes * TOKENS_PER_BYTE), output_tokens=output)
        part, seen = prompt_bytes / self._bytes, self._input
        return Usage(
            input_tokens=round(seen.input_tokens * part),
            cache_creation_input_tokens=round(seen.cache_creation_input_tokens * part),
            cache_read_input_tokens=round(seen.cache_read_input_tokens * part),
            output_tokens=output,
        )

    def _output_tokens(self, length: int) -> float:
        if not self.results:
            return self._task.max_output_tokens * PART_OF_MAX_OUTPUT
        if self._results[length] >= ENOUGH:
            return self._output[length] / self._results[length]
        return self._output.total() / self.results


def prompt_bytes(work: Work) -> int:
    """Return the length of an event's prompt: instructions, event and output schema.

    Context is fetched when an event is worked on; what it adds is in the tokens a byte.
    """
    task = work.task
    system = sum(len(block.text.encode()) for block in system_blocks(task.instructions))
    turn = len(user_turn(work.event.body, {}).text.encode())
    return system + turn + _schema_bytes(task.output)


@cache
def _schema_bytes(output: type[BaseModel]) -> int:
    return len(orjson.dumps(output.model_json_schema()))
