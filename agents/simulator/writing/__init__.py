"""The words of an answer, by deterministic rules."""
