"""TCP ports of the local machine."""

import contextlib
import random
import socket
import struct

from streams.local.kafka.errors import LocalKafkaError

HOST = "127.0.0.1"
# Below the range of outgoing connections (32768 on Linux, 49152 on macOS): none takes a free port.
SEARCHED = range(20000, 30000)
API_VERSIONS = 18  # request key, https://kafka.apache.org/protocol#The_Messages_ApiVersions


def is_used(port: int, timeout_s: float = 1.0) -> bool:
    """Tell whether somebody listens on the port."""
    with contextlib.closing(socket.socket()) as probe:
        probe.settimeout(timeout_s)
        return probe.connect_ex((HOST, port)) == 0


def _can_listen(port: int) -> bool:
    with contextlib.closing(socket.socket()) as probe:
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def free_ports(count: int, random_source: random.Random) -> list[int]:
    """Return ports that nobody uses now, in random order, so that two callers seldom collide."""
    found = []
    for port in random_source.sample(SEARCHED, len(SEARCHED)):
        if _can_listen(port):
            found.append(port)
        if len(found) == count:
            return found
    raise LocalKafkaError(
        f"fewer than {count} of the ports {SEARCHED.start}-{SEARCHED.stop - 1} are free"
    )


def answers_kafka(port: int, timeout_s: float = 1.0) -> bool:
    """Tell whether a broker answers an ApiVersions request (version 0, error code 0).

    A KRaft broker opens its port for clients only after the controller has let it into service.
    """
    correlation_id = 1
    request = struct.pack(">hhih", API_VERSIONS, 0, correlation_id, -1)  # -1: no client id
    try:
        with socket.create_connection((HOST, port), timeout_s) as connection:
            connection.sendall(struct.pack(">i", len(request)) + request)
            answer = connection.recv(10, socket.MSG_WAITALL)
    except OSError:
        return False
    return len(answer) == 10 and struct.unpack(">ih", answer[4:]) == (correlation_id, 0)  # noqa: PLR2004 - length, id, code: 4 + 4 + 2 bytes
