"""The text an answer is about, and what has been noticed in it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from agents.simulator.writing.finders import Sought, Span, find_all
from agents.simulator.writing.languages import detect
from agents.simulator.writing.words import stems

STEMMED = 6_000
"""Characters whose words are looked at for labels."""
LONGEST_QUOTE = 160
BEFORE_ANCHOR = 60
SHORT_SENTENCE = 12
"""A lone amount on a line of a receipt is quoted with the line above it."""

_sentence = re.compile(r"[^\n]+?(?:[.!?。](?=\s|$)|(?=\n)|$)")
_openings = [re.compile(rf"<({name})(?:\s[^<>]*)?>") for name in ("event", "document")]
_any_opening = re.compile(r"<([a-zA-Z][\w-]*)(?:\s[^<>]*)?>")


def event_text(user_texts: Sequence[str]) -> str:
    """Return the text inside the newest `<event>` or `<document>` element of a conversation.

    Without one: the outermost element of the last turn, else all of the last turn.
    """
    for text in reversed(user_texts):
        for opening in _openings:
            inner = _inside(text, opening)
            if inner is not None:
                return inner.strip()
    last = user_texts[-1] if user_texts else ""
    inner = _inside(last, _any_opening)
    return (last if inner is None else inner).strip()


def _inside(text: str, opening: re.Pattern[str]) -> str | None:
    """Return what stands between the first opening tag and the last closing one of its name."""
    tag = opening.search(text)
    end = text.rfind(f"</{tag[1]}>", tag.end()) if tag else -1
    return text[tag.end() : end] if tag and end >= 0 else None


@dataclass
class Scene:
    """A text with lazily noticed facts. All spans and quotes are verbatim pieces of it."""

    text: str
    found: dict[Sought, list[Span]] = field(default_factory=dict)

    @cached_property
    def stems(self) -> dict[str, None]:
        """The stems of its words, each once, in order."""
        return dict.fromkeys(stems(self.text[:STEMMED]))

    @cached_property
    def language(self) -> str:
        """Its language as an ISO 639-1 code."""
        return detect(self.text)

    @cached_property
    def sentences(self) -> list[Span]:
        """Its sentences; a line break ends one."""
        matches = _sentence.finditer(self.text)
        return [Span(match.start(), match[0]) for match in matches if match[0].strip()]

    def find_all(self, sought: Sought) -> list[Span]:
        """Return what was sought."""
        if sought not in self.found:
            self.found[sought] = find_all(self.text, sought)
        return self.found[sought]

    def find(self, sought: Sought) -> Span | None:
        """Return the first of what was sought."""
        finds = self.find_all(sought)
        return finds[0] if finds else None

    def sentence_at(self, place: int) -> Span:
        """Return the sentence around a place."""
        for sentence in self.sentences:
            if sentence.start <= place < sentence.end:
                return sentence
        return Span(0, self.text)

    def sentence_with(self, wanted: frozenset[str]) -> Span | None:
        """Return the first sentence that has one of the stems, else the first of all."""
        for sentence in self.sentences:
            if wanted and not wanted.isdisjoint(stems(sentence.text)):
                return sentence
        return self.sentences[0] if self.sentences else None

    def quote(self, anchor: Span | None) -> str:
        """Return a verbatim piece around an anchor, at most `LONGEST_QUOTE` characters long."""
        if anchor is None:
            return clip(self.sentences[0].text) if self.sentences else ""
        if len(anchor.text) >= LONGEST_QUOTE or "\n" in anchor.text:
            return anchor.text.strip()[:LONGEST_QUOTE].rstrip()
        start, end = self._sentence_around(anchor)
        if end - start <= LONGEST_QUOTE:
            return self.text[start:end].strip()
        start = max(start, anchor.start - BEFORE_ANCHOR)
        space = self.text.find(" ", start, anchor.start)
        return clip(self.text[space + 1 if space >= 0 else anchor.start : end])

    def _sentence_around(self, anchor: Span) -> tuple[int, int]:
        """Return the ends of the anchor's sentence; a very short one takes the line before."""
        sentence = self.sentence_at(anchor.start)
        start, end = sentence.start, max(sentence.end, anchor.end)
        if len(sentence.text.strip()) < SHORT_SENTENCE and start > 1:
            before = self.sentence_at(start - 2)
            if before.end >= start - 1 and end - before.start <= LONGEST_QUOTE:
                start = before.start
        return start, end

    def beginning(self, words: int) -> str:
        """Return the first words of the text, verbatim."""
        first = self.sentences[0].text.strip() if self.sentences else ""
        cut = re.match(rf"(?:\S+\s+){{0,{words - 1}}}\S+", first)
        return clip(cut[0]) if cut else first

    def about(self, span: Span, sought: Sought, start: int, end: int) -> "Scene":
        """Return a smaller scene in which one find is all that is found."""
        scene = self.part(start, end)
        place = scene.text.find(span.text)
        return replace(scene, found={sought: [Span(place, span.text)]} if place >= 0 else {})

    def part(self, start: int, end: int) -> "Scene":
        """Return a smaller scene; what is verbatim in it is verbatim in this one."""
        return Scene(self.text[start:end].strip().lstrip(",;:.) "))


def clip(text: str) -> str:
    """Shorten a text at a word's end; what is left is verbatim."""
    text = text.strip()
    if len(text) <= LONGEST_QUOTE:
        return text
    cut = text[: LONGEST_QUOTE + 1]
    space = max(cut.rfind(" "), cut.rfind("\n"))
    return cut[:space].rstrip() if space > 0 else text[:LONGEST_QUOTE]
