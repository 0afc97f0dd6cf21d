"""How to reach Kafka: settings -> what aiokafka and Faust take."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
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
    servers = kafka.bootstrap_servers
    client = AIOKafkaAdminClient(**client_options(kafka))
    try:
        async with asyncio.timeout(2 * REQUEST_TIMEOUT_S):
            await client.start()
            yield client
    except TimeoutError:
        raise KafkaUnavailable(f"Kafka at {servers} did not answer in time") from None
    except KafkaError as problem:
        raise KafkaUnavailable(
            f"Kafka at {servers} cannot be used: {type(problem).__name__}; check "
            "kafka.bootstrap_servers, kafka.security_protocol and that the broker runs"
        ) from problem
    finally:
        await client.close()
