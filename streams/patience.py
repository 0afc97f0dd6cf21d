"""aiokafka's client with pauses where it has none; it makes no topics and reads every header.

While a broker or a topic is away, aiokafka 0.14 asks for metadata and connects again as fast as the
machine can. Its metadata requests let the broker create the topics they name. A header whose name
is not UTF-8 ends its consumer.
"""

import asyncio
import logging
from collections.abc import Collection
from typing import Any

from aiokafka.client import AIOKafkaClient, ConnectionGroup
from aiokafka.errors import KafkaError
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.protocol.metadata import MetadataRequest

from streams.header_names import readable

log = logging.getLogger(__name__)

# Between two requests for metadata, and after a broker that could not be reached.
PAUSE_S, LONGEST_PAUSE_S = 0.1, 0.5
_DEFAULT = ConnectionGroup.DEFAULT
_BOOTSTRAP = ("bootstrap", _DEFAULT)


class PatientClient(AIOKafkaClient):  # type: ignore[misc] # aiokafka has no types
    """What a producer or consumer of aiokafka talks to brokers with."""

    # Defaults of the class: an object becomes one of these after it was made.
    _failures = 0
    _asked_at = float("-inf")

    async def ready(self, node_id: Any, *, group: Any = _DEFAULT) -> bool:  # noqa: ANN401 - aiokafka's types
        """Whether a broker is connected; "no" takes its time."""
        if await super().ready(node_id, group=group):
            self._failures = 0
            return True
        await asyncio.sleep(self._pause_s())
        return False

    async def send(self, node_id: Any, request: Any, *, group: Any = _DEFAULT) -> Any:  # noqa: ANN401
        """Send a request and return its answer; fetched records are made readable."""
        answer = await super().send(node_id, request, group=group)
        if isinstance(request, FetchRequest):
            answer.topics = [
                (topic, [(*rest, readable(records)) for *rest, records in partitions])
                for topic, partitions in answer.topics
            ]
        return answer

    async def _metadata_update(self, cluster_metadata: Any, topics: Collection[str]) -> bool:  # noqa: ANN401
        """Ask one broker after the other, as the original does, but not without end."""
        loop = asyncio.get_running_loop()
        await asyncio.sleep(max(0.0, self._asked_at + PAUSE_S - loop.time()))
        self._asked_at = loop.time()
        request = MetadataRequest(list(topics) if topics else None, allow_auto_topic_creation=False)
        for node_id in self._nodes():
            answer = await self._metadata_of(node_id, request)
            if answer is None:
                continue
            if not answer.brokers:
                return False
            cluster_metadata.update_metadata(answer)
            self._leave_bootstrap()
            return True
        log.debug("no broker tells about the topics", extra={"event": "no_metadata"})
        cluster_metadata.failed_update(None)
        await asyncio.sleep(self._pause_s())
        return False

    def _nodes(self) -> set[Any]:
        # A set of few small numbers; which comes first does not matter.
        known = {broker.nodeId for broker in self.cluster.brokers()}
        return known | ({"bootstrap"} if _BOOTSTRAP in self._conns else set())

    async def _metadata_of(self, node_id: Any, request: MetadataRequest) -> Any:  # noqa: ANN401
        connection = await self._get_conn(node_id)
        if connection is None:
            return None
        try:
            return await connection.send(request)
        except (KafkaError, TimeoutError) as problem:
            log.warning("broker %s tells no metadata: %r", node_id, problem)
            return None

    def _leave_bootstrap(self) -> None:
        if _BOOTSTRAP in self._conns and self.cluster.brokers():
            self._conns.pop(_BOOTSTRAP).close()

    def _pause_s(self) -> float:
        self._failures += 1
        return min(LONGEST_PAUSE_S, PAUSE_S * 2.0 ** min(self._failures - 1, 10))


def make_patient(client: AIOKafkaClient) -> None:
    """Make a client of aiokafka a patient one, before it connects.

    Producers and consumers make their clients themselves and take no other.
    """
    client.__class__ = PatientClient
