"""review: breaches of a fixed list of compliance rules, each with its passage."""

from typing import Annotated, Literal

from pydantic import Field

from agents.prompts import instructions
from agents.task import Task
from agents.workloads.quotes import missing_quotes
from schemas import Document, OutputModel, WorkloadClass

Rule = Literal[
    "unmasked_card_number",
    "personal_data",
    "guaranteed_return",
    "missing_risk_warning",
    "pressure_selling",
    "missing_consent",
    "discrimination",
    "gift_or_bribe",
    "insider_information",
    "misleading_fees",
]


class Finding(OutputModel):
    """One breach."""

    rule: Rule
    severity: Literal["low", "medium", "high", "critical"]
    quote: Annotated[str, Field(min_length=1, max_length=600)]
    explanation: Annotated[str, Field(max_length=400)]


class Review(OutputModel):
    """All breaches of one text."""

    findings: list[Finding]
    completeness: Annotated[float, Field(ge=0, le=1)]
    confidence: Annotated[float, Field(ge=0, le=1)]


def quotes_occur(event: Document, output: Review) -> list[str]:
    """Check that every quote stands in the text."""
    return missing_quotes(event, [finding.quote for finding in output.findings])


review = Task(
    name="review",
    workload=WorkloadClass.BATCH,
    output=Review,
    instructions=instructions("review"),
    max_output_tokens=1200,
    checks=(quotes_occur,),
    default=True,
)
