"""What else Claude should know about an event."""

from agents.context.source import Assembled, ContextSource, assemble

__all__ = ["Assembled", "ContextSource", "assemble"]
