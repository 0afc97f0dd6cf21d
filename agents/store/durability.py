"""What of a Redis's configuration makes it forget records. Pure."""

ASKED = {"maxmemory-policy": "noeviction", "appendonly": "yes"}
"""What a store should be set to."""
WHY = {
    "maxmemory-policy": "when memory runs short it drops claims and bought answers",
    "appendonly": "a restart forgets claims and bought answers, which are then bought again",
}


def doubts(name: str, told: dict[str, str | None]) -> list[str]:
    """Return a line for each setting that is not as it should be, or that was not told (None).

    `name` is the store's, without a password.
    """
    lines = []
    for setting, wanted in ASKED.items():
        found = told[setting]
        if found is None:
            lines.append(f"{name}: {setting} could not be looked at; it should be {wanted}")
        elif found != wanted:
            lines.append(f"{name}: {setting} is {found}, should be {wanted}: {WHY[setting]}")
    return lines
