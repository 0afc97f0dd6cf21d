"""Compiled parts of a schema: each one writes a value that satisfies it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from agents.simulator.writing import fields, languages
from agents.simulator.writing.formats import formatted, matching
from agents.simulator.writing.kinds import SOUGHT, Kind
from agents.simulator.writing.labels import LabelPicker, Pick, tie_break
from agents.simulator.writing.lexicon import FALLBACKS, TRUE_WORDS
from agents.simulator.writing.pen import Pen
from agents.simulator.writing.words import name_words, stem


class Node(Protocol):
    """One part of a schema."""

    @property
    def turn(self) -> int:
        """When it is written in its object: what others lean on comes first."""

    def write(self, pen: Pen) -> object:
        """Return a value."""

    def found(self, pen: Pen) -> bool:
        """Tell whether the text has something for it; else null is written if allowed."""


EARLY, USUAL, LATE, LAST = range(4)


@dataclass(frozen=True, slots=True)
class Fixed:
    """A constant, or null."""

    value: object
    turn: int = EARLY

    def write(self, pen: Pen) -> object:  # noqa: ARG002 - a constant needs no text
        """Return the constant."""
        return self.value

    def found(self, pen: Pen) -> bool:  # noqa: ARG002 - a constant needs no text
        """Null is what is written when nothing is found."""
        return self.value is not None


class Labels:
    """A string enum."""

    turn = EARLY

    def __init__(self, labels: Sequence[str]) -> None:
        self.picker = LabelPicker(labels)
        self._languages = languages.are_languages(labels)

    def write(self, pen: Pen) -> object:
        """Return the label that suits the text."""
        label = self._label(pen)
        return shouted(label) if pen.shout else label

    def found(self, pen: Pen) -> bool:
        """Tell whether any label suits the text."""
        return self._languages or self.picker.pick(pen.scene.stems, pen.scene.text).strength > 0

    def _label(self, pen: Pen) -> str:
        if self._languages:
            label = languages.pick(self.picker.labels, pen.whole.text)
            others = (one for one in FALLBACKS if one in self.picker.labels)
            return label or next(others, self.picker.labels[0])
        return pen.picked(self.picker.pick(pen.scene.stems, pen.scene.text)).label


def shouted(label: str) -> str:
    """Return a label with other capitals."""
    return label.upper() if label.upper() != label else label.lower()


@dataclass(frozen=True, slots=True)
class Choice:
    """An enum that is not all strings."""

    values: tuple[object, ...]
    turn: int = EARLY

    def write(self, pen: Pen) -> object:
        """Return a value by a stable hash of the text."""
        return max(self.values, key=lambda one: tie_break(pen.scene.text, repr(one)))

    def found(self, pen: Pen) -> bool:
        """Tell whether there is any text to go by."""
        return bool(pen.scene.text)


@dataclass(frozen=True, slots=True)
class Text:
    """A string."""

    name: str
    kind: Kind
    format: str = ""
    pattern: str = ""

    @property
    def turn(self) -> int:
        """Quotes and reasons lean on what the other properties hold."""
        return LATE if self.kind in {Kind.QUOTE, Kind.REASON} else USUAL

    def write(self, pen: Pen) -> object:
        """Return a string by format, pattern or meaning."""
        if self.format:
            text = formatted(self.format, pen.scene)
            if text is not None:
                pen.found(fields.sought(self.kind, pen))
                return text
        text = fields.text_for(self.kind, self.name, pen)
        return matching(self.pattern, pen.scene, text) if self.pattern else text

    def found(self, pen: Pen) -> bool:
        """Tell whether what is looked for is there."""
        return self.kind not in SOUGHT or fields.sought(self.kind, pen) is not None


@dataclass(frozen=True, slots=True)
class Number:
    """A number or an integer."""

    kind: Kind
    whole: bool

    @property
    def turn(self) -> int:
        """A confidence comes last, when the labels are known."""
        return LAST if self.kind is Kind.SCORE else USUAL

    def write(self, pen: Pen) -> object:
        """Return a number; a score that must be whole is one of a hundred."""
        number = fields.number_for(self.kind, pen)
        if not self.whole:
            return number
        return round(number * 100) if self.kind is Kind.SCORE else int(number)

    def found(self, pen: Pen) -> bool:
        """Tell whether the text has such a number."""
        return self.kind not in SOUGHT or fields.sought(self.kind, pen) is not None


class Truth:
    """A boolean."""

    turn = LATE

    def __init__(self, name: str) -> None:
        words = [word for word in name_words(name) if word not in {"is", "has", "needs", "should"}]
        self._own = frozenset(map(stem, words))
        self._trouble = LabelPicker(TRUE_WORDS.split())
        self._asks_for_help = bool(self._own & {stem("human"), stem("escalate"), stem("agent")})

    def write(self, pen: Pen) -> object:
        """Return true when the text has the property's own words, or asks for a person."""
        if self._asks_for_help:
            return self._trouble.pick(pen.scene.stems, pen.scene.text).strength > 0
        return not self._own.isdisjoint(pen.scene.stems)

    def found(self, pen: Pen) -> bool:
        """Tell whether there is any text to go by."""
        return bool(pen.scene.text)


@dataclass(frozen=True, slots=True)
class Union:
    """`anyOf` or a list of types: the first that is not null, or null when nothing is found."""

    options: tuple[Node, ...]
    nullable: bool

    @property
    def turn(self) -> int:
        """As late as its option."""
        return self.options[0].turn

    def write(self, pen: Pen) -> object:
        """Return the first option's value, or null."""
        if self.nullable and not self.options[0].found(pen):
            return None
        return self.options[0].write(pen)

    def found(self, pen: Pen) -> bool:
        """Ask the first option."""
        return self.options[0].found(pen)


@dataclass(frozen=True, slots=True)
class Object:
    """An object; its properties are written so that they agree."""

    name: str
    properties: tuple[tuple[str, Node], ...]
    """Required ones first, both in the order of the schema."""
    optional: frozenset[str] = frozenset()
    turn: int = USUAL

    def write(self, pen: Pen) -> object:
        """Return an object."""
        return self.fill(pen.inside(self.name))

    def fill(self, pen: Pen) -> dict[str, object]:
        """Write all properties with one pen: first what others lean on."""
        values: dict[str, object] = {}
        for name, node in sorted(self.properties, key=lambda one: one[1].turn):
            if name not in self.optional or node.found(pen):
                values[name] = node.write(pen)
        return {name: values[name] for name, _ in self.properties if name in values}

    def found(self, pen: Pen) -> bool:
        """Tell whether the text has what the object's own name or its strings look for."""
        texts = [node for _, node in self.properties if isinstance(node, Text)]
        wanted = [text for text in texts if text.kind in SOUGHT]
        return not wanted or any(text.found(pen) for text in wanted)

    @property
    def labels(self) -> Labels | None:
        """Its first enum, which tells the items of an array apart."""
        return next((node for _, node in self.properties if isinstance(node, Labels)), None)


def best_pick(labels: Labels, pen: Pen) -> Pick:
    """Return what an enum makes of the pen's part of the text."""
    return labels.picker.pick(pen.scene.stems, pen.scene.text)
