"""Passwords, users and TLS, against a real Redis."""

import ssl
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
import trustme

from agents.store.redis import RedisStore
from schemas.lease import StoreAway
from tests.redis_server import RedisServer
from tests.store_builders import answer, ask, letter, page, report, want
from tests.tls_front import tls_front

PASSWORD = "s3cret/with#odd@signs"
# What the store needs to be allowed, and no more.
ALLOWED = (
    "+evalsha",
    "+script|load",
    "+time",
    "+get",
    "+set",
    "+@hash",
    "+@sortedset",
    "+type",
    "+expire",
    "+del",
)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """Start a Redis that asks for a password, with one more user."""
    server = RedisServer(
        tmp_path_factory.mktemp("guarded"),
        "--requirepass", PASSWORD,
        "--user", "worker", "on", ">other", "~headrace:*", *ALLOWED,
    )  # fmt: skip
    server.start()
    yield server
    server.kill()


async def grant(url: str) -> list[int]:
    store = RedisStore(url, "shop")
    await store.start()
    try:
        return (await store.exchange(ask(want(), budget=url))).granted
    finally:
        await store.stop()


async def refusal(url: str) -> str:
    with pytest.raises(StoreAway) as caught:
        await grant(url)
    return str(caught.value)


async def test_a_password_opens_the_store(guarded: RedisServer) -> None:
    url = f"redis://:{quote(PASSWORD, safe='')}@127.0.0.1:{guarded.port}/0"
    assert await grant(url) == [0]
    assert repr(RedisStore(url, "shop")) == f"<RedisStore {guarded.url} closed>"


async def test_a_user_needs_few_rights(guarded: RedisServer) -> None:
    url = f"redis://worker:other@127.0.0.1:{guarded.port}/0"
    assert await grant(url) == [0]
    store = RedisStore(url, "shop")
    await store.start()
    await store.beat(report(), 1)
    both = page(answers=[answer("a")], letters=[letter()], settled="b", claims="a b", alone="a")
    assert [claim.state for claim in await store.write(both)] == ["granted", "settled"]
    assert await store.doubts() == [
        f"{guarded.url}: maxmemory-policy could not be looked at; it should be noeviction",
        f"{guarded.url}: appendonly could not be looked at; it should be yes",
    ]
    await store.stop()


async def test_a_wrong_or_missing_password_is_one_clear_line(guarded: RedisServer) -> None:
    wrong = await refusal(f"redis://:guess@127.0.0.1:{guarded.port}/0")
    assert wrong.startswith(f"{guarded.url}: ")
    assert "password" in wrong
    assert "guess" not in wrong
    assert "uthentication required" in await refusal(guarded.url)


@pytest.mark.parametrize("url", ["redis://:pa/ss@host:6379/0", "redis://:12#34@host", "redis://[x"])
async def test_a_password_that_is_not_escaped_is_not_shown(url: str) -> None:
    message = await refusal(url)
    assert "is not a url; special characters in a password are written as %XX" in message
    assert not {"pa", "ss", "12", "34"} & set(message.replace("/", ":").split(":"))


async def test_an_unknown_option_in_the_url_is_named(guarded: RedisServer) -> None:
    assert "colour" in await refusal(f"{guarded.url}?colour=red")


async def test_tls_with_a_trusted_certificate(redis_server: RedisServer, tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    async with tls_front(redis_server.port, context) as port:
        url = f"rediss://localhost:{port}/0"
        assert await grant(f"{url}?ssl_ca_certs={tmp_path / 'ca.pem'}") == [0]
        untrusted = await refusal(url)
        assert untrusted.startswith(f"{url}: ")
        assert "CERTIFICATE_VERIFY_FAILED" in untrusted


async def test_tls_with_a_certificate_of_another_host(
    redis_server: RedisServer, tmp_path: Path
) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("other.example").configure_cert(context)
    async with tls_front(redis_server.port, context) as port:
        url = f"rediss://localhost:{port}/0?ssl_ca_certs={tmp_path / 'ca.pem'}"
        assert "CERTIFICATE_VERIFY_FAILED" in await refusal(url)
