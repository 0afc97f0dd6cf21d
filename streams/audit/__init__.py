"""Proves that every input ended once: joins inputs with all that became of them."""
