"""What is remembered while one object is written, so that its properties agree."""

from dataclasses import dataclass

from agents.simulator.writing.finders import Span
from agents.simulator.writing.labels import Pick
from agents.simulator.writing.scene import Scene


@dataclass(slots=True)
class Pen:
    """Writes one object. The scene is its part of the text, `whole` is all of it."""

    scene: Scene
    whole: Scene
    shout: bool = False
    """Write enum values in capitals, as the service sometimes does."""
    parent: str = ""
    """The name of the property that holds the object."""
    anchor: Span | None = None
    """The first thing found for this object; a quote is taken around it."""
    pick: Pick | None = None
    """The surest label so far; it sets the confidence and, without an anchor, the quote."""

    def found(self, span: Span | None) -> Span | None:
        """Remember a find."""
        if self.anchor is None:
            self.anchor = span
        return span

    def picked(self, pick: Pick) -> Pick:
        """Remember a label."""
        if self.pick is None or pick.strength > self.pick.strength:
            self.pick = pick
        return pick

    def inside(self, parent: str, scene: Scene | None = None) -> "Pen":
        """Return a pen for an object inside this one."""
        return Pen(scene or self.scene, self.whole, self.shout, parent)
