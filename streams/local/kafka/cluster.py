"""A real Apache Kafka on this machine: one broker or three, without Docker and without root."""

import random
import signal
import time
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self

from streams.local.kafka.broker import Broker, Program
from streams.local.kafka.class_cache import class_cache
from streams.local.kafka.errors import LocalKafkaError
from streams.local.kafka.jars import Progress, cache_directory, fetch_jars, locked_jars
from streams.local.kafka.java import find_java
from streams.local.kafka.plan import Plan, stop_timeout_s
from streams.local.kafka.ports import answers_kafka, free_ports, is_used
from streams.local.kafka.running import bootstrap_of, find_running

__all__ = ["LocalKafka", "LocalKafkaError"]

READY_S = 60.0
READY_POLL_S = 0.02


class LocalKafka:
    """A cluster that ends with this process, also when it is killed; a context manager.

    Port 0 takes free ports; another port takes 2 x brokers ports from there on. Data stays in
    `directory`. `listeners` are further ports of a single broker, by security protocol; `config`
    says what they need. Nothing is fetched or started before `start`. All errors are
    LocalKafkaError.
    """

    def __init__(
        self,
        directory: Path,
        *,
        brokers: int = 1,
        port: int = 0,
        config: Mapping[str, str] | None = None,
        listeners: Mapping[str, int] | None = None,
        outlive_parent: bool = False,
        on_progress: Progress = lambda _: None,
    ) -> None:
        if brokers not in (1, 3):
            raise LocalKafkaError(f"a local Kafka has 1 or 3 brokers, not {brokers}")
        count = 2 * brokers
        ports = list(range(port, port + count)) if port else []
        self.plan = Plan.of(
            directory.resolve(),
            ports or free_ports(count, random.SystemRandom()),
            config or {},
            listeners,
        )
        self._outlive_parent = outlive_parent
        self._on_progress = on_progress
        self._brokers: dict[int, Broker] = {}

    def __repr__(self) -> str:
        return f"LocalKafka({self.bootstrap!r}, pids={self.pids})"

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def bootstrap(self) -> str:
        """`host:port,...` for clients."""
        return self.plan.bootstrap

    @property
    def pids(self) -> dict[int, int]:
        """Node -> process id of the brokers that were started and not stopped."""
        return {node: pid for node, b in self._brokers.items() if (pid := b.pid) is not None}

    def start(self, *nodes: int) -> Self:
        """Start all nodes, or those given; return when they answer clients."""
        self._install()
        wanted = [n for n in nodes or self.plan.ports if n not in self.pids]
        self._check_directory()
        for node in wanted:
            self._check_ports(node)
        try:
            self._launch(wanted)
            self._wait_ready(wanted)
        except BaseException:
            for node in wanted:
                self.kill(node)
            raise
        return self

    def stop(self, *nodes: int) -> None:
        """Shut down all nodes, or those given, and wait until they are gone."""
        going = [self._brokers[n] for n in nodes or self._brokers]
        if any(broker.records for broker in going):
            self._on_progress("stopping Kafka and recording its class cache (once)")
        for broker in going:
            broker.ask_to_stop()
        give_up_at = time.monotonic() + stop_timeout_s(len(self.plan.ports))
        for broker in going:
            broker.wait_stopped(max(0.0, give_up_at - time.monotonic()))

    def kill(self, node: int) -> None:
        """SIGKILL a node: to the others it looks like a machine that died."""
        self._brokers[node].kill()

    def pause(self, node: int) -> None:
        """SIGSTOP a node: to the others it looks like a machine that hangs."""
        self._brokers[node].send(signal.SIGSTOP)

    def resume(self, node: int) -> None:
        """SIGCONT a paused node."""
        self._brokers[node].send(signal.SIGCONT)

    def _install(self) -> None:
        """Find Java, fetch the jars; the first time takes the network and some seconds."""
        if self._brokers:
            return
        java, folder = find_java(), cache_directory()
        jars = fetch_jars(locked_jars(), folder / "jars", on_progress=self._on_progress)
        program = Program(
            java=java,
            jars=jars,
            cache=class_cache(java, jars, folder),
            records=len(self.plan.ports) == 1,
            outlive_parent=self._outlive_parent,
        )
        for node in self.plan.ports:
            self._brokers[node] = Broker(node, self.plan.node_directory(node), program)

    def _check_directory(self) -> None:
        if {broker.pid for broker in find_running(self.plan.directory)} - set(self.pids.values()):
            raise LocalKafkaError(
                f"Kafka already runs at {bootstrap_of(self.plan.directory)} with its data in "
                f"{self.plan.directory}: stop it first (headrace kafka stop)"
            )
        brokers = len(list(self.plan.directory.glob("node-*")))
        if brokers not in (0, len(self.plan.ports)):
            raise LocalKafkaError(
                f"the data in {self.plan.directory} is of {brokers} brokers, not of "
                f"{len(self.plan.ports)}: remove it, or choose another directory with --dir"
            )

    def _check_ports(self, node: int) -> None:
        for port in (self.plan.ports[node], self.plan.controller_ports[node]):
            if is_used(port):
                raise LocalKafkaError(f"port {port} is in use: choose another with --port")

    def _launch(self, nodes: Collection[int]) -> None:
        self._on_progress("starting Kafka")
        with ThreadPoolExecutor(len(self.plan.ports)) as pool:
            list(pool.map(lambda n: self._brokers[n].prepare(self.plan.properties(n)), nodes))
        for node in nodes:
            self._brokers[node].launch()

    def _wait_ready(self, nodes: Collection[int]) -> None:
        give_up_at = time.monotonic() + READY_S
        waiting = set(nodes)
        while waiting := {n for n in waiting if not answers_kafka(self.plan.ports[n])}:
            for node in waiting:
                self._brokers[node].check_running()
            if time.monotonic() > give_up_at:
                raise LocalKafkaError(
                    f"brokers {sorted(waiting)} are not ready after {READY_S:.0f} s: see "
                    f"broker.log below {self.plan.directory}; is the machine overloaded?"
                )
            time.sleep(READY_POLL_S)
