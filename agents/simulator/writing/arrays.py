"""Arrays: up to a few items, each about another part of the text."""

from collections.abc import Iterator
from dataclasses import dataclass

from agents.simulator.writing.fields import texts_for
from agents.simulator.writing.finders import Sought
from agents.simulator.writing.kinds import SOUGHT, Kind
from agents.simulator.writing.nodes import USUAL, Labels, Node, Object, Text, best_pick, shouted
from agents.simulator.writing.pen import Pen
from agents.simulator.writing.scene import Scene

MOST_ITEMS = 3
BEFORE_FIND = 120
"""Characters before a find that belong to its part of the text."""
CLEAR_SCORE = 0.6
"""More than one word of a label of three, or one of two."""
SENTENCES = 60
"""Looked at for items that are told apart by a label."""


@dataclass(frozen=True, slots=True)
class Array:
    """An array. `kind` is what its name says the items are."""

    kind: Kind
    item: Node
    at_least: int
    turn: int = USUAL

    def write(self, pen: Pen) -> object:
        """Return up to three different items, as many as the text has something for."""
        items = list(self._items(pen))[:MOST_ITEMS]
        while len(items) < self.at_least:
            items.append(self.item.write(pen))
        return items

    def found(self, pen: Pen) -> bool:  # noqa: ARG002 - an empty array says that nothing was found
        """Write an array, not null."""
        return True

    def _items(self, pen: Pen) -> Iterator[object]:
        if isinstance(self.item, Labels):
            yield from self._labels(self.item, pen)
        elif isinstance(self.item, Text) and not self.item.format and not self.item.pattern:
            yield from dict.fromkeys(texts_for(self.kind, pen))
        elif isinstance(self.item, Object):
            for scene in self._scenes(self.item, pen):
                yield self.item.fill(pen.inside(self.item.name, scene))
        elif self.item.found(pen):
            yield self.item.write(pen)

    def _labels(self, labels: Labels, pen: Pen) -> Iterator[str]:
        ranked = labels.picker.ranked(pen.scene.stems)
        yield from map(shouted, ranked) if pen.shout else ranked

    def _scenes(self, item: Object, pen: Pen) -> Iterator[Scene]:
        """Give every item its own part of the text."""
        if self.kind in SOUGHT:
            yield from self._around_finds(pen)
        elif item.labels is not None:
            yield from self._by_label(item.labels, pen)
        elif item.found(pen) and pen.scene.text:
            yield pen.scene

    def _around_finds(self, pen: Pen) -> Iterator[Scene]:
        """Cut the text so that each find is the first of its part, with the line above it."""
        sought = Sought.TOTAL if self.kind is Kind.AMOUNT else SOUGHT[self.kind]
        begin = 0
        chosen = pen.scene.find_all(sought)[:MOST_ITEMS]
        for span in sorted(chosen, key=lambda one: one.start):
            if span.start < begin:
                continue
            line = pen.scene.text.rfind("\n", 0, max(span.start - 1, 0))
            above = pen.scene.text.rfind("\n", 0, max(line, 0)) + 1
            start = max(begin, above)
            if span.start - start > BEFORE_FIND:
                start = pen.scene.text.find(" ", span.start - BEFORE_FIND, span.start) + 1 or start
            end = max(span.end, pen.scene.sentence_at(span.start).end)
            yield pen.scene.about(span, SOUGHT[self.kind], start, end)
            begin = span.end

    def _by_label(self, labels: Labels, pen: Pen) -> Iterator[Scene]:
        """Take the sentence that speaks most clearly for each label."""
        best: dict[str, tuple[float, Scene]] = {}
        for sentence in pen.scene.sentences[:SENTENCES]:
            scene = Scene(sentence.text.strip())
            pick = best_pick(labels, Pen(scene, pen.whole))
            clear = pick.score * pick.strength
            if pick.score >= CLEAR_SCORE and clear > best.get(pick.label, (0.0, scene))[0]:
                best[pick.label] = (clear, scene)
        for _, scene in sorted(best.values(), key=lambda one: -one[0]):
            yield scene
