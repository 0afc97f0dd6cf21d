from streams.troubles import NO_ANSWER, PATIENCE_S, Troubles

TOPIC, OTHER = "results.realtime", "results.batch"


def waiting(error: str = "") -> Troubles:
    """One record waits for a topic since 0."""
    troubles = Troubles()
    troubles.began(TOPIC, 0.0)
    if error:
        troubles.failed(TOPIC, error)
    return troubles


def test_nothing_is_known_at_first() -> None:
    assert Troubles().at(1e6) == {}


def test_topic_is_in_trouble_when_nothing_was_taken_for_long() -> None:
    troubles = waiting("TopicAuthorizationFailedError")
    assert troubles.at(PATIENCE_S - 0.1) == {}
    assert troubles.at(PATIENCE_S) == {TOPIC: "TopicAuthorizationFailedError"}


def test_silence_is_trouble_too() -> None:
    assert waiting().at(PATIENCE_S) == {TOPIC: NO_ANSWER}


def test_slow_topic_that_takes_others_meanwhile_is_in_no_trouble() -> None:
    troubles = waiting("NotLeaderForPartitionError")
    for now in range(1, 10):
        troubles.began(TOPIC, now)
        troubles.took(TOPIC, now)
        troubles.ended(TOPIC)
    assert troubles.at(10.0) == {}
    assert troubles.at(9 + PATIENCE_S) == {TOPIC: NO_ANSWER}


def test_next_success_clears() -> None:
    troubles = waiting("TopicAuthorizationFailedError")
    troubles.took(TOPIC, 10.0)
    troubles.ended(TOPIC)
    assert troubles.at(1e6) == {}


def test_who_gave_up_is_no_trouble() -> None:
    troubles = waiting("TopicAuthorizationFailedError")
    troubles.ended(TOPIC)
    assert troubles.at(1e6) == {}
    troubles.began(TOPIC, 1e6)
    assert troubles.at(1e6 + 1) == {}


def test_refused_size_stands_until_the_topic_takes_something() -> None:
    troubles = waiting()
    troubles.refused(TOPIC, "MessageSizeTooLargeError")
    troubles.ended(TOPIC)
    assert troubles.at(0.0) == {TOPIC: "MessageSizeTooLargeError"}
    troubles.took(TOPIC, 1.0)
    assert troubles.at(1.0) == {}


def test_topics_are_apart() -> None:
    troubles = waiting("TopicAuthorizationFailedError")
    troubles.began(OTHER, 0.0)
    troubles.took(OTHER, PATIENCE_S)
    troubles.ended(OTHER)
    assert set(troubles.at(PATIENCE_S)) == {TOPIC}
