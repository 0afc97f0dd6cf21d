"""Whether we may join a consumer group: asked before joining, which would wait without a word."""

import asyncio

from aiokafka.client import AIOKafkaClient, CoordinationType
from aiokafka.errors import (
    CoordinatorLoadInProgressError,
    CoordinatorNotAvailableError,
    GroupAuthorizationFailedError,
    KafkaError,
    NotCoordinatorError,
    for_code,
)
from aiokafka.protocol.group import HeartbeatRequest

from schemas.problem import Problem
from schemas.sections import Kafka
from streams.connection import client_options, unusable

_NOBODY, _NO_GENERATION = "nobody", -1
# A fresh cluster makes its place for groups when it is first asked.
TRIES, PAUSE_S = 30, 0.2
_LOADING = (CoordinatorLoadInProgressError, CoordinatorNotAvailableError, NotCoordinatorError)


class GroupDenied(Problem):
    """The broker does not let us join a consumer group."""


async def require_group(kafka: Kafka, group: str) -> None:
    """Raise GroupDenied when the principal may not join the group; else KafkaUnavailable.

    The heartbeat of a member that does not exist changes nothing, and takes the same right as
    joining: Read of the group.
    """
    client = AIOKafkaClient(**client_options(kafka))
    try:
        await client.bootstrap()
        told = await _told(client, group)
    except (KafkaError, TimeoutError) as problem:
        raise await unusable(kafka, problem) from problem
    finally:
        await client.close()
    if told is GroupAuthorizationFailedError:
        raise GroupDenied(f"the consumer group {group} may not be joined: it needs an ACL for Read")


async def _told(client: AIOKafkaClient, group: str) -> type[Exception]:
    """Return the kind of error that the group's coordinator has for nobody."""
    told: type[Exception] = CoordinatorNotAvailableError
    for _ in range(TRIES):
        try:
            node = await client.coordinator_lookup(CoordinationType.GROUP, group)
            answer = await client.send(node, HeartbeatRequest(group, _NO_GENERATION, _NOBODY))
            told = for_code(answer.error_code)
        except (GroupAuthorizationFailedError, *_LOADING) as problem:
            told = type(problem)
        if told not in _LOADING:
            break
        await asyncio.sleep(PAUSE_S)
    return told
