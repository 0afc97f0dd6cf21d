import random
import socket
import threading
from collections.abc import Iterator

import pytest

from streams.local.kafka.errors import LocalKafkaError
from streams.local.kafka.ports import HOST, SEARCHED, answers_kafka, free_ports, is_used


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server((HOST, 0)) as server:
        yield server


def port_of(server: socket.socket) -> int:
    return int(server.getsockname()[1])


def answer_once(server: socket.socket, answer: bytes) -> threading.Thread:
    def serve() -> None:
        connection, _ = server.accept()
        with connection:
            connection.recv(64)
            connection.sendall(answer)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    return thread


def test_listening_port_is_used(listener: socket.socket) -> None:
    port = port_of(listener)
    assert is_used(port)
    listener.close()
    assert not is_used(port)


def test_free_ports_differ_and_can_be_listened_on() -> None:
    ports = free_ports(6, random.Random(1))
    assert len(set(ports)) == 6
    assert all(port in SEARCHED and not is_used(port) for port in ports)


def test_used_port_is_passed_over() -> None:
    [first] = free_ports(1, random.Random(7))
    with socket.create_server((HOST, first)):
        assert free_ports(1, random.Random(7)) != [first]


def test_more_ports_than_there_are() -> None:
    with pytest.raises(LocalKafkaError, match="are free"):
        free_ports(len(SEARCHED) + 1, random.Random(1))


@pytest.mark.parametrize(
    ("answer", "ready"),
    [
        (b"\0\0\0\x0a\0\0\0\x01\0\0", True),
        (b"\0\0\0\x0a\0\0\0\x01\0\x23", False),
        (b"HTTP/1.1 400 Bad Request\r\n", False),
        (b"", False),
    ],
    ids=["answer", "error code", "another protocol", "hang-up"],
)
def test_ready_is_an_api_versions_answer_without_error(
    listener: socket.socket, answer: bytes, *, ready: bool
) -> None:
    thread = answer_once(listener, answer)
    assert answers_kafka(port_of(listener)) is ready
    thread.join(10)


def test_silence_and_nobody_are_not_ready(listener: socket.socket) -> None:
    port = port_of(listener)
    assert not answers_kafka(port, timeout_s=0.05)
    listener.close()
    assert not answers_kafka(port)
