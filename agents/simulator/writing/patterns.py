"""Makes an example for a simple regular expression: literals, classes, groups, repetition."""

import re
from collections.abc import Iterator

MOST = 1
"""Times that an open-ended repetition is written, above its minimum of 0."""
CLASSES = {"d": "1", "w": "a", "s": " ", "D": "a", "W": "-", "S": "a"}
_repeat = re.compile(r"[*+?]\??|\{(\d+)(?:,\d*)?\}\??")
_class = re.compile(r"\[(\^?)(\]?(?:\\.|[^\]\\])*)\]")
PROBES = "aA1 -_.,:/@#"


def example(pattern: str) -> str | None:
    """Return a string for the pattern, or None when it is too hard; the caller checks it."""
    try:
        text, rest = _alternatives(pattern)
    except (IndexError, ValueError):
        return None
    return None if rest else text


def _alternatives(pattern: str) -> tuple[str, str]:
    """Write the first alternative of a group and skip the others."""
    text, rest = _sequence(pattern)
    while rest.startswith("|"):
        _, rest = _sequence(rest[1:])
    return text, rest


def _sequence(pattern: str) -> tuple[str, str]:
    text = ""
    while pattern and pattern[0] not in "|)":
        atom, pattern = _atom(pattern)
        repeat = _repeat.match(pattern)
        if repeat:
            pattern = pattern[repeat.end() :]
            atom *= _times(repeat)
        text += atom
    return text, pattern


def _times(repeat: re.Match[str]) -> int:
    if repeat[1] is not None:
        return int(repeat[1])
    return 0 if repeat[0][0] == "?" else MOST


def _atom(pattern: str) -> tuple[str, str]:
    first = pattern[0]
    if first in "^$":
        return "", pattern[1:]
    if first == ".":
        return "a", pattern[1:]
    if first == "\\":
        return CLASSES.get(pattern[1], pattern[1]), pattern[2:]
    if first == "[":
        return _from_class(pattern)
    if first == "(":
        text, rest = _alternatives(re.sub(r"^\((?:\?:)?", "", pattern))
        if not rest.startswith(")"):
            raise ValueError("a group is not closed")
        return text, rest[1:]
    return first, pattern[1:]


def _from_class(pattern: str) -> tuple[str, str]:
    match = _class.match(pattern)
    if match is None:
        raise ValueError("a character class is not closed")
    for character in _candidates(match[2]):
        if re.fullmatch(match[0], character):
            return character, pattern[match.end() :]
    raise ValueError("no example for a character class")


def _candidates(members: str) -> Iterator[str]:
    yield from PROBES
    yield from members
