"""The shared rate budget: the waiting line, what is leased, what is spent."""
