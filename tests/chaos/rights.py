"""Takes the right to write a topic from the workers, and gives it back.

aiokafka's admin client has no call for rights; its protocol has the messages. Numbers are those of
https://kafka.apache.org/protocol: resource type 2 is a topic, pattern 3 literal, operation 2 all
and 4 write, permission 2 deny and 3 allow; in filters 1 is any.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.protocol.admin import CreateAclsRequest, DeleteAclsRequest

from tests.chaos.cluster import USER

TOPIC, LITERAL = 2, 3
ANY, ALL, WRITE = 1, 2, 4
DENY, ALLOW = 2, 3


class Rights:
    """The rights of the workers, as an administrator changes them."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap

    def __repr__(self) -> str:
        return f"Rights({self._bootstrap})"

    async def take(self, topic: str) -> None:
        """Deny writing. With one rule there, everything else has to be allowed by name."""
        async with self._admin() as admin:
            for who, what, rule in (("*", ALL, ALLOW), (USER, WRITE, DENY)):
                request = CreateAclsRequest(TOPIC, topic, LITERAL, f"User:{who}", "*", what, rule)
                told = await admin._send_request(request)
                assert [code for code, _ in told.creation_responses] == [0], told

    async def give_back(self, topic: str) -> None:
        """Remove all rules of the topic."""
        async with self._admin() as admin:
            request = DeleteAclsRequest(TOPIC, topic, LITERAL, None, None, ANY, ANY)
            told = await admin._send_request(request)
            [(code, _, removed)] = told.filter_responses
            assert (code, len(removed)) == (0, 2), told

    @asynccontextmanager
    async def _admin(self) -> AsyncIterator[AIOKafkaAdminClient]:
        admin = AIOKafkaAdminClient(bootstrap_servers=self._bootstrap)
        await admin.start()
        try:
            yield admin
        finally:
            await admin.close()
