"""A new config is one that the reader takes, also with all that it offers as comments."""

from __future__ import annotations

import re
import textwrap
from urllib.parse import quote

import pytest

from cef_bridge.delivery.schemes import SCHEMES
from cef_bridge.errors import UsageError
from cef_bridge.forward.config import load_config
from cef_bridge.forward.config.new import GLOBAL, new_config
from cef_bridge.forward.config.places import DESTINATION_WORDS, SOURCE_WORDS
from cef_bridge.forward.config.sources import SOURCES

FROM = {
    "kubearmor": "kubearmor://relay",
    "kafka": "kafka://b1:9092,b2/kubearmor",
    "files": "/var/log/kube armor/[a-z]*.log",
    "stdin": "-",
}
TO = {
    "udp": "udp://siem",
    "tcp": "tcp://a:514,b",
    "tls": "tls://[2001:db8::7]:6514",
    "splunk-hec": "splunk-hec://splunk",
    "elasticsearch": "elasticsearch://es/logs-cef-default",
    "opensearch": "opensearch://os/cef",
    "kafka": "kafka://b1/cef",
    "file": "file:///var/log/kube%20armor.cef",
    "stdout": "-",
}
WORDS = {**SOURCE_WORDS.rows, **DESTINATION_WORDS.rows}


HOSTILE = "# : \x85\x7f\u2028\"'\\{}[]&*!|>%@`,~null\t\n\x1b\ufeff\N{GRINNING FACE}"
"""What YAML gives a meaning, takes for the end of a line, or refuses."""


def loaded(text, tmp_path, **env):
    path = tmp_path / "new.yaml"
    path.write_text(text, encoding="utf-8")
    return load_config(path, env=env)


def with_all_settings(text: str) -> str:
    """Return a config with the settings that are comments."""
    return re.sub(r"^( *)# (\w+: )(?=\S+$|\[)", keep_known, text, flags=re.MULTILINE)


def keep_known(found: re.Match[str]) -> str:
    known = found[2].removesuffix(": ") in {*WORDS, "grace"}
    return f"{found[1]}{found[2]}" if known else found[0]


def test_every_kind_of_source_and_destination_is_here():
    assert (FROM.keys(), TO.keys()) == (SOURCES.keys(), SCHEMES.keys())


@pytest.mark.parametrize("kind", FROM)
@pytest.mark.parametrize("scheme", TO)
def test_what_is_written_is_read_and_so_are_the_settings_in_comments(kind, scheme, tmp_path):
    text = new_config([FROM[kind]], [TO[scheme]], ["splunk"]).text
    config = loaded(text, tmp_path)
    assert [source.kind for source in config.sources] == [kind]
    assert [(one.name, one.target.scheme) for one in config.destinations] == [("splunk", scheme)]
    assert (config.queue, config.heartbeat) == ("/var/lib/cef-bridge", 60)
    more = loaded(with_all_settings(text), tmp_path)
    assert more.destinations[0].alerts_only
    assert more.destinations[0].filters == ("soc_lean",)
    assert not re.search(r"^ *# \w+: \S+$", with_all_settings(text), re.MULTILINE)


@pytest.mark.parametrize("key", ["from", "to"])
def test_each_setting_has_the_comment_of_its_declaration(key):
    text = new_config(list(FROM.values()), list(TO.values())).text
    names = re.findall(r"^    (?:# )?(\w+): ", text, re.MULTILINE)
    assert len(names) > 40
    words = SOURCE_WORDS if key == "from" else DESTINATION_WORDS
    sections = text.split("\ndestinations:\n")
    section = sections[0 if key == "from" else 1]
    lines = section.splitlines()
    for at, line in enumerate(lines):
        found = re.match(r"    (?:# )?(\w+): \S", line)
        if not found or found[1] not in words.rows or lines[at - 1].startswith("  - "):
            continue
        meaning = words.rows[found[1]].type.extra_json_schema["description"].replace("`", "")
        comment = " ".join(textwrap.dedent("\n".join(lines[:at])).replace("# ", "").split())
        assert " ".join(meaning.split()[-3:]).rstrip(".") in comment


def test_parameters_become_settings_and_secrets_may_be_variables(tmp_path):
    made = new_config(
        ["logs/*.log?from_end=yes"],
        [
            "splunk-hec://splunk?token=${TOKEN}&ca=ca.pem",
            "tls://siem?name=soc&when_full=block",
            "elasticsearch://es/x?user=me&password=${PASS:-}&tls=no",
        ],
        ["splunk", "qradar", "elastic"],
        {**GLOBAL, "queue": "/q"},
    )
    here = str(tmp_path.cwd())
    env = {"TOKEN": "t", "PASS": "p"}
    config = loaded(made.text, tmp_path, **env)
    assert config.sources[0].pattern == f"{here}/logs/*.log"
    assert config.sources[0].from_end
    hec, soc, elastic = config.destinations
    assert (hec.name, hec.target.token, hec.target.ca) == ("splunk", "t", f"{here}/ca.pem")
    assert (soc.name, soc.mapping, soc.when_full) == ("soc", "qradar", "block")
    assert (elastic.target.tls, elastic.target.api_key, elastic.target.ca) == (False, None, None)
    assert made.missing == (f"{here}/ca.pem", "/etc/cef-bridge/ca.pem")


def test_two_destinations_of_one_siem_have_names_of_their_own(tmp_path):
    made = new_config(["-"], ["tcp://a", "tcp://b"], ["splunk"])
    names = [one.name for one in loaded(made.text, tmp_path).destinations]
    assert names == ["splunk", "tcp-b-514"]


def test_a_collector_gets_a_header_where_the_mapping_names_none(tmp_path):
    (plain,) = loaded(new_config(["-"], ["tcp://a"]).text, tmp_path).destinations
    (own,) = loaded(new_config(["-"], ["tcp://a"], ["arcsight"]).text, tmp_path).destinations
    assert (plain.syslog_header, own.syslog_header) == ("rfc5424", None)


@pytest.mark.parametrize(
    ("froms", "tos", "mappings", "said"),
    [
        ([], [], [], ["no source given", "no destination given"]),
        (["-"], ["tcp://a", "tcp://b", "tcp://c"], ["splunk", "qradar"], ["2 mappings for 3 destinations"]),
        (["kubearmor://a?stream=alerts"], ["tpc://b"], ["splnk"], ['Did you mean "streams"?', 'Did you mean "tcp"?', 'Did you mean "splunk"?']),
        (["-"], ["splunk-hec://s?token=abc"], [], ["would be seen by everyone"]),
        (["-", "-"], ["tls://x?nmae=a"], [], ["- is named twice", 'Did you mean "name"?']),
    ],
)  # fmt: skip
def test_all_that_is_wrong_is_said_at_once(froms, tos, mappings, said):
    with pytest.raises(UsageError) as error:
        new_config(froms, tos, mappings)
    assert [each for each in said if each not in str(error.value)] == []


def test_a_path_is_read_as_it_was_named_whatever_is_in_it(tmp_path):
    path = f"/{HOSTILE}/ka.log"
    to = f"file:///{quote(HOSTILE)}"
    config = loaded(new_config([path], [to], settings={**GLOBAL, "queue": path}).text, tmp_path)
    assert config.sources[0].pattern == path
    assert config.destinations[0].target.path == f"/{HOSTILE}"
    assert config.queue == path


def test_a_path_that_no_yaml_can_name_is_refused():
    with pytest.raises(UsageError, match=r"/a\\udcffb\.log.*: this is no UTF-8"):
        new_config(["/a\udcffb.log"], ["tcp://siem"])
