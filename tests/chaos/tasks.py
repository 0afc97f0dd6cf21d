"""Tasks of a user that can be told to go wrong: bad deploys and events that kill.

They take over as default tasks of no class: an event names them.
"""

import os
from pathlib import Path
from typing import Annotated

from pydantic import Field

from agents import Task
from schemas import Interaction, OutputModel, WorkloadClass

KILLS = "this one takes the process with it"
# While this file is in the worker's folder, the deployed check is broken.
BROKEN = Path("broken-deploy")


class Mood(OutputModel):
    """The smallest useful output."""

    sentiment: Annotated[str, Field(max_length=40)]


def harmless_unless_told(event: Interaction, _: Mood) -> list[str]:
    """Fail as a bad deploy does, or end the process."""
    if KILLS in event.body:
        os._exit(86)
    if BROKEN.exists():
        raise RuntimeError("deployed on a Friday")
    return []


mood = Task(
    name="mood",
    workload=WorkloadClass.REALTIME,
    output=Mood,
    instructions="Name the mood of the customer in one word.",
    max_output_tokens=64,
    checks=(harmless_unless_told,),
)
