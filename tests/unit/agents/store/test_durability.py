from agents.store.durability import doubts

GOOD = {"maxmemory-policy": "noeviction", "appendonly": "yes"}


def test_a_redis_that_keeps_all_leaves_no_doubt() -> None:
    assert doubts("redis://cache", {**GOOD}) == []


def test_what_may_be_forgotten_is_named_with_what_it_costs() -> None:
    told: dict[str, str | None] = {"maxmemory-policy": "allkeys-lru", "appendonly": "no"}
    evicts, forgets = doubts("cache", told)
    assert evicts == (
        "cache: maxmemory-policy is allkeys-lru, should be noeviction: "
        "when memory runs short it drops claims and bought answers"
    )
    assert forgets == (
        "cache: appendonly is no, should be yes: "
        "a restart forgets claims and bought answers, which are then bought again"
    )


def test_what_was_not_told_is_a_doubt() -> None:
    assert doubts("redis://cache", {**GOOD, "appendonly": None}) == [
        "redis://cache: appendonly could not be looked at; it should be yes"
    ]
