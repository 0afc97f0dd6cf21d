"""Secrets and personal data are planted, and looked for where they must not be."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import orjson
import pytest

from schemas.workload import WorkloadClass
from streams.local.kafka import LocalKafka
from tests import canary
from tests.canary import PASSWORD, PERSONAL, PLANTED, SECRETS, found
from tests.canary_stage import Stage, Told, play
from tests.echoing_api import EchoingApi
from tests.harness import Rig
from tests.redis_server import RedisServer

# What may be seen where ids are shown.
SHOWN_IDS = {**SECRETS, **PERSONAL}
# Two workers one after the other, ten seconds until the dead one is given up, and some commands.
pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module", params=["sqlite", "redis"])
async def told(
    request: pytest.FixtureRequest, broker: LocalKafka, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Told]:
    folder = tmp_path_factory.mktemp("canary")
    async with AsyncExitStack() as exits:
        server = None
        if request.param == "redis":
            server = RedisServer(folder, "--requirepass", PASSWORD)
            server.start()
            exits.callback(server.kill)
        rig = await exits.enter_async_context(Rig(folder, broker.bootstrap))
        api = EchoingApi(rig.simulator.url)
        await api.start()
        exits.push_async_callback(api.stop)
        url = f"redis://:{PASSWORD}@127.0.0.1:{server.port}/0" if server else ""
        stage = Stage(rig, api, url)
        await play(stage, server)
        yield stage.told


async def test_every_case_ended_as_it_should(told: Told) -> None:
    assert told.ends == {case.name: case.ends_as for case in canary.cases()}


async def test_the_canary_sang(told: Told) -> None:
    """What is looked for was there to be found: letters have their bytes, the API spoke."""
    assert told.echoed >= {"401", "500", "529", "event", "400", "words", "field", "refusal"}
    values = b"".join(value or b"" for value in told.letters)
    missing = {"key", "token", "password", "title", "Kafka key", "task"}
    assert set(PLANTED) - set(found(values)) <= missing
    assert set(found(told.at_the_crash)) >= {"text"}
    assert b"kind" in told.places["alerts"]
    assert b"dead letter of" in told.places["log, json"] + told.places["log, text"]
    assert all(told.places[f"/metrics {when}"] for when in ("ill", "well"))


async def test_nothing_planted_is_told_anywhere(told: Told) -> None:
    leaks = {
        place: sorted(leaked)
        for place, said in told.places.items()
        if (leaked := found(said, SHOWN_IDS if place == "dlq ls" else PLANTED))
    }
    assert leaks == {}


async def test_nothing_that_is_printed_steers_a_terminal(told: Told) -> None:
    logs = {name: told.places[name].decode() for name in ("log, json", "log, text")}
    for place, words in (told.screens | logs).items():
        assert {c for c in words if not c.isprintable()} <= {"\n", "\t"}, place
        if place != "dlq":  # `dlq show` prints the value as it is, behind all facts
            assert not [line for line in words.splitlines() if line.startswith("forged")], place


async def test_lines_of_a_json_log_are_json(told: Told) -> None:
    lines = told.places["log, json"].splitlines()
    kinds = {orjson.loads(line).get("event") for line in lines}
    assert kinds >= {"worker_up"}


async def test_no_event_made_a_topic(told: Told) -> None:
    assert told.strange_topics == set()


async def test_store_is_for_its_owner_only(told: Told) -> None:
    assert set(told.modes.values()) <= {0o600}


async def test_journal_was_kept_in_a_file(told: Told) -> None:
    files = {name.split()[0] for name in told.modes}
    assert files in (set(), {"headrace.db", "headrace.db-wal", "headrace.db-shm"})


async def test_publish_names_an_unknown_field_to_its_producer(rig: Rig) -> None:
    topic = rig.names.input(WorkloadClass.REALTIME)
    line = b'{"id":"1","text":"hi","colour\\u001b":"red"}'
    done = await rig.headrace("publish", topic, stdin=line)
    assert done.status == 1
    assert done.err.splitlines()[0] == (
        r"line 1: SCHEMA_INVALID: event: has a field that is not known: 'colour\x1b'"
    )


async def test_tail_of_an_unknown_topic_names_near_ones(rig: Rig) -> None:
    topic = rig.names.result(WorkloadClass.REALTIME)
    done = await rig.headrace("tail", topic[:-1])
    assert done.status == 1
    assert done.problem.startswith(f"no topic {topic[:-1]}; did you mean {topic}")
