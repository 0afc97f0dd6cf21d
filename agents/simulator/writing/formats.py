"""Strings that must have a form: JSON Schema formats and simple patterns."""

import re
from datetime import date
from hashlib import blake2b

from agents.simulator.writing.finders import MONTHS, Sought
from agents.simulator.writing.patterns import example
from agents.simulator.writing.scene import Scene

UNKNOWN_DATE = date(2026, 1, 1)
FIXED = {
    "time": "09:00:00Z",
    "duration": "P1D",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
}
_digits = re.compile(r"\d+")
_letters = re.compile(r"[A-Za-z]{3,}")
CENTURY = 2_000


def formatted(form: str, scene: Scene) -> str | None:
    """Return a string of a JSON Schema format, from the text where it has one."""
    if form in FIXED:
        return FIXED[form]
    if form in {"date", "date-time"}:
        day = found_date(scene).isoformat()
        return day if form == "date" else f"{day}T00:00:00Z"
    if form == "email":
        span = scene.find(Sought.EMAIL)
        return span.text if span and span.text.isascii() else "customer@example.com"
    if form == "uri":
        span = scene.find(Sought.URI)
        return span.text if span and span.text.isascii() else "https://example.com/"
    return _uuid(scene.text) if form == "uuid" else None


def found_date(scene: Scene) -> date:
    """Return the first date of the text, however it is written."""
    for span in scene.find_all(Sought.DATE):
        day = parse_date(span.text)
        if day is not None:
            return day
    return UNKNOWN_DATE


def parse_date(text: str) -> date | None:
    """Read a date; day before month unless that cannot be."""
    numbers = [int(one) for one in _digits.findall(text)]
    names = [one[:3].lower() for one in _letters.findall(text)]
    month = next((MONTHS.index(one) + 1 for one in names if one in MONTHS), None)
    if month is not None and len(numbers) == 2:  # noqa: PLR2004 - day and year
        return _day(numbers[1], month, numbers[0])
    if len(numbers) != 3:  # noqa: PLR2004 - day, month and year
        return None
    first, second, third = numbers
    if first > 31:  # noqa: PLR2004 - no day of a month
        return _day(first, second, third)
    return _day(third, second, first) or _day(third, first, second)


def matching(pattern: str, scene: Scene, proposal: str) -> str:
    """Return a string that satisfies a pattern: the proposal, a part of the text, or an example.

    A pattern that is too hard gets the proposal; the API's grammar would do better.
    """
    try:
        compiled = re.compile(pattern)
    except re.error:
        return proposal
    if compiled.search(proposal):
        return proposal
    inner = re.search(pattern.strip("^$"), scene.text) if pattern.strip("^$") else None
    for candidate in (inner[0] if inner else None, example(pattern)):
        if candidate is not None and compiled.search(candidate):
            return candidate
    return proposal


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year if year > 99 else CENTURY + year, month, day)  # noqa: PLR2004 - two digits
    except ValueError:
        return None


def _uuid(text: str) -> str:
    raw = blake2b(text.encode(errors="replace"), digest_size=16).hexdigest()
    return f"{raw[:8]}-{raw[8:12]}-4{raw[13:16]}-8{raw[17:20]}-{raw[20:]}"
