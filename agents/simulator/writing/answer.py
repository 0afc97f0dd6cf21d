"""Writes an answer from what the user wrote: JSON for a schema, or a short polite text."""

from collections.abc import Sequence

import orjson

from agents.simulator.writing import prose
from agents.simulator.writing.pen import Pen
from agents.simulator.writing.scene import Scene, event_text
from agents.simulator.writing.schema import compile_schema


def answer_json(schema_json: bytes, user_texts: Sequence[str], *, shout: bool = False) -> str:
    """Return compact JSON that satisfies the schema; `shout` changes capitals of enum values."""
    scene = Scene(event_text(user_texts))
    value = compile_schema(schema_json).write(Pen(scene, scene, shout))
    return orjson.dumps(value).decode()


def answer_text(user_texts: Sequence[str]) -> str:
    """Return a short polite text."""
    return prose.reply(Scene(event_text(user_texts)))
