import logging
from collections.abc import AsyncIterator

import pytest

from agents.catalog import Catalog
from agents.claude.client import Client
from agents.simulator import Simulator, SimulatorSettings
from agents.task import Task
from schemas.sections import Budget, Ceiling, Classes, Limit
from schemas.workload import WorkloadClass
from streams.preflight import StartRefused, doubts, reach_api, tasks_of
from tests.builders import MODEL, error, task
from tests.fakes import Answer, ScriptedApi

KEY = "sk-ant-right"
BATCH, REALTIME = WorkloadClass.BATCH, WorkloadClass.REALTIME


@pytest.fixture
async def api() -> AsyncIterator[Simulator]:
    async with Simulator(SimulatorSettings(key=KEY)) as made:
        yield made


async def reached(url: str, *tasks: Task, key: str = KEY) -> bool:
    async with Client(api_key=key, base_url=url) as client:
        return await reach_api(client, tasks)


async def refusal(url: str, *tasks: Task, key: str = KEY) -> str:
    with pytest.raises(StartRefused) as caught:
        await reached(url, *tasks, key=key)
    assert caught.value.exit_status == 1
    return str(caught.value)


async def test_models_on_offer_are_fine(api: Simulator) -> None:
    assert await reached(api.url, task(), task(name="other", model="claude-opus-5-5"))


async def test_alias_is_fine_though_no_list_has_it(api: Simulator) -> None:
    assert await reached(api.url, task(model="claude-haiku-4-5"))


async def test_unknown_model_is_one_line_that_names_task_and_near_models(api: Simulator) -> None:
    wrong = task(name="sort", model="claude-haiku-55", workload=BATCH)
    said = await refusal(api.url, task(), wrong)
    assert said.startswith(
        "the Claude API has no model 'claude-haiku-55', which task 'sort' asks for; did you mean "
        "claude-haiku-5-5 or "
    )
    assert said.endswith("? Set [classes.batch] model, or the task's own.")


async def test_model_that_resembles_none_gets_no_hint(api: Simulator) -> None:
    said = await refusal(api.url, task(model="gpt"))
    assert said == (
        "the Claude API has no model 'gpt', which task 'label' asks for. "
        "Set [classes.realtime] model, or the task's own."
    )


async def test_refused_key_is_one_line_without_the_key(api: Simulator) -> None:
    said = await refusal(api.url, task(), key="sk-ant-wrong")
    assert said.startswith("the Claude API refuses the key (the API answered 401 ")
    assert said.endswith("): set ANTHROPIC_API_KEY")
    assert "sk-ant-wrong" not in said


async def test_forbidden_key_is_told_like_a_refused_one() -> None:
    answer = Answer(status=403, body=error("permission_error"))
    async with ScriptedApi(answer).running() as forbidding:
        assert "refuses the key (the API answered 403 " in await refusal(forbidding.url, task())


async def test_no_key_at_all(api: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    monkeypatch.delenv("ANTHROPIC_AUTH_TOKEN", raising=False)
    async with Client(base_url=api.url) as client:
        with pytest.raises(StartRefused, match=r"\(no Claude key: .*\): set ANTHROPIC_API_KEY"):
            await reach_api(client, [task()])


@pytest.mark.parametrize("status", [500, 529])
async def test_api_in_trouble_is_told_and_waited_for(
    status: int, caplog: pytest.LogCaptureFixture
) -> None:
    answer = Answer(status=status, body=error("api_error"))
    async with ScriptedApi(answer).running() as troubled:
        assert not await reached(troubled.url, task())
    [line] = caplog.records
    assert (line.levelno, line.event) == (logging.WARNING, "api_unreachable")  # type: ignore[attr-defined] # the machine key


async def test_api_that_is_away_is_waited_for() -> None:
    assert not await reached("http://127.0.0.1:9", task())


def test_only_the_classes_of_this_worker_count() -> None:
    both = Catalog((task(), task(name="sort", workload=BATCH)), Classes())
    assert [found.name for found in tasks_of(both, [BATCH])] == ["sort"]
    assert [found.name for found in tasks_of(both, WorkloadClass)] == ["label", "sort"]


def test_limits_that_no_task_uses_are_named() -> None:
    shared = Limit(models=(MODEL, "claude-haiku-4-5"), requests_per_minute=50)
    foreign = Limit(models=("claude-haiku-55", "claude-haiku-56"), requests_per_minute=50)
    short = {"claude-opus-5-5": Ceiling(requests_per_minute=50)}
    budget = Budget(limits=(shared, foreign), models=short)
    tail = ", a model that no task of this worker uses"
    assert doubts(budget, [task()]) == [
        f"[budget] limits claude-haiku-55, claude-haiku-56{tail}",
        f"[budget] limits claude-opus-5-5{tail}",
    ]
    assert doubts(Budget(limits=(shared,)), [task()]) == []


def test_call_that_is_more_than_a_minutes_limit_is_told() -> None:
    asked = task(instructions="word " * 1_000, max_output_tokens=500)
    small = Ceiling(input_tokens_per_minute=900, output_tokens_per_minute=400)
    told = doubts(Budget(models={MODEL: small}), [asked])
    head, allows = "task 'label' may take", "tokens a call or more, and [budget] allows"
    assert [line.partition(":")[0] for line in told] == [
        f"{head} 1000 input {allows} 900 a minute to {MODEL}",
        f"{head} 500 output {allows} 400 a minute to {MODEL}",
    ]
    enough = Ceiling(input_tokens_per_minute=1_000, output_tokens_per_minute=500)
    assert doubts(Budget(models={MODEL: enough}), [asked]) == []
    assert doubts(Budget(models={MODEL: Ceiling(requests_per_minute=1)}), [asked]) == []
    assert doubts(Budget(), [asked]) == []
