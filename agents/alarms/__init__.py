"""When people are told, and what would help them."""
