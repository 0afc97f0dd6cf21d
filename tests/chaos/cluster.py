"""Three real brokers; workers come in by a door of their own, with a name and through a proxy."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from random import Random

import orjson
from aiokafka.admin import AIOKafkaAdminClient

from streams.local.kafka import LocalKafka
from streams.local.kafka.plan import Plan
from streams.local.kafka.ports import HOST, free_ports
from tests.tcp_proxy import TcpProxy

USER, PASSWORD = "worker", "secret-of-the-worker"
JAAS = "org.apache.kafka.common.security.plain.PlainLoginModule required"
# Brokers, controllers and the referee come without a name and may do everything; workers are asked
# for theirs, so that a single right can be taken from them.
GUARDED = {
    "listener.security.protocol.map": (
        "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,DOOR:SASL_PLAINTEXT"
    ),
    "inter.broker.listener.name": "PLAINTEXT",
    "listener.name.door.sasl.enabled.mechanisms": "PLAIN",
    "listener.name.door.plain.sasl.jaas.config": f'{JAAS} user_{USER}="{PASSWORD}";',
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "super.users": "User:ANONYMOUS",
    "allow.everyone.if.no.acl.found": "true",
    "group.max.session.timeout.ms": "60000",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorPlan(Plan):
    """A plan in which every node has one more listener; clients are sent to its proxy."""

    door_ports: Mapping[int, int]
    proxy_ports: Mapping[int, int]

    def properties(self, node: int) -> str:
        """Add the door to a node's listeners."""
        lines = Plan.properties(self, node).splitlines()
        doors = {"listeners=": self.door_ports, "advertised.listeners=": self.proxy_ports}
        for number, line in enumerate(lines):
            for key, ports in doors.items():
                if line.startswith(key):
                    lines[number] = f"{line},DOOR://{HOST}:{ports[node]}"
        return "".join(f"{line}\n" for line in lines)


class Ground:
    """Running brokers that arenas stand on, however many they are."""

    def __init__(self, kafka: LocalKafka) -> None:
        self.kafka = kafka

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.kafka})"

    @property
    def replicas(self) -> int:
        """Of every topic."""
        return len(self.kafka.plan.ports)

    @property
    def worker_kafka(self) -> str:
        """What a worker's settings say of the brokers."""
        return f'bootstrap_servers = "{self.kafka.bootstrap}"\n'


class Cluster(Ground):
    """Three brokers that can be struck, and the proxies before them."""

    def __init__(self, folder: Path, draw: Random) -> None:
        super().__init__(LocalKafka(folder, brokers=3, config=GUARDED))
        ports = free_ports(6, draw)
        nodes = list(self.kafka.plan.ports)
        plan = {field.name: getattr(self.kafka.plan, field.name) for field in fields(Plan)}
        doors, proxies = (
            dict(zip(nodes, ports, strict=False)),
            dict(zip(nodes, ports[3:], strict=True)),
        )
        self.kafka.plan = DoorPlan(**plan, door_ports=doors, proxy_ports=proxies)
        self.proxies = {node: TcpProxy(doors[node], proxies[node]) for node in nodes}

    @property
    def nodes(self) -> list[int]:
        """The numbers of all nodes."""
        return list(self.proxies)

    @property
    def worker_kafka(self) -> str:
        """What a worker's settings say of the brokers."""
        door = ",".join(f"{HOST}:{proxy.port}" for proxy in self.proxies.values())
        return (
            f'bootstrap_servers = "{door}"\nsecurity_protocol = "SASL_PLAINTEXT"\n'
            f'sasl_username = "{USER}"\nsasl_password = "{PASSWORD}"\n'
        )

    async def start(self) -> None:
        """Start the proxies, then all brokers."""
        for proxy in self.proxies.values():
            await proxy.start()
        await asyncio.to_thread(self.kafka.start)

    async def stop(self) -> None:
        """End everything; what is in the brokers is of no use any more."""
        await self.kill(*self.kafka.pids)
        for proxy in self.proxies.values():
            await proxy.stop()

    async def kill(self, *nodes: int) -> None:
        """SIGKILL."""
        for node in nodes:
            await asyncio.to_thread(self.kafka.kill, node)

    async def shut_down(self, node: int) -> None:
        """SIGTERM, as an administrator does it."""
        await asyncio.to_thread(self.kafka.stop, node)

    async def start_again(self, *nodes: int) -> None:
        """Start nodes, and wait until they answer."""
        await asyncio.to_thread(self.kafka.start, *nodes)

    async def leader(self, topic: str, partition: int) -> int:
        """Return the node that leads a partition."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.kafka.bootstrap)
        await admin.start()
        try:
            [told] = await admin.describe_topics([topic])
        finally:
            await admin.close()
        [leader] = [p["leader"] for p in told["partitions"] if p["partition"] == partition]
        return int(leader)

    def controller(self) -> int:
        """Return the node that leads the metadata quorum, as the nodes themselves keep it."""
        votes = []
        for node in self.kafka.pids:
            data = self.kafka.plan.node_directory(node) / "data"
            state = orjson.loads((data / "__cluster_metadata-0" / "quorum-state").read_bytes())
            votes.append((int(state["leaderEpoch"]), int(state["leaderId"])))
        return max(votes)[1]
