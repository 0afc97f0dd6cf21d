from pathlib import Path

from streams.local.kafka.plan import Plan


def properties(plan: Plan, node: int) -> dict[str, str]:
    pairs = (line.partition("=") for line in plan.properties(node).splitlines())
    return {key: value for key, _, value in pairs}


ONE = Plan.of(Path("/data"), [9092, 9093], {})
THREE = Plan.of(Path("/data"), [1, 2, 3, 11, 12, 13], {})


def test_clients_are_told_all_brokers() -> None:
    assert ONE.bootstrap == "127.0.0.1:9092"
    assert THREE.bootstrap == "127.0.0.1:1,127.0.0.1:2,127.0.0.1:3"


def test_node_knows_its_addresses_and_the_other_controllers() -> None:
    values = properties(THREE, 2)
    assert values["node.id"] == "2"
    assert values["listeners"] == "PLAINTEXT://127.0.0.1:2,CONTROLLER://127.0.0.1:12"
    assert values["advertised.listeners"] == "PLAINTEXT://127.0.0.1:2"
    voters = "1@127.0.0.1:11,2@127.0.0.1:12,3@127.0.0.1:13"
    assert values["controller.quorum.voters"] == voters
    assert values["log.dirs"] == "/data/node-2/data"


def test_one_broker_keeps_one_copy_and_three_survive_one_loss() -> None:
    one, three = properties(ONE, 1), properties(THREE, 1)
    for key in one:
        if key.endswith("replication.factor"):
            assert (one[key], three[key]) == ("1", "3")
        if key.endswith(("min.isr", "insync.replicas")):
            assert (one[key], three[key]) == ("1", "2")


def test_broker_is_strict_quick_and_takes_large_records() -> None:
    values = properties(ONE, 1)
    assert values["auto.create.topics.enable"] == "false"
    assert values["group.initial.rebalance.delay.ms"] == "0"
    assert values["message.max.bytes"] == "8388608"


def test_config_of_the_caller_wins() -> None:
    plan = Plan.of(Path("/data"), [9092, 9093], {"message.max.bytes": "1000"})
    assert properties(plan, 1)["message.max.bytes"] == "1000"


def test_further_ways_in_are_told_to_clients() -> None:
    values = properties(Plan.of(Path("/data"), [9092, 9093], {}, {"SASL_SSL": 9094}), 1)
    clients = "PLAINTEXT://127.0.0.1:9092,SASL_SSL://127.0.0.1:9094"
    assert values["advertised.listeners"] == clients
    assert values["listeners"] == f"{clients},CONTROLLER://127.0.0.1:9093"
    protocols = "PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT"
    assert values["listener.security.protocol.map"] == protocols
