"""What the doctor says of a Kafka cluster that wants TLS and a login; a real broker refuses."""

from __future__ import annotations

import pytest
from brokers import secured
from certificates import Authority
from looking import look, row


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """Give a broker that wants TLS and the login of a user whom it knows, and it knows none."""
    folder = tmp_path_factory.mktemp("secured")
    authority = Authority(folder)
    (folder / "password").write_text("secret")
    with secured(folder / "broker", authority.issue(), login=True) as port:
        yield f"kafka://127.0.0.1:{port}/t", authority.ca, folder / "password"


def test_a_login_that_is_refused(cluster):
    url, ca, password = cluster
    words = f"tls=yes&ca={ca}&sasl=scram-sha-256&user=me&password=file:{password}"
    found = look([f"{url}?group=g&{words}"], ["file:///dev/null"])
    assert found.broken == row(found, "brokers")
    assert "refused the login. Correct user" in found.sentence
    assert "secret" not in found.sentence


def test_a_broker_that_wants_tls(cluster):
    url, _, _ = cluster
    found = look(["-"], [url], limit=5.0)
    assert found.broken == row(found, "brokers")
    # The client says one or the other, as the connection ends.
    assert "want TLS (tls=yes)" in found.sentence or "wants TLS or a login" in found.sentence


def test_an_authority_that_is_not_trusted(cluster, tmp_path):
    url, _, _ = cluster
    other = Authority(tmp_path, "other")
    found = look(["-"], [f"{url}?tls=yes&ca={other.ca}"], limit=5.0)
    assert found.broken == row(found, "brokers")
    assert "is not signed by an authority known here" in found.sentence
