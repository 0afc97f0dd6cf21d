import re
from datetime import date

import pytest

from agents.simulator.writing.finders import Sought, find_all
from agents.simulator.writing.formats import matching, parse_date
from agents.simulator.writing.patterns import example
from agents.simulator.writing.scene import Scene
from agents.simulator.writing.words import name_words, stem


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-05-03", date(2026, 5, 3)),
        ("25/12/2018", date(2018, 12, 25)),
        ("12/25/2018", date(2018, 12, 25)),
        ("3.5.26", date(2026, 5, 3)),
        ("October 11, 2019", date(2019, 10, 11)),
        ("3rd day of May, 2026", date(2026, 5, 3)),
        ("31-Dec-19", date(2019, 12, 31)),
        ("99/99/2018", None),
        ("soon", None),
    ],
)
def test_dates_are_read_however_they_are_written(text: str, day: date | None) -> None:
    assert parse_date(text) == day


@pytest.mark.parametrize(
    "pattern",
    ["^[A-Z]{3}$", r"^\d{4}-\d{2}-\d{2}$", "^(yes|no)$", r"^\+?[1-9]\d{1,14}$", "^a?b*c+$",
     r"^[^a-z]{2}\.\w+$", "^(?:ab){2}$", "x|y", r"^v\d+(\.\d+)?$", "^[]a]$", "^.$"],
)  # fmt: skip
def test_simple_patterns_get_an_example(pattern: str) -> None:
    found = example(pattern)
    assert found is not None
    assert re.search(pattern, found)


@pytest.mark.parametrize("pattern", ["(", "[a", ")", "a\\"])
def test_broken_patterns_get_none(pattern: str) -> None:
    assert example(pattern) is None


def test_a_pattern_is_looked_for_in_the_text_first() -> None:
    scene = Scene("The order is AB-123, thanks.")
    assert matching(r"^[A-Z]{2}-\d{3}$", scene, "proposal") == "AB-123"
    assert matching("^p", scene, "proposal") == "proposal"
    assert matching(r"^\d{2}$", scene, "proposal") == "12"
    assert matching("^[$", scene, "proposal") == "proposal"


@pytest.mark.parametrize(
    ("sought", "text", "finds"),
    [
        (Sought.TOTAL, "SUBTOTAL 8.00\nTOTAL 9.00\nCASH 10.00", ["9.00", "8.00", "10.00"]),
        (Sought.AMOUNT, "Section 1.10 says EUR 5 or 7 dollars", ["EUR 5", "7 dollars"]),
        (Sought.DATE, "on 1 May 2026 and 2026-05-02", ["1 May 2026", "2026-05-02"]),
        (Sought.PARTY, "between Acme Ltd and Full Sail Brewing Company", None),
        (Sought.ADDRESS, "at 7 Sirius Road, Lane Cove, NSW", ["7 Sirius Road, Lane Cove, NSW"]),
        (Sought.EMAIL, "write to a.b@example.com.", ["a.b@example.com"]),
        (Sought.REFERENCE, "invoice INV-20231 please", ["INV-20231"]),
        (Sought.PERCENT, "up 12.5 % now", ["12.5 %"]),
        (Sought.PHONE, "call +49 30 1234567", ["+49 30 1234567"]),
    ],
)
def test_finds_are_verbatim(sought: Sought, text: str, finds: list[str] | None) -> None:
    found = find_all(text, sought)
    assert all(text[span.start : span.end] == span.text for span in found)
    expected = ["Acme Ltd", "Full Sail Brewing Company"] if finds is None else finds
    assert [span.text for span in found] == expected


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("cancelled", "cancel"),
        ("charges", "charged"),
        ("deliveries", "delivery"),
        ("addresses", "address"),
        ("booking", "booked"),
        ("guaranteed", "guarantee"),
    ],
)
def test_stems_bring_forms_of_a_word_together(one: str, other: str) -> None:
    assert stem(one) == stem(other)


def test_names_are_split_into_words() -> None:
    expected = ("card", "arrival")
    assert name_words("cardArrival") == name_words("card_arrival") == name_words("Card-arrival")
    assert name_words("card arrival") == expected
