"""All faults, in the order in which they strike: those of one cast stand together."""

from itertools import chain

from tests.chaos.fault import Fault
from tests.chaos.faults import (
    api,
    brokers,
    clocks,
    events,
    lines,
    replays,
    store,
    topics,
    workers,
)

FAMILIES = (api, events, store, replays, lines, brokers, topics, workers, clocks)
FAULTS: tuple[Fault, ...] = tuple(chain.from_iterable(family.FAULTS for family in FAMILIES))
