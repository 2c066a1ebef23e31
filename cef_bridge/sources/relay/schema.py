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


class Field(NamedTuple):
    """One field; `type` is one of the five above or the name of another message.

    `zero`: Go prints it when it is 0 or empty as well (its JSON tag has no "omitempty").
    """

    name: str
    number: int
    type: str = TEXT
    zero: bool = False


class Stream(NamedTuple):
    """One of the three streams: its method, what it carries, and the filters that work.

    A server ends a stream at once, and with status OK, when the filter is any other.
    """

    method: str
    message: str
    filters: tuple[str, ...]


STREAMS = {
    "alerts": Stream("WatchAlerts", "Alert", ("all", "policy")),
    "logs": Stream("WatchLogs", "Log", ("all", "system")),
    "messages": Stream("WatchMessages", "Message", ("all",)),
}

_CLOCK = (Field("Timestamp", 1, INT64), Field("UpdatedTime", 2))
_WHERE = (Field("ClusterName", 3), Field("HostName", 4))

TABLE: dict[str, tuple[Field, ...]] = {
    "NonceMessage": (Field("nonce", 1, INT32),),
    "ReplyMessage": (Field("Retval", 1, INT32),),
    "RequestMessage": (Field("Filter", 1),),
    "Podowner": (Field("Ref", 1), Field("Name", 2), Field("Namespace", 3)),
    "ExecEvent": (Field("ExecID", 1), Field("ExecutableName", 2)),
    "Message": (
        *_CLOCK,
        *_WHERE,
        Field("HostIP", 5),
        Field("Type", 6),
        Field("Level", 7),
        Field("Message", 8),
    ),
    "Alert": (
        *_CLOCK,
        *_WHERE,
        Field("NamespaceName", 5),
        Field("Owner", 31, "Podowner"),
        Field("PodName", 6),
        Field("Labels", 29),
        Field("ContainerID", 7),
        Field("ContainerName", 8),
        Field("ContainerImage", 24),
        Field("HostPPID", 27, INT32),
        Field("HostPID", 9, INT32),
        Field("PPID", 10, INT32, zero=True),
        Field("PID", 11, INT32),
        Field("UID", 12, INT32, zero=True),
        Field("ParentProcessName", 25),
        Field("ProcessName", 26),
        Field("PolicyName", 13),
        Field("Severity", 14),
        Field("Tags", 15),
        Field("ATags", 30, TEXTS),
        Field("Message", 16),
        Field("Type", 17),
        Field("Source", 18),
        Field("Operation", 19),
        Field("Resource", 20),
        Field("Data", 21),
        Field("EventData", 43, MAP),
        Field("Enforcer", 28),
        Field("Action", 22),
        Field("Result", 23),
        Field("Cwd", 32),
        Field("TTY", 33),
        Field("MaxAlertsPerSec", 34, INT32),
        Field("DroppingAlertsInterval", 35, INT32),
        Field("ExecEvent", 36, "ExecEvent"),
        Field("KubeArmorVersion", 37),
        Field("NodeID", 38),
        Field("ProcessHash", 39),
        Field("ParentHash", 40),
        Field("ResourceHash", 41),
        Field("HashAlgo", 42),
        Field("UserName", 44),
    ),
    "Log": (
        *_CLOCK,
        *_WHERE,
        Field("NamespaceName", 5),
        Field("Owner", 24, "Podowner"),
        Field("PodName", 6),
        Field("Labels", 23),
        Field("ContainerID", 7),
        Field("ContainerName", 8),
        Field("ContainerImage", 19),
        Field("ParentProcessName", 20),
        Field("ProcessName", 21),
        Field("HostPPID", 22, INT32),
        Field("HostPID", 9, INT32),
        Field("PPID", 10, INT32, zero=True),
        Field("PID", 11, INT32),
        Field("UID", 12, INT32, zero=True),
        Field("Type", 13),
        Field("Source", 14),
        Field("Operation", 15),
        Field("Resource", 16),
        Field("Data", 17),
        Field("EventData", 33, MAP),
        Field("Result", 18),
        Field("Cwd", 25),
        Field("TTY", 26),
        Field("ExecEvent", 27, "ExecEvent"),
        Field("NodeID", 28),
        Field("ProcessHash", 29),
        Field("ParentHash", 30),
        Field("ResourceHash", 31),
        Field("HashAlgo", 32),
        Field("UserName", 34),
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


def _add(message: descriptor_pb2.DescriptorProto, field: Field) -> None:
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
