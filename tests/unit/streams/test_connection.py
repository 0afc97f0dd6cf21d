import ssl
from pathlib import Path
from typing import Any

import pytest
import trustme
from pydantic import SecretStr

from schemas.sections import ConfigurationError, Kafka
from streams.connection import client_options, ssl_context

AUTHORITY = trustme.CA()


def options(**settings: Any) -> dict[str, Any]:  # noqa: ANN401 - fields of the settings
    return client_options(Kafka(bootstrap_servers="b1:9092,b2:9092", **settings))


def certificate(folder: Path) -> dict[str, Path]:
    """TLS settings with real files."""
    own = AUTHORITY.issue_cert("worker.example")
    files = {"ssl_cafile": "ca.pem", "ssl_certfile": "cert.pem", "ssl_keyfile": "key.pem"}
    AUTHORITY.cert_pem.write_to_path(folder / "ca.pem")
    own.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    own.private_key_pem.write_to_path(folder / "key.pem")
    return {name: folder / file for name, file in files.items()}


def test_plain_connection_has_no_secrets() -> None:
    assert options() == {
        "bootstrap_servers": "b1:9092,b2:9092",
        "security_protocol": "PLAINTEXT",
        "request_timeout_ms": 15_000,
    }


def test_sasl_hands_over_name_and_password() -> None:
    found = options(
        security_protocol="SASL_PLAINTEXT",
        sasl_mechanism="SCRAM-SHA-512",
        sasl_username="headrace",
        sasl_password=SecretStr("s3cret"),
    )
    assert found["sasl_mechanism"] == "SCRAM-SHA-512"
    assert (found["sasl_plain_username"], found["sasl_plain_password"]) == ("headrace", "s3cret")
    assert "ssl_context" not in found


def test_password_may_stand_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("s3cret\n")
    found = options(security_protocol="SASL_SSL", sasl_password_file=file)
    assert found["sasl_plain_password"] == "s3cret"
    assert isinstance(found["ssl_context"], ssl.SSLContext)


def test_missing_password_file_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="nowhere: No such file"):
        options(security_protocol="SASL_PLAINTEXT", sasl_password_file=tmp_path / "nowhere")


def test_tls_knows_its_authority_and_checks_names(tmp_path: Path) -> None:
    context = options(security_protocol="SSL", **certificate(tmp_path))["ssl_context"]
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.cert_store_stats()["x509_ca"] == 1


@pytest.mark.parametrize("name", ["ssl_cafile", "ssl_certfile", "ssl_keyfile"])
@pytest.mark.parametrize("content", [None, "no certificate\n"])
def test_file_that_cannot_be_read_is_one_clear_line(
    tmp_path: Path, name: str, content: str | None
) -> None:
    files = certificate(tmp_path) | {name: tmp_path / "wrong.pem"}
    if content:
        files[name].write_text(content)
    with pytest.raises(ConfigurationError, match=r"kafka\.ssl_cafile, ssl_certfile or"):
        ssl_context(Kafka(**files))
