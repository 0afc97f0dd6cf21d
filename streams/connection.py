"""How to reach Kafka: settings -> what aiokafka and Faust take."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.conn import collect_hosts, create_conn
from aiokafka.errors import (
    AuthenticationFailedError,
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    KafkaConnectionError,
    KafkaError,
    SaslAuthenticationFailed,
    TopicAuthorizationFailedError,
    UnsupportedSaslMechanismError,
)
from aiokafka.helpers import create_ssl_context

from schemas.problem import Problem
from schemas.sections import ConfigurationError, Kafka

# Bound of one request to a broker, and of the first contact.
REQUEST_TIMEOUT_S = 15.0


class KafkaUnavailable(Problem):
    """No broker answers, or it refuses us; the message says where and why."""


def client_options(kafka: Kafka) -> dict[str, Any]:
    """Return the connection arguments of every aiokafka client. Raises ConfigurationError."""
    options: dict[str, Any] = {
        "bootstrap_servers": kafka.bootstrap_servers,
        "security_protocol": kafka.security_protocol,
        "request_timeout_ms": int(REQUEST_TIMEOUT_S * 1000),
    }
    if kafka.security_protocol.startswith("SASL"):
        options |= {
            "sasl_mechanism": kafka.sasl_mechanism,
            "sasl_plain_username": kafka.sasl_username,
            "sasl_plain_password": kafka.password,
        }
    if kafka.security_protocol.endswith("SSL"):
        options["ssl_context"] = ssl_context(kafka)
    return options


def ssl_context(kafka: Kafka) -> ssl.SSLContext:
    """Return the TLS context of the settings. Raises ConfigurationError."""
    names = {
        "cafile": kafka.ssl_cafile,
        "certfile": kafka.ssl_certfile,
        "keyfile": kafka.ssl_keyfile,
    }
    files = {name: str(path) for name, path in names.items() if path}
    try:
        context: ssl.SSLContext = create_ssl_context(**files)
    except (OSError, ssl.SSLError) as problem:
        raise ConfigurationError(
            f"kafka.ssl_cafile, ssl_certfile or ssl_keyfile cannot be read: {problem}"
        ) from None
    return context


@asynccontextmanager
async def admin(kafka: Kafka) -> AsyncIterator[AIOKafkaAdminClient]:
    """Connect an admin client. Raises KafkaUnavailable with one clear line."""
    client = AIOKafkaAdminClient(**client_options(kafka))
    try:
        async with asyncio.timeout(2 * REQUEST_TIMEOUT_S):
            await client.start()
            yield client
    except (TimeoutError, KafkaError) as problem:
        raise await unusable(kafka, problem) from problem
    finally:
        await client.close()


async def unusable(kafka: Kafka, problem: KafkaError | TimeoutError) -> KafkaUnavailable:
    """Return the one line that says where and why; aiokafka keeps the why to its log."""
    why = await _why_unreachable(kafka) if _is_dumb(problem) else ""
    why = why or _words(problem)
    return KafkaUnavailable(f"Kafka at {kafka.bootstrap_servers} cannot be used: {why}")


def _is_dumb(problem: BaseException) -> bool:
    return isinstance(problem, KafkaConnectionError | TimeoutError)


async def _why_unreachable(kafka: Kafka) -> str:
    """Connect once more, to every server, and return what keeps us out; "" when nothing does."""
    options = client_options(kafka)
    servers = collect_hosts(options.pop("bootstrap_servers"), randomize=False)
    found = ""
    for host, port, _ in servers:
        try:
            connection = await create_conn(host, port, **options)
        except (OSError, KafkaError, TimeoutError) as problem:
            found = f"{host}:{port}: {_words(problem)}" if len(servers) > 1 else _words(problem)
        else:
            connection.close()
            return ""
    return found


# What a person can change; never what a broker or a library quotes from us. The first kind counts.
_WORDS: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], str], ...] = (
    (socket.gaierror, "no such host; check kafka.bootstrap_servers"),
    (
        ConnectionRefusedError,
        "nobody listens there; check kafka.bootstrap_servers and that the broker runs",
    ),
    (
        ssl.SSLCertVerificationError,
        "the broker's certificate is not trusted ({0.verify_message}); check kafka.ssl_cafile",
    ),
    (ssl.SSLError, "no TLS ({0.reason}); check kafka.security_protocol and the certificates"),
    (
        (AuthenticationFailedError, SaslAuthenticationFailed),
        "the broker refuses the login; check kafka.sasl_mechanism, sasl_username, sasl_password",
    ),
    (UnsupportedSaslMechanismError, "the broker does not offer this kafka.sasl_mechanism"),
    (
        (
            TopicAuthorizationFailedError,
            GroupAuthorizationFailedError,
            ClusterAuthorizationFailedError,
        ),
        "access is denied ({name}); the principal needs an ACL",
    ),
    (
        (ConnectionResetError, KafkaConnectionError),
        "the broker hung up; check kafka.security_protocol and the certificates",
    ),
    (
        TimeoutError,
        "no answer in time; check kafka.bootstrap_servers and kafka.security_protocol",
    ),
    (
        BaseException,
        "{name}; check kafka.bootstrap_servers, kafka.security_protocol and that the broker runs",
    ),
)


def _words(problem: BaseException) -> str:
    found = next(words for kinds, words in _WORDS if isinstance(problem, kinds))
    return found.format(problem, name=type(problem).__name__)
