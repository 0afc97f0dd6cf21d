"""What an alert about use says to the person who is called at night."""

from schemas.lease import UNITS, Unit
from schemas.standing import Standing
from schemas.workload import WorkloadClass

# Classes with somebody at the other end.
_URGENT = (WorkloadClass.REALTIME, WorkloadClass.INTERACTIVE)
_HIGHER = "ask for a higher limit in the Claude Console"


def parts(standing: Standing, unit: Unit) -> dict[WorkloadClass, float]:
    """Return the part of a limit that each class used in the last minute; empty: no limit known."""
    position = UNITS.index(unit)
    limit = standing.limits[position]
    if not limit:
        return {}
    return {name: round(used[position] / limit, 4) for name, used in standing.used_by.items()}


def crossed(standing: Standing, unit: Unit) -> str:
    """Say how much is used, by whom, who waits, and what would help."""
    by_class = parts(standing, unit)
    most = max(by_class, key=by_class.__getitem__, default=None)
    ratio = standing.ratios[UNITS.index(unit)]
    used = f"{ratio:.0%} of the {_words(unit)} a minute are used ({_named(standing, unit)})"
    sentences = [f"{', '.join(standing.models)}: {used}."]
    if most:
        sentences.append(f"{most} uses {by_class[most]:.0%} of it: {_remedy(most)}.")
    if waiting := {name: count for name, count in standing.waiting.items() if count}:
        told = ", ".join(f"{count} {name}" for name, count in waiting.items())
        sentences.append(f"Calls that wait: {told}.")
    sentences += [
        f"{name} waits too: raise [classes.{name}] reserve." for name in _URGENT if name in waiting
    ]
    return " ".join(sentences)


def calmed(standing: Standing, unit: Unit) -> str:
    """Say that it is over."""
    ratio = standing.ratios[UNITS.index(unit)]
    return f"{', '.join(standing.models)}: use of {_words(unit)} a minute is back at {ratio:.0%}."


def _words(unit: Unit) -> str:
    return unit.replace("_", " ")


def _named(standing: Standing, unit: Unit) -> str:
    position = UNITS.index(unit)
    return f"{standing.used[position]:,.0f} of {standing.limits[position]:,.0f}"


def _remedy(workload: WorkloadClass) -> str:
    if workload in _URGENT:
        return f"{_HIGHER}, or give a task of it another model"
    return f"lower its share ([classes.{workload}] max_in_flight) or move it off-peak; or {_HIGHER}"
