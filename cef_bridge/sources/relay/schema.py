"""KubeArmor's gRPC messages as a table, and the protobuf classes that are made of it at import.

The service is `feeder.LogService`, of KubeArmor's relay and of each node's daemon alike. A row is
a field: its name, its number, its type; the rows stand in the order in which Go prints a message
as JSON. Knows neither connections nor JSON.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

if TYPE_CHECKING:
    from google.protobuf.message import Message

SERVICE = "feeder.LogService"

TEXT, INT32, INT64, TEXTS, MAP = "string", "int32", "int64", "strings", "map"


class RelayField(NamedTuple):
    """One field; `type` is one of the five above or the name of another message.

    `zero`: Go prints it when it is 0 or empty as well (its JSON tag has no "omitempty").
    """

    name: str
    number: int
    type: str = TEXT
    zero: bool = False


class RelayStream(NamedTuple):
    """One of the three streams: its method, what it carries, and the filters that work.

    A server ends a stream at once, and with status OK, when the filter is any other.
    """

    method: str
    message: str
    filters: tuple[str, ...]


STREAMS = {
    "alerts": RelayStream("WatchAlerts", "Alert", ("all", "policy")),
    "logs": RelayStream("WatchLogs", "Log", ("all", "system")),
    "messages": RelayStream("WatchMessages", "Message", ("all",)),
}

_CLOCK = (RelayField("Timestamp", 1, INT64), RelayField("UpdatedTime", 2))
_WHERE = (RelayField("ClusterName", 3), RelayField("HostName", 4))

TABLE: dict[str, tuple[RelayField, ...]] = {
    "NonceMessage": (RelayField("nonce", 1, INT32),),
    "ReplyMessage": (RelayField("Retval", 1, INT32),),
    "RequestMessage": (RelayField("Filter", 1),),
    "Podowner": (RelayField("Ref", 1), RelayField("Name", 2), RelayField("Namespace", 3)),
    "ExecEvent": (RelayField("ExecID", 1), RelayField("ExecutableName", 2)),
    "Message": (
        *_CLOCK,
        *_WHERE,
        RelayField("HostIP", 5),
        RelayField("Type", 6),
        RelayField("Level", 7),
        RelayField("Message", 8),
    ),
    "Alert": (
        *_CLOCK,
        *_WHERE,
        RelayField("NamespaceName", 5),
        RelayField("Owner", 31, "Podowner"),
        RelayField("PodName", 6),
        RelayField("Labels", 29),
        RelayField("ContainerID", 7),
        RelayField("ContainerName", 8),
        RelayField("ContainerImage", 24),
        RelayField("HostPPID", 27, INT32),
        RelayField("HostPID", 9, INT32),
        RelayField("PPID", 10, INT32, zero=True),
        RelayField("PID", 11, INT32),
        RelayField("UID", 12, INT32, zero=True),
        RelayField("ParentProcessName", 25),
        RelayField("ProcessName", 26),
        RelayField("PolicyName", 13),
        RelayField("Severity", 14),
        RelayField("Tags", 15),
        RelayField("ATags", 30, TEXTS),
        RelayField("Message", 16),
        RelayField("Type", 17),
        RelayField("Source", 18),
        RelayField("Operation", 19),
        RelayField("Resource", 20),
        RelayField("Data", 21),
        RelayField("EventData", 43, MAP),
        RelayField("Enforcer", 28),
        RelayField("Action", 22),
        RelayField("Result", 23),
        RelayField("Cwd", 32),
        RelayField("TTY", 33),
        RelayField("MaxAlertsPerSec", 34, INT32),
        RelayField("DroppingAlertsInterval", 35, INT32),
        RelayField("ExecEvent", 36, "ExecEvent"),
        RelayField("KubeArmorVersion", 37),
        RelayField("NodeID", 38),
        RelayField("ProcessHash", 39),
        RelayField("ParentHash", 40),
        RelayField("ResourceHash", 41),
        RelayField("HashAlgo", 42),
        RelayField("UserName", 44),
    ),
    "Log": (
        *_CLOCK,
        *_WHERE,
        RelayField("NamespaceName", 5),
        RelayField("Owner", 24, "Podowner"),
        RelayField("PodName", 6),
        RelayField("Labels", 23),
        RelayField("ContainerID", 7),
        RelayField("ContainerName", 8),
        RelayField("ContainerImage", 19),
        RelayField("ParentProcessName", 20),
        RelayField("ProcessName", 21),
        RelayField("HostPPID", 22, INT32),
        RelayField("HostPID", 9, INT32),
        RelayField("PPID", 10, INT32, zero=True),
        RelayField("PID", 11, INT32),
        RelayField("UID", 12, INT32, zero=True),
        RelayField("Type", 13),
        RelayField("Source", 14),
        RelayField("Operation", 15),
        RelayField("Resource", 16),
        RelayField("Data", 17),
        RelayField("EventData", 33, MAP),
        RelayField("Result", 18),
        RelayField("Cwd", 25),
        RelayField("TTY", 26),
        RelayField("ExecEvent", 27, "ExecEvent"),
        RelayField("NodeID", 28),
        RelayField("ProcessHash", 29),
        RelayField("ParentHash", 30),
        RelayField("ResourceHash", 31),
        RelayField("HashAlgo", 32),
        RelayField("UserName", 34),
    ),
}

_Proto = descriptor_pb2.FieldDescriptorProto
_SCALARS = {
    TEXT: _Proto.TYPE_STRING,
    INT32: _Proto.TYPE_INT32,
    INT64: _Proto.TYPE_INT64,
    TEXTS: _Proto.TYPE_STRING,
}


def file_descriptor() -> descriptor_pb2.FileDescriptorProto:
    """Return the table as protoc would have compiled it."""
    file = descriptor_pb2.FileDescriptorProto(
        name="kubearmor.proto", package="feeder", syntax="proto3"
    )
    for name, fields in TABLE.items():
        message = file.message_type.add(name=name)
        for field in fields:
            _add(message, field)
    return file


def _add(message: descriptor_pb2.DescriptorProto, field: RelayField) -> None:
    many = field.type in {TEXTS, MAP}
    added = message.field.add(
        name=field.name,
        number=field.number,
        json_name=field.name,
        label=_Proto.LABEL_REPEATED if many else _Proto.LABEL_OPTIONAL,
        type=_SCALARS.get(field.type, _Proto.TYPE_MESSAGE),
    )
    if field.type == MAP:  # a map is a repeated message of two fields
        entry = message.nested_type.add(name=f"{field.name}Entry")
        entry.options.map_entry = True
        for number, name in enumerate(("key", "value"), 1):
            entry.field.add(
                name=name,
                number=number,
                json_name=name,
                label=_Proto.LABEL_OPTIONAL,
                type=_Proto.TYPE_STRING,
            )
        added.type_name = f".feeder.{message.name}.{entry.name}"
    elif field.type not in _SCALARS:
        added.type_name = f".feeder.{field.type}"


def _classes() -> dict[str, type[Message]]:
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file_descriptor().SerializeToString())
    find: Any = pool.FindMessageTypeByName
    return {name: message_factory.GetMessageClass(find(f"feeder.{name}")) for name in TABLE}


CLASSES: dict[str, type[Message]] = _classes()
"""Message name -> the class that reads and writes it."""
