"""State that workers share: one store behind the small ports of its users."""
