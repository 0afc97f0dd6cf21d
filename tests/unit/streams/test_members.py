import pytest

from schemas.sections import Kafka
from schemas.settings import Settings
from streams.connection import KafkaUnavailable
from streams.members import members

NOWHERE = Settings(kafka=Kafka(bootstrap_servers="127.0.0.1:9"))


async def test_no_broker_is_one_clear_line() -> None:
    with pytest.raises(
        KafkaUnavailable, match=r"^Kafka at 127\.0\.0\.1:9 cannot be used: nobody listens there; "
    ) as caught:
        await members(NOWHERE, ["shop.batch"])
    assert "\n" not in str(caught.value)
