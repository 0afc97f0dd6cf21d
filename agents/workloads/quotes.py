"""Quoted evidence has to stand in the document."""

from collections.abc import Iterable

from schemas import Document


def missing_quotes(document: Document, quotes: Iterable[str]) -> list[str]:
    """Name the quotes, by number, that are not in the document; white space does not count."""
    text = _plain(document.body)
    return [
        f"quote {number} does not occur in the document: copy it letter by letter"
        for number, quote in enumerate(quotes, 1)
        if not (plain := _plain(quote)) or plain not in text
    ]


def _plain(text: str) -> str:
    return " ".join(text.split())
