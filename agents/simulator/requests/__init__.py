"""What a request may hold, and when it is turned away."""
