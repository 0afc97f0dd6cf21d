"""The bytes and headers of an answer."""
