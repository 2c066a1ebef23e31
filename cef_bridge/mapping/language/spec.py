"""What a mapping may say, declared once: the reader, the schema and the docs follow these types.

In goes nothing; out come frozen values that `load` fills from YAML and `compile` turns into rules.
A field's description is its `Meta`, and so is what its texts name (`extra={"names": "field"}`),
which `lint` looks up. The YAML key is the field's name (`from_` is written `from`, `else_` is
written `else`). Must not know how YAML is read, nor how a line is written.
"""

# Annotations are evaluated here: those of __future__ msgspec would compile one by one when the
# first mapping is read, in 4 ms.
from typing import Annotated, Literal

from msgspec import Meta, Struct

from cef_bridge.errors import Location

NOWHERE = Location("")

Is = Literal["ipv4", "ipv6", "present", "absent", "integer"]
IS_CLASSES: tuple[str, ...] = ("ipv4", "ipv6", "present", "absent", "integer")


class Test(Struct, frozen=True):
    """One thing a value may be: a literal, a glob (`*`, `?`, `[a-z]`), a class of values, a number
    from `least` to `most` (as they were written), or none of some other `tests`.
    """

    __test__ = False  # pytest: not a test class

    kind: Literal["literal", "glob", "is", "range", "not"]
    text: str = ""
    least: str | None = None
    most: str | None = None
    tests: "tuple[Test, ...]" = ()


class Condition(Struct, frozen=True):
    """A path, and the tests of which one must hold; on a list field any element may hold it."""

    path: str
    any_of: tuple[Test, ...]
    at: Location = NOWHERE


class Table(Struct, frozen=True):
    """Text to text; keys are compared without regard to case. Inline, or read from a CSV file."""

    rows: dict[str, str]
    file: str | None = None


class Step(Struct, frozen=True):
    """A transform of `via` with its arguments; one without any is its name alone."""

    name: str
    arguments: tuple[str, ...] = ()


class Rule(Struct, frozen=True):
    """One way to fill an output key. The first rule of a list that holds and has a value wins."""

    from_: Annotated[
        tuple[str, ...],
        Meta(
            description="Event field, or a list of them: the first one present is taken.",
            extra={"names": "field"},
        ),
    ] = ()
    value: Annotated[str | None, Meta(description="A constant, instead of `from`.")] = None
    template: Annotated[
        str | None,
        Meta(
            description='A text with fields in braces: `"{NamespaceName}/{PodName}"`. If one of'
            " them is absent, the rule yields no value.",
            extra={"names": "template"},
        ),
    ] = None
    when: Annotated[
        tuple[Condition, ...],
        Meta(description="All conditions must match. A list of values matches any of them."),
    ] = ()
    table: Annotated[
        Table | None,
        Meta(description="Translate the value; `{file: rows.csv}` reads two columns of a CSV."),
    ] = None
    else_: Annotated[
        str | None, Meta(description="Written for a value that `table` does not have.")
    ] = None
    via: Annotated[
        tuple[str | Step, ...],
        Meta(
            description="Transforms, applied in this order before `table`.",
            extra={"names": "transform"},
        ),
    ] = ()
    default: Annotated[
        str | None, Meta(description="Written when none of the `from` fields is present.")
    ] = None
    label: Annotated[
        str | None, Meta(description="The text of the key's label key (`cs1Label`); a constant.")
    ] = None
    slot: Annotated[
        Literal["auto"] | None,
        Meta(
            description="`auto`: the key is the label of a custom key that cef-bridge assigns and"
            " keeps."
        ),
    ] = None
    max_length: Annotated[
        Annotated[int, Meta(ge=1)] | None,
        Meta(description="Maximum number of characters; the key's own limit still applies."),
    ] = None
    spread: Annotated[
        str | None,
        Meta(
            description="A map field: each entry becomes a key named <output key><Entry>.",
            extra={"names": "map field"},
        ),
    ] = None
    only: Annotated[
        tuple[str, ...], Meta(description="With `spread`: entries by name or glob.")
    ] = ()
    max: Annotated[
        Annotated[int, Meta(ge=1, le=64)] | None,
        Meta(description="With `spread`: maximum number of keys (20)."),
    ] = None
    at: Location = NOWHERE

    @property
    def constants(self) -> tuple[str, ...]:
        """The texts that it may write and that stand in the mapping itself."""
        rows = self.table.rows.values() if self.table else ()
        texts = (self.value, self.else_, self.default, *rows)
        return tuple(text for text in texts if text is not None)


class Envelope(Struct, frozen=True):
    """What stands around the message and what bounds it."""

    syslog_header: Annotated[
        Literal["none", "rfc3164", "rfc5424"] | None,
        Meta(
            description="Syslog header. Default: `forward` writes RFC 3164 to udp, tcp and tls,"
            " with a warning, and none elsewhere; `none` disables header and warning."
        ),
    ] = None
    facility: Annotated[
        tuple[Rule, ...],
        Meta(
            description="Syslog facility, by name: a text, or rules. An invalid name is ignored;"
            " without a valid one it is local0.",
            extra={"names": "facility"},
        ),
    ] = (Rule(value="local0"),)
    app_name: Annotated[
        tuple[Rule, ...],
        Meta(description="APP-NAME of an RFC 5424 header: a text, or rules."),
    ] = (Rule(value="kubearmor"),)
    hostname: Annotated[
        tuple[Rule, ...],
        Meta(description="HOSTNAME of the header: rules (`{from: HostName}`), or a text."),
    ] = (Rule(from_=("HostName",)),)
    time_zone: Annotated[
        str,
        Meta(
            description="Zone of the header's time: a name (`Europe/Berlin`), an offset"
            " (`+01:00`), `UTC`, or `local`, this machine's. RFC 3164 has no zone, so set the one"
            " that the collector assumes; RFC 5424 writes the offset.",
            extra={"names": "time zone"},
        ),
    ] = "UTC"
    framing: Annotated[
        Literal["lf", "octet-counting"],
        Meta(description="How messages are separated on TCP and TLS."),
    ] = "lf"
    max_bytes: Annotated[
        int,
        Meta(description="Most bytes of a message, syslog header included; 512 or more.", ge=512),
    ] = 8192
    leading_key: Annotated[
        str | None,
        Meta(
            description="A key written first with the value 1, for SIEMs that lose the first.",
            extra={"names": "key", "was": "first"},
        ),
    ] = None
    truncate_first: Annotated[
        tuple[str, ...],
        Meta(
            description="Keys removed first, in this order, when a message is over `max_bytes`.",
            extra={"names": "key", "was": "shed"},
        ),
    ] = ()
    delimiter: Annotated[
        str,
        Meta(
            description="LEEF 2.0: the one character between attributes.",
            extra={"names": "delimiter"},
        ),
    ] = "^"
    leef_version: Annotated[
        Literal["1.0", "2.0"], Meta(description="LEEF version; 1.0 always has TAB.")
    ] = "2.0"
    cef_version: Annotated[
        Literal["0", "1"],
        Meta(
            description="CEF: the version, `CEF:0` or `CEF:1`. The latter has IPv6 in src, dst"
            " and dvc regardless of `ipv6`; Splunk, QRadar and Sentinel do not read it."
        ),
    ] = "0"
    pipe: Annotated[
        Literal["keep", "replace"],
        Meta(description="CEF: whether `|` in values stays or becomes `/`."),
    ] = "keep"
    defang: Annotated[
        tuple[str, ...],
        Meta(
            description="Texts that no value may hold, such as `CEF:0`: broken up visibly.",
            extra={"names": "text to break up", "was": "break_up"},
        ),
    ] = ()
    ipv6: Annotated[
        Literal["custom", "direct"],
        Meta(
            description="CEF: `custom` keeps IPv6 out of src, dst and dvc, where CEF:0 has IPv4;"
            " `direct` lets it in, for receivers that read it there."
        ),
    ] = "custom"
    sequence: Annotated[
        bool, Meta(description="`forward`: number the messages of a queue (KubeArmorSeq).")
    ] = False

    @property
    def network_header(self) -> str:
        """The header on the way to a collector: what the mapping says, else `rfc3164`.

        Without one Sentinel's agent refuses a line, and others take the time of arrival.
        """
        return self.syslog_header or "rfc3164"

    @property
    def both_families(self) -> bool:
        """Whether src, dst and dvc of CEF take IPv6 as well; CEF:1 has both in one key."""
        return self.ipv6 == "direct" or self.cef_version == "1"


class Example(Struct, frozen=True):
    """An event (parsed JSON) and the output keys it must give; a value of null: must be absent."""

    event: dict[str, object]
    expect: dict[str, str | None]
    name: str = ""
    at: Location = NOWHERE


class ExampleFile(Struct, frozen=True):
    """Examples in a file of their own, NAME.test.yaml, beside the mapping they are run against."""

    examples: Annotated[
        tuple[Example, ...], Meta(description="Examples, as a mapping has them itself.")
    ]
    mapping: Annotated[
        str | None,
        Meta(description="The mapping: a path from this file, or a shipped name; else NAME.yaml."),
    ] = None


HEADER_FIELDS = (
    "device_vendor",
    "device_product",
    "device_version",
    "device_event_class_id",
    "name",
    "severity",
)
"""The header of CEF (v27, "Header Field Definitions") after the version; LEEF uses the first
four, and its `sev` attribute is an ordinary rule of the extension."""


class Mapping(Struct, frozen=True):
    """A mapping with everything it extends merged in. The order of `extension` is the line's."""

    name: Annotated[
        str, Meta(description="The mapping's name; written `mapping:` in YAML.", min_length=1)
    ]
    format: Annotated[Literal["cef", "leef"], Meta(description="Format of the messages.")] = "cef"
    description: Annotated[str, Meta(description="Free text; its first line is listed.")] = ""
    extends: Annotated[
        tuple[str, ...],
        Meta(
            description="A shipped mapping or a path. Its rules apply unless overridden here.",
            extra={"names": "mapping"},
        ),
    ] = ()
    cluster: Annotated[
        str | None,
        Meta(description="The cluster's name: every KubeArmor calls its cluster `default`."),
    ] = None
    header: Annotated[
        dict[str, tuple[Rule, ...]],
        Meta(description="Rules of the header's fields.", extra={"keys": "header"}),
    ] = {}
    severity: Annotated[
        tuple[Rule, ...],
        Meta(
            description="Rules of an event's severity, 1 to 10. They precede the parent's;"
            " `{replace: [...]}` replaces those.",
            extra={"replace": "rules"},
        ),
    ] = ()
    extension: Annotated[
        dict[str, tuple[Rule, ...]],
        Meta(description="Rules of the output keys.", extra={"keys": "output"}),
    ] = {}
    unmapped: Annotated[
        Literal["keep", "drop"],
        Meta(description="Whether fields that no rule reads are kept as `KubeArmor<Field>`."),
    ] = "keep"
    drop_fields: Annotated[
        tuple[str, ...],
        Meta(
            description="Fields to drop, by path or glob.",
            extra={"names": "field pattern", "was": "drop"},
        ),
    ] = ()
    drop_events: Annotated[
        tuple[tuple[Condition, ...], ...],
        Meta(
            description="Events to drop: an item matches if all its conditions match; one"
            " item is enough."
        ),
    ] = ()
    keep_events: Annotated[
        tuple[tuple[Condition, ...], ...],
        Meta(
            description="Only these alerts and logs are written: within an item all must hold, one"
            " is enough."
        ),
    ] = ()
    filters: Annotated[
        tuple[str, ...],
        Meta(description="Named sets of `drop_events`.", extra={"names": "filter"}),
    ] = ()
    envelope: Envelope = Envelope()
    examples: tuple[Example, ...] = ()
    path: str = ""
