"""Finds dates, amounts, parties and addresses in a text. Every find is a verbatim piece of it."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

READ = 20_000
"""Characters looked at; what is behind them is not worth the time."""
MOST_FOUND = 50
LONGEST_NAME = 60
LONGEST_ADDRESS_LINE = 80
NEAR = 120
"""Characters between the word total and its amount, at most."""

MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()  # noqa: SIM905 - a row reads better
_month = (
    r"(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|"
    r"Sept?(?:ember)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)"
)
_date = re.compile(
    rf"\b\d{{4}}-\d{{2}}-\d{{2}}\b|\b\d{{1,2}}[/.-]\d{{1,2}}[/.-](?:\d{{4}}|\d{{2}})\b|"
    rf"\b{_month}\.? \d{{1,2}}(?:st|nd|rd|th)?,? \d{{4}}\b|"
    rf"\b\d{{1,2}}(?:st|nd|rd|th)?(?: day of)? {_month}\.?,? \d{{4}}\b|"
    rf"\b\d{{1,2}}[ -]{_month}[ -]\d{{2,4}}\b",
    re.IGNORECASE,
)
_amount = re.compile(
    r"(?:[AU][US]\$|USD|EUR|GBP|MYR|CHF|RM|[$€£¥]) ?\d[\d,]{0,14}(?:\.\d+)?|"
    r"\b\d[\d,]{0,14}(?:\.\d{2})? ?(?:USD|EUR|GBP|MYR|CHF|€|dollars|euros|pounds)\b|"
    r"\b\d{1,3}(?:,\d{3})+\.\d{2}\b|(?<![\d.,/-])\d{1,9}\.\d{2}(?=[ \t]*$)",
    re.MULTILINE,
)
_zero = re.compile(r"[^1-9]*")
_total = re.compile(r"(?<!sub)(?<!sub )(?<!sub-)\btotal\b|\bamount due\b", re.IGNORECASE)
_company = re.compile(
    r"[A-Z][\w&'.-]*(?:,? (?:[A-Z&][\w&'.-]*|of|and)){0,6}?,? "
    r"(?:Inc|LLC|L\.L\.C|Ltd|Limited|Corp|Corporation|Company|Co|GmbH|AG|PLC|plc|LP|L\.P|N\.A|"
    r"S\.A|B\.V|SDN\.? ?BHD|SDN BND|S/B|Bank|Trust)\b\.?"
)
_company_line = re.compile(
    r"\b(?:SDN|BHD|ENTERPRISE|TRADING|RESTAURANT|STORES?|MARKET|HARDWARE|INC|LTD|LLC|GMBH|CORP)\b",
    re.IGNORECASE,
)
_run = re.compile(r"\b[A-Z][a-z'-]+(?: (?:[A-Z][a-z'-]+|[A-Z]\.)){1,4}")
_street = re.compile(
    r"\b(?:street|st|road|rd|avenue|ave|boulevard|blvd|drive|suite|floor|lane|square|jalan|jln|"
    r"lorong|taman|lot|bandar|p\.?o\.? box|straße|strasse|rue|calle|plaza|highway|parkway)\b",
    re.IGNORECASE,
)
_inline_address = re.compile(
    r"\b\d{1,5}(?: [A-Z][\w.]*){1,4} (?:Street|St|Road|Rd|Avenue|Ave|Boulevard|Blvd|Drive|Lane|"
    r"Way|Parkway|Highway|Square|Court)\b\.?"
    r"(?:, (?:[A-Z][\w.]*|\d{4,5})(?: [A-Z][\w.]*| \d{4,5})*){0,4}"
)
_postcode = re.compile(r"\b\d{5}(?:-\d{4})?\b")
_email = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_uri = re.compile(r"https?://[^\s<>\"']+")
_phone = re.compile(r"\+?\d[\d ()-]{7,}\d")
_reference = re.compile(r"\b(?=[A-Z0-9/-]*\d)[A-Z]{1,5}[-/]?\d[A-Z0-9/-]{3,}\b")
_percent = re.compile(r"\b\d+(?:\.\d+)? ?%")
_number = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?![\w])")
_line = re.compile(r"[^\n]+")


class Sought(StrEnum):
    """What can be found in a text."""

    DATE = "date"
    AMOUNT = "amount"
    TOTAL = "total"
    PARTY = "party"
    ADDRESS = "address"
    EMAIL = "email"
    URI = "uri"
    PHONE = "phone"
    REFERENCE = "reference"
    PERCENT = "percent"
    NUMBER = "number"


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a text and where it begins."""

    start: int
    text: str

    @property
    def end(self) -> int:
        """Where it ends."""
        return self.start + len(self.text)


def find_all(text: str, sought: Sought) -> list[Span]:
    """Return the finds in the order of the text, each wording once."""
    finds: dict[str, Span] = {}
    for span in _finders[sought](text[:READ]):
        finds.setdefault(span.text, span)
        if len(finds) >= MOST_FOUND:
            break
    return list(finds.values())


def _matches(pattern: re.Pattern[str]) -> Callable[[str], Iterator[Span]]:
    def find(text: str) -> Iterator[Span]:
        for match in pattern.finditer(text):
            yield Span(match.start(), match[0])

    return find


def _totals(text: str) -> Iterator[Span]:
    """Find the last amount that stands behind the word total, then every other amount."""
    amounts = [span for span in _matches(_amount)(text) if not _zero.fullmatch(span.text)]
    for total in reversed(list(_total.finditer(text))):
        behind = [span for span in amounts if total.end() <= span.start <= total.end() + NEAR]
        yield from behind[:1]
        if behind:
            break
    yield from amounts


def _parties(text: str) -> Iterator[Span]:
    lines = [Span(match.start(), match[0]) for match in _line.finditer(text)]
    named = [line for line in lines if _is_company(line.text)]
    inline = [Span(match.start(), match[0]) for match in _company.finditer(text)]
    yield from named or inline
    if named or inline:
        return
    if lines and len(lines[0].text) <= LONGEST_NAME and lines[0].text[:1].isupper():
        yield lines[0]
    yield from _matches(_run)(text)


def _is_company(line: str) -> bool:
    heading = len(line) <= LONGEST_NAME and line[:1].isupper() and ":" not in line
    return heading and bool(_company_line.search(line))


def _addresses(text: str) -> Iterator[Span]:
    """Find neighbouring lines that look like an address, as one piece; else addresses in a line."""
    block = list(_address_block(text))
    inline = list(_matches(_inline_address)(text))
    if inline and len(block) <= 1:
        yield from inline
    elif block:
        start = block[0].start
        yield Span(start, text[start : block[-1].end])


def _address_block(text: str) -> Iterator[Span]:
    begun = False
    for line in _line.finditer(text):
        if _is_address(line[0]):
            begun = True
            stripped = line[0].strip()
            yield Span(line.start() + line[0].index(stripped), stripped)
        elif begun:
            return


def _is_address(line: str) -> bool:
    if len(line) > LONGEST_ADDRESS_LINE or not any(map(str.isdigit, line)):
        return False
    return bool(_street.search(line) or _postcode.search(line)) and any(map(str.isalpha, line))


_finders: dict[Sought, Callable[[str], Iterator[Span]]] = {
    Sought.DATE: _matches(_date),
    Sought.AMOUNT: _matches(_amount),
    Sought.TOTAL: _totals,
    Sought.PARTY: _parties,
    Sought.ADDRESS: _addresses,
    Sought.EMAIL: _matches(_email),
    Sought.URI: _matches(_uri),
    Sought.PHONE: _matches(_phone),
    Sought.REFERENCE: _matches(_reference),
    Sought.PERCENT: _matches(_percent),
    Sought.NUMBER: _matches(_number),
}
