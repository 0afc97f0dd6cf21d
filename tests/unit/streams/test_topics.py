import pytest

from schemas.sections import App, Kafka, Topics
from schemas.settings import Settings
from schemas.workload import WorkloadClass
from streams.topics import TopicNames, _missing, declared

PLAIN = Settings()
OWN = Settings(
    app=App(name="acme"),
    topics=Topics(prefix="test."),
    kafka=Kafka(partitions=3, replication_factor=2),
)
# Section 3 of the contract.
TABLE = {
    "realtime": ("interactions.realtime", "results.realtime", "dlq.headrace.realtime"),
    "interactive": ("interactions.interactive", "results.interactive", "dlq.headrace.interactive"),
    "transactional": (
        *("documents.transactional", "results.transactional", "dlq.headrace.transactional"),
    ),
    "batch": ("documents.batch", "results.batch", "dlq.headrace.batch"),
}


@pytest.mark.parametrize("workload", WorkloadClass)
def test_names_are_those_of_the_contract(workload: WorkloadClass) -> None:
    names = TopicNames(PLAIN)
    found = (names.input(workload), names.result(workload), names.dead_letters(workload))
    assert found == TABLE[workload]
    assert names.replay(workload) == f"replay.headrace.{workload}"
    assert names.parked(workload) == f"parked.headrace.{workload}"


def test_single_topics_are_those_of_the_contract() -> None:
    names = TopicNames(PLAIN)
    assert names.deltas == "results.interactive.deltas"
    assert names.jobs == "results.batch.jobs"
    assert (names.feedback, names.alerts) == ("feedback", "alerts")


def test_prefix_stands_before_every_name_and_the_app_in_its_own() -> None:
    assert all(topic.name.startswith("test.") for topic in declared(OWN))
    assert TopicNames(OWN).input(WorkloadClass.BATCH) == "test.documents.batch"
    assert TopicNames(OWN).dead_letters(WorkloadClass.BATCH) == "test.dlq.acme.batch"


@pytest.mark.parametrize("workload", WorkloadClass)
def test_class_is_known_by_its_input_topic_only(workload: WorkloadClass) -> None:
    names = TopicNames(OWN)
    assert names.workload_of(names.input(workload)) is workload
    assert names.workload_of(names.result(workload)) is None
    assert names.workload_of(TopicNames(PLAIN).input(workload)) is None


def test_every_topic_is_declared_once() -> None:
    names = [topic.name for topic in declared(PLAIN)]
    assert len(set(names)) == len(names) == 5 * len(WorkloadClass) + 4


def test_topics_are_as_wide_as_the_settings_say() -> None:
    assert {(t.partitions, t.replication_factor) for t in declared(OWN)} == {(3, 2)}


def test_letters_may_be_64_kib_larger_than_events() -> None:
    sizes = {topic.name: int(topic.config["max.message.bytes"]) for topic in declared(PLAIN)}
    assert sizes["documents.batch"] == sizes["results.batch"] == 2 * 1024 * 1024
    for name in ("dlq.headrace.batch", "replay.headrace.batch", "parked.headrace.batch"):
        assert sizes[name] - sizes["documents.batch"] == 64 * 1024


OURS = " `headrace topics create` makes ours"
PRESENT = ["results.realtime", "shop.orders"]


@pytest.mark.parametrize(
    ("absent", "expected"),
    [
        ("results.realtim", "no topic results.realtim; did you mean results.realtime?" + OURS),
        ("shop.order", "no topic shop.order; did you mean shop.orders?" + OURS),
        ("zebra", "no topic zebra;" + OURS),
        ("results.realtime", "no topic results.realtime; run `headrace topics create`"),
    ],
)
def test_missing_topic_says_what_to_do(absent: str, expected: str) -> None:
    assert _missing([absent], {"results.realtime"}, PRESENT) == expected
