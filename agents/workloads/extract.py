"""extract: the facts of a business document, each with the passage that proves it."""

from itertools import chain
from typing import Annotated, Literal

from pydantic import Field

from agents.prompts import instructions
from agents.task import Task
from agents.workloads.quotes import missing_quotes
from schemas import Document, OutputModel, WorkloadClass

Quote = Annotated[str, Field(min_length=1, max_length=600)]


class Fact(OutputModel):
    """A value and the passage it comes from."""

    value: str
    quote: Quote


class DateFact(Fact):
    """A date, what it means, and the passage it comes from."""

    kind: Literal["issued", "due", "effective", "expires", "delivered", "signed", "paid", "other"]


class AmountFact(Fact):
    """A sum of money, what it is, and the passage it comes from."""

    kind: Literal["total", "subtotal", "tax", "discount", "fee", "paid", "change", "other"]
    currency: str


class Extract(OutputModel):
    """What a document says."""

    document_type: Literal[
        "receipt", "invoice", "purchase_order", "delivery_note", "contract", "statement", "other"
    ]
    parties: list[Fact]
    dates: list[DateFact]
    amounts: list[AmountFact]
    addresses: list[Fact]
    completeness: Annotated[float, Field(ge=0, le=1)]


def quotes_occur(event: Document, output: Extract) -> list[str]:
    """Check that every quote stands in the document."""
    facts = chain(output.parties, output.dates, output.amounts, output.addresses)
    return missing_quotes(event, [fact.quote for fact in facts])


extract = Task(
    name="extract",
    workload=WorkloadClass.TRANSACTIONAL,
    output=Extract,
    instructions=instructions("extract"),
    max_output_tokens=1500,
    checks=(quotes_occur,),
    default=True,
)
