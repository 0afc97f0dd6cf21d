from schemas.workload import WorkloadClass
from streams.audit.report import Report
from streams.audit.trace import Kind, Trace
from streams.audit.verdict import State, Verdict
from streams.source import Source

REALTIME, BATCH = WorkloadClass.REALTIME, WorkloadClass.BATCH
TWO = (Trace(kind=Kind.RESULT, mark="one"), Trace(kind=Kind.LETTER, mark="REFUSED", replays=1))


def report(
    *found: tuple[WorkloadClass, Verdict], names: int | None = None, unknown: int = 0
) -> Report:
    made = Report(names=names, unknown=unknown)
    for offset, (workload, verdict) in enumerate(found):
        made.add(workload, Source(topic=f"in.{workload}", partition=1, offset=offset), verdict)
    return made


def verdict(state: State, ends: tuple[Trace, ...] = (), repeated: int = 0) -> Verdict:
    return Verdict(state=state, ends=ends, repeated=repeated)


def test_each_input_is_counted_once() -> None:
    made = report(*((REALTIME, verdict(state)) for state in State), (BATCH, verdict(State.RESULT)))
    told = made.as_json()
    assert told["inputs"] == len(State) + 1
    assert told["results"] == 2
    assert told["by_class"]["realtime"]["inputs"] == len(State)
    for key in ("open_letters", "replaying", "parked", "waiting", "forgotten"):
        assert told[key] == told["by_class"]["realtime"][key] == 1
        assert told["by_class"]["batch"][key] == 0
    assert told["by_class"]["realtime"]["missing"] == 1


def test_missing_and_double_are_named() -> None:
    made = report(
        (BATCH, verdict(State.MISSING)),
        (REALTIME, verdict(State.RESULT, TWO, repeated=3)),
        (REALTIME, verdict(State.RESULT, TWO[:1])),
        unknown=4,
    )
    told = made.as_json()
    assert (told["missing"], told["double"]) == (["in.batch[1]@0"], ["in.realtime[1]@1"])
    assert (told["repeated"], told["unknown"]) == (3, 4)
    assert told["by_class"]["realtime"]["double"] == 1
    assert not made.is_clean
    lines = list(made.lines())
    assert "missing: in.batch[1]@0" in lines
    assert "double: in.realtime[1]@1: result one; dead letter REFUSED after replay 1" in lines


def test_repeated_and_unknown_are_no_fault() -> None:
    assert report((REALTIME, verdict(State.RESULT, TWO[:1], repeated=9)), unknown=2).is_clean


def test_one_fault_of_either_kind_is_not_clean() -> None:
    assert not report((REALTIME, verdict(State.MISSING))).is_clean
    assert not report((REALTIME, verdict(State.RESULT, TWO))).is_clean


def test_people_get_some_names_and_how_many_more() -> None:
    lost, twice = (BATCH, verdict(State.MISSING)), (BATCH, verdict(State.RESULT, TWO))
    lines = list(report(*[lost] * 5, *[twice] * 3, names=2).lines())
    assert len([line for line in lines if line.startswith("missing: ")]) == 2
    assert len([line for line in lines if line.startswith("double: ")]) == 2
    assert "and 3 more missing; `headrace audit --json` names all" in lines
    assert "and 1 more double; `headrace audit --json` names all" in lines


def test_an_empty_audit_is_clean_and_a_line_a_number() -> None:
    made = report()
    assert made.is_clean
    lines = list(made.lines())
    assert lines[0].split() == ["inputs", "0"]
    assert len(lines) == 1 + len(State) + 3
