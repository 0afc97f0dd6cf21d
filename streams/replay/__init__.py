"""Dead letters: find them, read them, count them."""
