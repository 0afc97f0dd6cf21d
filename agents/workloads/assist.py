"""assist: the next reply to a customer, streamed."""

from typing import Annotated, Literal

from pydantic import Field

from agents.prompts import instructions
from agents.task import Task
from schemas import OutputModel, WorkloadClass

Action = Literal[
    "none",
    "ask_for_details",
    "check_account",
    "check_order",
    "correct_charge",
    "block_card",
    "send_documents",
    "schedule_callback",
    "hand_over",
]


class Assist(OutputModel):
    """A draft reply and what follows from it."""

    reply: Annotated[str, Field(min_length=1, max_length=1500)]
    next_actions: Annotated[list[Action], Field(max_length=3)]
    needs_human: bool
    confidence: Annotated[float, Field(ge=0, le=1)]


assist = Task(
    name="assist",
    workload=WorkloadClass.INTERACTIVE,
    output=Assist,
    instructions=instructions("assist"),
    max_output_tokens=400,
    default=True,
)
