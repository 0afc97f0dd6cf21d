"""Where the brokers of a local cluster live and how they are configured; pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from streams.local.kafka.ports import HOST

MIB = 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One or three nodes, numbered from 1, each one broker and KRaft controller."""

    directory: Path
    ports: Mapping[int, int]
    controller_ports: Mapping[int, int]
    config: Mapping[str, str]
    # Further ways in for clients of a single broker: security protocol -> port.
    listeners: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        directory: Path,
        ports: Sequence[int],
        config: Mapping[str, str],
        listeners: Mapping[str, int] | None = None,
    ) -> Self:
        """Give the first half of the ports to clients, the second half to the controllers."""
        brokers = len(ports) // 2
        return cls(
            directory=directory,
            ports=dict(enumerate(ports[:brokers], 1)),
            controller_ports=dict(enumerate(ports[brokers:], 1)),
            config=config,
            listeners=listeners or {},
        )

    @property
    def bootstrap(self) -> str:
        """`host:port,...` for clients."""
        return ",".join(f"{HOST}:{port}" for port in self.ports.values())

    def node_directory(self, node: int) -> Path:
        """Return the folder with all files of a node."""
        return self.directory / f"node-{node}"

    def properties(self, node: int) -> str:
        """Return a node's server.properties; the caller's config wins."""
        values = self._addresses(node) | self._replication() | SMALL_AND_QUICK | dict(self.config)
        return "".join(f"{key}={value}\n" for key, value in values.items())

    def _addresses(self, node: int) -> dict[str, str]:
        voters = (f"{n}@{HOST}:{port}" for n, port in self.controller_ports.items())
        ways_in = {"PLAINTEXT": self.ports[node], **self.listeners}
        clients = ",".join(f"{protocol}://{HOST}:{port}" for protocol, port in ways_in.items())
        protocols = ",".join(f"{protocol}:{protocol}" for protocol in ways_in)
        return {
            "process.roles": "broker,controller",
            "node.id": str(node),
            "log.dirs": str(self.node_directory(node) / "data"),
            "controller.quorum.voters": ",".join(voters),
            "controller.listener.names": "CONTROLLER",
            "listeners": f"{clients},CONTROLLER://{HOST}:{self.controller_ports[node]}",
            "advertised.listeners": clients,
            "listener.security.protocol.map": f"{protocols},CONTROLLER:PLAINTEXT",
        }

    def _replication(self) -> dict[str, str]:
        factor, in_sync = ("3", "2") if len(self.ports) > 1 else ("1", "1")
        return {
            "default.replication.factor": factor,
            "min.insync.replicas": in_sync,
            "offsets.topic.replication.factor": factor,
            "transaction.state.log.replication.factor": factor,
            "transaction.state.log.min.isr": in_sync,
            "share.coordinator.state.topic.replication.factor": factor,
            "share.coordinator.state.topic.min.isr": in_sync,
        }


def stop_timeout_s(brokers: int) -> float:
    """Return how long brokers that stop together may take before they are killed.

    One alone may also record its class cache. Of three, the last ones have no controller any more
    to hand their partitions to, and would try for 5 minutes; nothing acknowledged is lost.
    """
    return 45.0 if brokers == 1 else 10.0


SMALL_AND_QUICK = {
    "auto.create.topics.enable": "false",  # topics are made on purpose
    "message.max.bytes": str(8 * MIB),  # upper bound for topics of 2 MiB records, and batches
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.num.partitions": "1",
    "group.initial.rebalance.delay.ms": "0",  # a first consumer does not wait 3 s for others
    # A killed broker is noticed, and may come back, after 3 s instead of 9.
    "broker.heartbeat.interval.ms": "500",
    "broker.session.timeout.ms": "3000",
    # Three controllers elect their first leader 0.5 s sooner.
    "controller.quorum.fetch.timeout.ms": "1000",
    "controller.quorum.election.timeout.ms": "500",
    "log.cleaner.dedupe.buffer.size": str(8 * MIB),  # the default takes 128 MiB of heap
    "num.network.threads": "1",
    "num.io.threads": "2",
    "background.threads": "2",
}
