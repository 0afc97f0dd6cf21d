"""A real broker with TLS, logins, client certificates and ACLs, and one principal: headrace.

Its plain listener is for the tests themselves, which may do everything.
"""

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any

import trustme
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.protocol.admin import CreateAclsRequest, DeleteAclsRequest
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from schemas.settings import Settings
from schemas.workload import WorkloadClass
from streams.local.kafka import LocalKafka
from streams.local.kafka.ports import HOST
from streams.topics import TopicNames
from tests.ports import own_ports

PRINCIPAL, PASSWORD = "headrace", "correct horse battery"
LITERAL, PREFIXED = 3, 4
DENY, ALLOW = 2, 3


class Resource(IntEnum):
    """Kinds of resources in Kafka's ACL requests."""

    TOPIC = 2
    GROUP = 3


class Operation(IntEnum):
    """Operations in Kafka's ACL requests."""

    READ = 3
    WRITE = 4
    DESCRIBE = 8
    DESCRIBE_CONFIGS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """One ACL of the principal."""

    resource: Resource = Resource.TOPIC
    name: str
    operation: Operation
    pattern: int = LITERAL
    permission: int = ALLOW

    @property
    def fields(self) -> tuple[int, str, int, str, str, int, int]:
        """What the requests take."""
        who = f"User:{PRINCIPAL}"
        return self.resource, self.name, self.pattern, who, "*", self.operation, self.permission


def worker_grants(settings: Settings) -> Iterator[Grant]:
    """Yield the least that a worker needs."""
    names = TopicNames(settings)
    for workload in WorkloadClass:
        yield Grant(name=names.input(workload), operation=Operation.READ)
        yield Grant(name=names.replay(workload), operation=Operation.READ)
        for topic in (
            names.result(workload),
            names.dead_letters(workload),
            names.parked(workload),
        ):
            yield Grant(name=topic, operation=Operation.WRITE)
    yield Grant(name=names.deltas, operation=Operation.WRITE)
    yield Grant(name=names.alerts, operation=Operation.WRITE)
    yield Grant(
        resource=Resource.GROUP,
        name=f"{settings.app.name}.",
        operation=Operation.READ,
        pattern=PREFIXED,
    )


def command_grants(settings: Settings) -> Iterator[Grant]:
    """Yield what publish, tail, dlq, audit and `topics check` need in addition."""
    names = TopicNames(settings)
    for workload in WorkloadClass:
        for topic in (names.input(workload), names.replay(workload)):
            yield Grant(name=topic, operation=Operation.WRITE)
        for topic in (
            names.result(workload),
            names.dead_letters(workload),
            names.parked(workload),
        ):
            yield Grant(name=topic, operation=Operation.READ)
    for topic in (names.deltas, names.alerts, names.feedback, names.jobs):
        yield Grant(name=topic, operation=Operation.READ)
    for topic in all_topics(names):
        yield Grant(name=topic, operation=Operation.DESCRIBE_CONFIGS)


def all_topics(names: TopicNames) -> Iterator[str]:
    """Yield every topic of ours."""
    for w in WorkloadClass:
        yield from (names.input(w), names.result(w), names.dead_letters(w))
        yield from (names.replay(w), names.parked(w))
    yield from (names.deltas, names.jobs, names.feedback, names.alerts)


class SecureKafka:
    """The broker, and the settings of the ways into it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._authority = trustme.CA()
        sasl, tls = own_ports(2)
        self.sasl_address, self.tls_address = f"{HOST}:{sasl}", f"{HOST}:{tls}"
        self._write_certificates()
        self.kafka = LocalKafka(
            folder / "kafka",
            config=self._config(),
            listeners={"SASL_SSL": sasl, "SSL": tls},
        )

    def __repr__(self) -> str:
        return f"SecureKafka({self.sasl_address}, {self.tls_address})"

    @property
    def by_password(self) -> dict[str, str]:
        """The environment of a worker that logs in with a password, kept in a file."""
        return {
            "HEADRACE_KAFKA__BOOTSTRAP_SERVERS": self.sasl_address,
            "HEADRACE_KAFKA__SECURITY_PROTOCOL": "SASL_SSL",
            "HEADRACE_KAFKA__SASL_USERNAME": PRINCIPAL,
            "HEADRACE_KAFKA__SASL_PASSWORD_FILE": str(self._folder / "password"),
            "HEADRACE_KAFKA__SSL_CAFILE": str(self._folder / "ca.pem"),
        }

    @property
    def by_certificate(self) -> dict[str, str]:
        """The environment of a worker that shows a client certificate."""
        return {
            "HEADRACE_KAFKA__BOOTSTRAP_SERVERS": self.tls_address,
            "HEADRACE_KAFKA__SECURITY_PROTOCOL": "SSL",
            "HEADRACE_KAFKA__SSL_CAFILE": str(self._folder / "ca.pem"),
            "HEADRACE_KAFKA__SSL_CERTFILE": str(self._folder / "client.pem"),
            "HEADRACE_KAFKA__SSL_KEYFILE": str(self._folder / "client.pem"),
        }

    def other_authority(self) -> str:
        """Return the file of an authority that did not issue the broker's certificate."""
        file = self._folder / "other.pem"
        trustme.CA().cert_pem.write_to_path(file)
        return str(file)

    async def allow(self, grants: Iterable[Grant]) -> None:
        """Add ACLs."""
        async with self._admin() as admin:
            for grant in grants:
                answer = await admin._send_request(CreateAclsRequest(*grant.fields))
                assert answer.creation_responses[0][0] == 0, answer

    async def withdraw(self, grants: Iterable[Grant]) -> None:
        """Take ACLs away again."""
        async with self._admin() as admin:
            for grant in grants:
                answer = await admin._send_request(DeleteAclsRequest(*grant.fields))
                assert answer.filter_responses[0][0] == 0, answer

    @asynccontextmanager
    async def _admin(self) -> AsyncIterator[Any]:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.kafka.bootstrap)
        await admin.start()
        try:
            yield admin
        finally:
            await admin.close()

    def _write_certificates(self) -> None:
        (self._folder / "password").write_text(PASSWORD + "\n")
        self._authority.cert_pem.write_to_path(self._folder / "ca.pem")
        for name, certificate in {
            "server.pem": self._authority.issue_cert(HOST),
            "client.pem": self._authority.issue_cert("client.example", common_name=PRINCIPAL),
        }.items():
            chain = b"".join(pem.bytes() for pem in certificate.cert_chain_pems)
            (self._folder / name).write_bytes(_pkcs8(certificate.private_key_pem.bytes()) + chain)

    def _config(self) -> Mapping[str, str]:
        login = "org.apache.kafka.common.security.plain.PlainLoginModule"
        return {
            "auto.create.topics.enable": "true",  # of Kafka's own; nothing of ours may use it
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": "User:ANONYMOUS",  # who comes by the plain listener
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(self._folder / "server.pem"),
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(self._folder / "ca.pem"),
            "ssl.principal.mapping.rules": "RULE:.*CN=([a-z]+).*/$1/",
            "listener.name.ssl.ssl.client.auth": "required",
            "sasl.enabled.mechanisms": "PLAIN",
            "listener.name.sasl_ssl.plain.sasl.jaas.config": (
                f'{login} required user_{PRINCIPAL}="{PASSWORD}";'
            ),
        }


@contextmanager
def secure_kafka(folder: Path) -> Iterator[SecureKafka]:
    """Start the broker."""
    made = SecureKafka(folder)
    with made.kafka:
        yield made


def _pkcs8(key: bytes) -> bytes:
    """Return the one form of a private key that Kafka reads."""
    loaded = load_pem_private_key(key, None)
    return loaded.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
