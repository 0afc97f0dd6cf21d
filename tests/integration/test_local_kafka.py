import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil  # type: ignore[import-untyped] # no type information is published
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from streams.local.kafka import LocalKafka, LocalKafkaError
from streams.local.kafka.ports import HOST, answers_kafka, is_used
from streams.local.kafka.running import bootstrap_of, find_running, stop_running

LARGE = b"x" * (2 * 2**20 - 1000)  # what a topic of 2 MiB records takes


@pytest.fixture
def kafka(tmp_path: Path) -> Iterator[LocalKafka]:
    with LocalKafka(tmp_path) as cluster:
        yield cluster


async def create_topic(kafka: LocalKafka, name: str, copies: int = 1) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    await admin.start()
    try:
        config = {"max.message.bytes": str(2 * 2**20)}
        await admin.create_topics([NewTopic(name, 1, copies, topic_configs=config)])
    finally:
        await admin.close()


async def send(kafka: LocalKafka, topic: str, *values: bytes) -> None:
    producer = AIOKafkaProducer(
        bootstrap_servers=kafka.bootstrap, acks="all", max_request_size=3 * 2**20
    )
    await producer.start()
    try:
        for value in values:
            await producer.send_and_wait(topic, value)
    finally:
        await producer.stop()


async def read(kafka: LocalKafka, topic: str, count: int) -> list[bytes]:
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka.bootstrap)
    await consumer.start()
    try:
        consumer.assign([TopicPartition(topic, 0)])
        await consumer.seek_to_beginning()
        return [(await consumer.getone()).value for _ in range(count)]
    finally:
        await consumer.stop()


async def test_ready_broker_takes_a_topic_and_large_records(kafka: LocalKafka) -> None:
    await create_topic(kafka, "documents")
    await send(kafka, "documents", LARGE)
    assert await read(kafka, "documents", 1) == [LARGE]


async def test_topics_are_not_made_by_accident(kafka: LocalKafka) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    await admin.start()
    try:
        await admin.describe_topics(["mistyped"])
        assert await admin.list_topics() == []
    finally:
        await admin.close()


async def test_killed_broker_comes_back_with_its_data(kafka: LocalKafka) -> None:
    await create_topic(kafka, "documents")
    await send(kafka, "documents", b"before")
    kafka.kill(1)
    assert not is_used(kafka.plan.ports[1])
    kafka.start(1)
    await send(kafka, "documents", b"after")
    assert await read(kafka, "documents", 2) == [b"before", b"after"]


def test_start_and_stop_are_safe_twice(kafka: LocalKafka) -> None:
    before = kafka.pids
    assert kafka.start().pids == before
    [process] = (psutil.Process(pid) for pid in before.values())
    kafka.stop()
    kafka.stop()
    assert kafka.pids == {}
    assert not process.is_running()
    assert not any(is_used(port) for port in kafka.plan.ports.values())


def test_paused_broker_is_silent_and_can_be_stopped(kafka: LocalKafka) -> None:
    port = kafka.plan.ports[1]
    kafka.pause(1)
    assert not answers_kafka(port, timeout_s=0.2)
    kafka.resume(1)
    assert answers_kafka(port, timeout_s=30)
    kafka.pause(1)
    kafka.stop()
    assert not is_used(port)


def test_busy_port_is_named(tmp_path: Path) -> None:
    with socket.create_server((HOST, 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(LocalKafkaError, match=f"port {port} is in use: choose another"):
            LocalKafka(tmp_path, port=port).start()


def test_refused_config_is_named(tmp_path: Path) -> None:
    kafka = LocalKafka(tmp_path, config={"log.message.timestamp.type": "No"})
    with pytest.raises(LocalKafkaError, match=r"cannot set up .*log.message.timestamp.type"):
        kafka.start()


def test_broker_that_ends_at_start_says_why(kafka: LocalKafka) -> None:
    kafka.stop()
    meta = kafka.plan.node_directory(1) / "data" / "meta.properties"
    meta.write_text(meta.read_text().replace("node.id=1", "node.id=2"))
    with pytest.raises(LocalKafkaError, match=r"(?s)broker 1 ended at start.*node id") as raised:
        kafka.start()
    assert "\tat " not in str(raised.value)
    assert kafka.pids == {}


def test_second_cluster_on_the_same_data_is_refused(kafka: LocalKafka) -> None:
    with pytest.raises(LocalKafkaError, match=f"already runs at {kafka.bootstrap}"):
        LocalKafka(kafka.plan.directory).start()
    assert answers_kafka(kafka.plan.ports[1])


def test_data_of_another_number_of_brokers_is_refused(kafka: LocalKafka) -> None:
    kafka.stop()
    with pytest.raises(LocalKafkaError, match="is of 1 brokers, not of 3"):
        LocalKafka(kafka.plan.directory, brokers=3).start()


def test_two_brokers_are_no_cluster(tmp_path: Path) -> None:
    with pytest.raises(LocalKafkaError, match="1 or 3 brokers, not 2"):
        LocalKafka(tmp_path, brokers=2)


async def test_three_brokers_survive_the_loss_of_one(tmp_path: Path) -> None:
    with LocalKafka(tmp_path, brokers=3) as kafka:
        await create_topic(kafka, "documents", copies=3)
        await send(kafka, "documents", b"with three")
        kafka.kill(2)
        await send(kafka, "documents", b"with two")
        kafka.start(2)
        assert await read(kafka, "documents", 2) == [b"with three", b"with two"]


def test_broker_outlives_the_thread_that_started_it(tmp_path: Path) -> None:
    kafka = LocalKafka(tmp_path)
    starter = threading.Thread(target=kafka.start)
    starter.start()
    starter.join(60)
    with kafka:
        assert answers_kafka(kafka.plan.ports[1])


PARENT = """
import pathlib, signal, sys
from streams.local.kafka import LocalKafka
with LocalKafka(pathlib.Path(sys.argv[1])) as kafka:
    print(*kafka.pids.values(), flush=True)
    signal.pause()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only the Linux kernel can do this")
def test_broker_is_gone_when_its_parent_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PARENT, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        broker = psutil.Process(int(parent.stdout.readline()))
        parent.send_signal(signal.SIGKILL)
    assert psutil.wait_procs([broker], timeout=30)[1] == []


def test_broker_in_the_background_is_found_and_stopped(tmp_path: Path) -> None:
    started = LocalKafka(tmp_path, outlive_parent=True).start()
    [found] = find_running(tmp_path)
    assert {found.node: found.pid} == started.pids
    assert found.memory_bytes > 0
    assert bootstrap_of(tmp_path) == started.bootstrap
    assert stop_running(tmp_path) == 1
    assert started.pids == {}
    assert find_running(tmp_path) == []
    assert stop_running(tmp_path) == 0
