"""How Faust is set up: settings -> what a Faust app takes."""

from typing import Any

import faust

from schemas.sections import Kafka
from streams.connection import REQUEST_TIMEOUT_S, ssl_context

# Memory bound of one fetch of a partition; a larger record still comes, alone (KIP-74).
FETCH_BYTES = 256 * 2**10
# Records read ahead for each class; the default reads 4,000.
READ_AHEAD = 64


def faust_options(kafka: Kafka) -> dict[str, Any]:
    """Return the Faust settings; `faust.md` of the design says what each was measured to do."""
    servers = [f"kafka://{server.strip()}" for server in kafka.bootstrap_servers.split(",")]
    return {
        "broker": servers,
        "broker_credentials": _credentials(kafka),
        "broker_max_poll_interval": 86_400.0,  # with full buffers Faust polls seldom
        "broker_max_poll_records": READ_AHEAD,
        "stream_buffer_maxsize": READ_AHEAD,
        "stream_wait_empty": False,  # safe only with our watermark; True never ends a rebalance
        "consumer_max_fetch_size": FETCH_BYTES,
        "consumer_auto_offset_reset": "earliest",
        "consumer_group_instance_id": kafka.group_instance_id or None,
        "consumer_metadata_max_age_ms": 15_000,
        "broker_session_timeout": 10.0,
        "broker_heartbeat_interval": 3.0,
        "broker_rebalance_timeout": 30.0,
        "broker_request_timeout": REQUEST_TIMEOUT_S,
        "producer_request_timeout": REQUEST_TIMEOUT_S,
        "broker_commit_interval": 0.5,
        "topic_disable_leader": True,
        "topic_allow_declare": False,
        "web_enabled": False,  # it would listen on all interfaces without a password
        "store": "memory://",
    }


def _credentials(kafka: Kafka) -> Any:  # noqa: ANN401
    context = ssl_context(kafka) if kafka.security_protocol.endswith("SSL") else None
    if kafka.security_protocol.startswith("SASL"):
        return faust.SASLCredentials(
            username=kafka.sasl_username,
            password=kafka.password,
            mechanism=kafka.sasl_mechanism,
            ssl_context=context,
        )
    return faust.SSLCredentials(context) if context else None
