"""A worker and the commands against a broker that asks who they are, and lets them do little."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path

import orjson
import pytest

from schemas.sections import Kafka
from schemas.workload import WorkloadClass
from streams.connection import admin
from streams.outbox import Outbox
from streams.record import Message
from tests.command import Done
from tests.harness import Rig, event
from tests.secure_kafka import (
    DENY,
    PASSWORD,
    Grant,
    Operation,
    Resource,
    SecureKafka,
    command_grants,
    secure_kafka,
    worker_grants,
)
from tests.worker_process import until

REALTIME, BATCH = WorkloadClass.REALTIME, WorkloadClass.BATCH
# A busy machine keeps the file of the other store waiting, which would be a second line.
QUIET = {"HEADRACE_STORE__URL": "memory://"}


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureKafka]:
    with secure_kafka(tmp_path_factory.mktemp("secure")) as made:
        yield made


@pytest.fixture
async def guarded(secure: SecureKafka, tmp_path: Path) -> AsyncIterator[Rig]:
    """A rig whose principal may do what a worker needs, and no more."""
    async with Rig(tmp_path, secure.kafka.bootstrap) as rig:
        await secure.allow(worker_grants(rig.settings))
        yield rig


@pytest.mark.parametrize("way", ["by_password", "by_certificate"])
async def test_worker_does_its_work_with_the_least_rights(
    secure: SecureKafka, guarded: Rig, way: str
) -> None:
    worker = await guarded.worker("worker", getattr(secure, way)).start()
    for workload in WorkloadClass:
        await guarded.publish(workload, event(workload), b"no json")
    await guarded.outputs.until_ended(guarded.published)
    assert (len(guarded.outputs.results), len(guarded.outputs.letters)) == (4, 4)
    assert await worker.end() == 0
    assert "Traceback" not in worker.log
    assert PASSWORD not in worker.log
    for workload in WorkloadClass:
        assert sum((await guarded.committed(workload)).values()) == 2


async def test_commands_work_with_a_login(secure: SecureKafka, guarded: Rig) -> None:
    await secure.allow(command_grants(guarded.settings))
    topic, here = guarded.names.input(REALTIME), secure.by_password
    published = await guarded.headrace("publish", topic, stdin=event(1), environment=here)
    assert published.status == 0, published.err
    tailed = await guarded.headrace(
        "tail", topic, "--from-beginning", "--limit", "1", "--json", environment=here
    )
    assert orjson.loads(tailed.out)["value"]["id"] == "evt-1"
    listed = await guarded.headrace("dlq", "ls", "--json", environment=here)
    assert (listed.status, listed.out.strip()) == (0, "")
    checked = await guarded.headrace("topics", "check", environment=here)
    assert (checked.status, checked.out) == (0, "all topics are as declared\n")


def wrong(secure: SecureKafka) -> Mapping[str, tuple[dict[str, str], str]]:
    """What may be wrong with a login, and what the one line has to name."""
    port = secure.sasl_address.rsplit(":", 1)[1]
    return {
        "password": ({"HEADRACE_KAFKA__SASL_PASSWORD": "guess"}, "refuses the login"),
        "authority": (
            {"HEADRACE_KAFKA__SSL_CAFILE": secure.other_authority()},
            "certificate is not trusted",
        ),
        "name of the broker": (
            {"HEADRACE_KAFKA__BOOTSTRAP_SERVERS": f"localhost:{port}"},
            "certificate is not trusted",
        ),
        "host": (
            {"HEADRACE_KAFKA__BOOTSTRAP_SERVERS": "no-such-host.invalid:9092"},
            "no such host",
        ),
        "protocol": ({"HEADRACE_KAFKA__BOOTSTRAP_SERVERS": secure.kafka.bootstrap}, "hung up"),
    }


@pytest.mark.parametrize(
    "what", ["password", "authority", "name of the broker", "host", "protocol"]
)
async def test_wrong_login_is_one_clear_line(secure: SecureKafka, guarded: Rig, what: str) -> None:
    change, named = wrong(secure)[what]
    here = secure.by_password | QUIET | change
    if "HEADRACE_KAFKA__SASL_PASSWORD" in change:
        del here["HEADRACE_KAFKA__SASL_PASSWORD_FILE"]
    for command in (("worker",), ("topics", "check")):
        done = await guarded.headrace(*command, environment=here)
        assert done.status == 1
        assert named in one_line(done)


def one_line(done: Done) -> str:
    """The only line, without a secret."""
    for secret in (PASSWORD, "guess"):
        assert secret not in done.err
    return done.problem


async def test_missing_client_certificate_is_one_clear_line(
    secure: SecureKafka, guarded: Rig
) -> None:
    here = secure.by_certificate | QUIET
    del here["HEADRACE_KAFKA__SSL_CERTFILE"], here["HEADRACE_KAFKA__SSL_KEYFILE"]
    done = await guarded.headrace("worker", environment=here)
    assert (done.status, "check kafka." in one_line(done)) == (1, True)


async def test_group_that_may_not_be_joined_is_one_clear_line(
    secure: SecureKafka, guarded: Rig
) -> None:
    denied = Grant(
        resource=Resource.GROUP,
        name=f"{guarded.name}.{REALTIME}",
        operation=Operation.READ,
        permission=DENY,
    )
    await secure.allow([denied])
    done = await guarded.headrace("worker", environment=secure.by_password | QUIET)
    assert done.status == 1
    assert "joined" in one_line(done)


async def test_denied_results_are_held_and_come_when_they_are_allowed(
    secure: SecureKafka, guarded: Rig
) -> None:
    denied = Grant(name=guarded.names.result(REALTIME), operation=Operation.WRITE, permission=DENY)
    worker = await guarded.worker("worker", secure.by_password).start()
    await secure.allow([denied])
    held = await guarded.publish(REALTIME, *(event(n) for n in range(40)))
    await worker.until_metric(lambda n: n > 0, "held_records", workload=REALTIME, reason="publish")
    others = await guarded.publish(BATCH, *(event(n) for n in range(40)))
    await guarded.outputs.until_ended(others)
    assert await guarded.committed_without_end(REALTIME) == []
    raised = await guarded.alerts(1)
    assert (raised[0].kind, raised[0].state) == ("publish", "raised")
    assert guarded.names.result(REALTIME) in raised[0].message
    await secure.withdraw([denied])
    await guarded.outputs.until_ended(held)
    assert guarded.outputs.letters == {}
    assert [alert.state for alert in await guarded.alerts(2)] == ["raised", "cleared"]
    assert await worker.end() == 0


async def test_publishing_makes_no_topic(secure: SecureKafka) -> None:
    """This broker would make every topic that a client names."""
    kafka, topic = Kafka(bootstrap_servers=secure.kafka.bootstrap), "nobody-made-it"
    outbox = Outbox(kafka)
    await outbox.start()
    waiting = asyncio.create_task(outbox.publish(Message(topic=topic, key=b"k", value=b"v")))
    try:
        await until(lambda: topic in outbox.troubles, "the outbox tells of the topic")
        assert outbox.troubles == {topic: "UnknownTopicOrPartitionError"}
        async with admin(kafka) as client:
            assert topic not in await client.list_topics()
    finally:
        waiting.cancel()
        await outbox.stop()
