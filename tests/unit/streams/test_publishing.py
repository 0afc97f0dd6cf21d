import pytest

from schemas.sections import Topics
from schemas.settings import Settings
from streams.publishing import NoInputTopic, publish


@pytest.mark.parametrize(
    "topic", ["results.batch", "documents.nightly", "test.documents.batch", ""]
)
async def test_topic_that_takes_no_events_is_refused_before_any_connection(topic: str) -> None:
    with pytest.raises(NoInputTopic, match="input topics are interactions") as problem:
        await publish(Settings(), topic, [], print)
    assert problem.value.exit_status == 2


async def test_prefix_belongs_to_the_name() -> None:
    settings = Settings(topics=Topics(prefix="test."))
    with pytest.raises(NoInputTopic, match=r"test\.interactions\.realtime"):
        await publish(settings, "documents.batch", [], print)
