"""triage: what a customer message is about, and how urgent it is."""

from typing import Annotated, Literal

from pydantic import Field

from agents.prompts import instructions
from agents.task import Task
from schemas import OutputModel, WorkloadClass


class Triage(OutputModel):
    """Where a message goes and how soon."""

    category: Literal[
        "billing",
        "payment",
        "account",
        "delivery",
        "technical",
        "cancellation",
        "complaint",
        "information",
        "other",
    ]
    urgency: Literal["low", "normal", "high", "critical"]
    sentiment: Literal["negative", "neutral", "positive"]
    language: Literal[
        "ar", "de", "en", "es", "fr", "it", "ja", "ko", "nl", "pl", "pt", "ru", "tr", "zh", "other"
    ]
    confidence: Annotated[float, Field(ge=0, le=1)]


triage = Task(
    name="triage",
    workload=WorkloadClass.REALTIME,
    output=Triage,
    instructions=instructions("triage"),
    max_output_tokens=128,
    default=True,
)
