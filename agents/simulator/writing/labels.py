"""Picks the label whose words overlap most with a text."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from math import sqrt

from agents.simulator.writing.lexicon import FALLBACKS, GENERIC_WORDS, HINTS, STOP_WORDS
from agents.simulator.writing.words import name_words, stem

HINT_WEIGHT = 0.7
"""A synonym counts less than the word itself."""
STOP_WEIGHT = 0.15
GENERIC_WEIGHT = 0.5

_hints = {
    stem(word): frozenset(stem(hint) for hint in hints.split()) for word, hints in HINTS.items()
}
_stop_stems = frozenset(map(stem, STOP_WORDS))
_generic_stems = frozenset(map(stem, GENERIC_WORDS))


@dataclass(frozen=True, kw_only=True, slots=True)
class Pick:
    """A label and how sure the choice is, from 0 to 1."""

    label: str
    strength: float
    score: float
    """How much of the label's words the text has; about 1 for all of them."""
    matched: frozenset[str]
    """Stems of the text that spoke for it."""


class LabelPicker:
    """Chooses among fixed labels; built once for an enum.

    A word that many labels share weighs less.
    """

    def __init__(self, labels: Sequence[str]) -> None:
        self.labels = tuple(labels)
        stems = [tuple(dict.fromkeys(map(stem, name_words(label)))) for label in self.labels]
        shared = Counter(one for words in stems for one in words)
        self._index: dict[str, dict[int, float]] = defaultdict(dict)
        for number, words in enumerate(stems):
            for word in words:
                weight = 1 / (shared[word] * sqrt(len(words)))
                self._add(number, word, weight * _importance(word))
                for hint in _hints.get(word, ()):
                    self._add(number, hint, weight * HINT_WEIGHT * _importance(hint))
        self._index = dict(self._index)
        self._fallback = next((one for one in FALLBACKS if one in self.labels), None)

    def __repr__(self) -> str:
        return f"<LabelPicker of {len(self.labels)}>"

    def pick(self, stems: Collection[str], text: str) -> Pick:
        """Return the best label; ties go by a stable hash of text and label."""
        scores = self._scores(stems)
        if not scores:
            label = self._fallback or max(self.labels, key=lambda one: tie_break(text, one))
            return Pick(label=label, strength=0.0, score=0.0, matched=frozenset())
        best = max(scores.values())
        tied = [number for number, score in scores.items() if score >= best * 0.999]
        number = max(tied, key=lambda one: tie_break(text, self.labels[one]))
        rest = sum(scores.values()) - best
        matched = frozenset(one for one in stems if number in self._index.get(one, ()))
        return Pick(
            label=self.labels[number],
            strength=best / (best + rest / 2),
            score=best,
            matched=matched,
        )

    def ranked(self, stems: Collection[str]) -> list[str]:
        """Return the labels that anything speaks for, best first."""
        scores = self._scores(stems)
        return [self.labels[one] for one in sorted(scores, key=lambda one: -scores[one])]

    def _add(self, number: int, word: str, weight: float) -> None:
        known = self._index[word]
        known[number] = max(known.get(number, 0.0), weight)

    def _scores(self, stems: Iterable[str]) -> dict[int, float]:
        scores: dict[int, float] = {}
        index = self._index
        for one in stems:
            if one in index:
                for number, weight in index[one].items():
                    scores[number] = scores.get(number, 0.0) + weight
        return scores


def tie_break(text: str, label: str) -> bytes:
    """Return bytes that order labels in the same way for the same text."""
    return blake2b(f"{label}\0{text}".encode(errors="replace"), digest_size=8).digest()


def _importance(one: str) -> float:
    if one in _stop_stems:
        return STOP_WEIGHT
    return GENERIC_WEIGHT if one in _generic_stems else 1.0
