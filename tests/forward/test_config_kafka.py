"""Kafka's URLs and settings: all that is wrong is said at once, and no secret is shown."""

from __future__ import annotations

import pytest

from cef_bridge.errors import MappingError, UsageError
from cef_bridge.forward.config import check, from_urls, load_config
from cef_bridge.kafka import client


def faults(source=None, to=None):
    with pytest.raises(UsageError) as caught:
        from_urls([source or "-"], [to or "-"])
    return [line.partition(": ")[2] for line in str(caught.value).splitlines()]


def test_all_that_is_wrong_with_a_source_is_said_at_once():
    url = "kafka://b1:99999,b2/a b,?grup=x&start=never&ahead=5&commit=soon&password=open&session_timeout=1s"
    assert faults(url.replace(" ", "%20")) == [
        'Invalid port "99999". Expected 1 to 65535.',
        'Invalid topic name "a b": it has letters, digits, dots, dashes and underscores.',
        'Unknown setting "grup" of kafka://. Did you mean "group"?',
        '"start" cannot be "never". Expected one of: earliest, latest.',
        '"ahead" cannot be "5". Expected a number from 100 to 10000000.',
        '"commit" cannot be "soon". Expected one of: confirmed, queued.',
        '"password" would be seen by everyone who lists processes. Write it into a file, and password=file:/path/of/it.',
        '"session_timeout" cannot be "1s". Expected a duration from 6s to 30m.',
    ]


def test_what_is_missing_is_said_at_once():
    assert faults("kafka://b1/topic?sasl=plain") == [
        '"sasl" needs "user".',
        '"sasl" needs "password".',
        '"group" is missing. Write group=NAME: offsets are committed for it.',
    ]
    assert faults("kafka://b1/topic?group=g&user=me&ca=x") == [
        '"ca" does nothing without "tls=yes".',
        '"user" does nothing without "sasl".',
    ]
    assert faults(to="kafka://b1") == [
        "The topic is missing. Write it as /TOPIC behind the brokers."
    ]
    assert faults(to="kafka://b1/a,b") == [
        "A destination is one topic. For a copy to each, list them separately."
    ]
    (said,) = faults(to="kafka://me:hunter2@b1/a")
    assert "hunter2" not in said


def test_a_url_names_brokers_topics_and_the_queue():
    read = from_urls(["kafka://b1,b2:9093/a,b?group=g"], ["kafka://[::1]:9094/cef"])
    (source,), (to,) = read.sources, read.destinations
    assert str(source) == "kafka://b1:9092,b2:9093/a,b"
    assert source.topics == ("a", "b")
    assert (str(to.target), to.name) == ("kafka://[::1]:9094/cef", "kafka-1-9094-cef")
    assert to.when_full == "block"


def test_a_login_goes_to_the_client_and_is_not_shown(tmp_path):
    path = tmp_path / "forward.yaml"
    (tmp_path / "secret").write_text("hunter2\n")
    path.write_text(
        """
sources:
  - {from: kafka://b/t, group: g, tls: yes, ca: ca.pem, sasl: scram-sha-512, user: me, password: "file:secret"}
destinations: {to: kafka://b/cef, sasl: plain, user: me, password: "${PASSWORD}"}
"""
    )
    read = load_config(path, env={"PASSWORD": "hunter3"})
    assert "hunter" not in f"{read} {read!r}"
    from cef_bridge.delivery.kafka.settings import cluster_of

    words = client.settings(cluster_of(read.sources[0], read.sources[0].endpoints))
    assert words["sasl.password"] == "hunter2"
    assert (words["security.protocol"], words["sasl.mechanism"]) == ("SASL_SSL", "SCRAM-SHA-512")
    assert words["ssl.ca.location"] == str(tmp_path / "ca.pem")
    words = client.settings(cluster_of(read.destinations[0].target, ()))
    assert (words["security.protocol"], words["sasl.password"]) == ("SASL_PLAINTEXT", "hunter3")


def test_a_check_looks_at_files_of_certificates_and_secrets(tmp_path):
    words = f"sasl=plain&user=me&password=file:{tmp_path}/none&tls=yes&ca={tmp_path}/none.pem"
    read = from_urls(
        [f"kafka://127.0.0.1/t?group=g&{words}"], [f"kafka://127.0.0.1/t?name=d&{words}"]
    )
    assert [str(it) for it in check(read)] == [
        f"error: {where}: {text}"
        for where in ("source kafka://127.0.0.1:9092/t", "destination d")
        for text in (
            f"the CA file {tmp_path}/none.pem cannot be read: No such file or directory.",
            f"cannot read the user's password from {tmp_path}/none: No such file or directory.",
        )
    ]


def test_a_config_says_all_with_its_place(tmp_path):
    path = tmp_path / "forward.yaml"
    path.write_text(
        "sources: {from: kafka://b/t, grup: g}\ndestinations: {to: kafka://b, compression: zip}\n"
    )
    with pytest.raises(MappingError) as caught:
        load_config(path, env={})
    said = [str(it) for it in caught.value.problems]
    assert len(said) == 3
    assert all(str(path) in it for it in said)
