"""The Kafka side and the wiring."""
