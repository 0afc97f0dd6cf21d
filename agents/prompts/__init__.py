"""Prompts: texts in `library/`, and how a request is built from them."""

from agents.prompts.library import instructions
from agents.prompts.template import LAYOUT, repair_turns, system_blocks, user_turn

__all__ = ["LAYOUT", "instructions", "repair_turns", "system_blocks", "user_turn"]
