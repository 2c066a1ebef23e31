"""Parsers for ASIM: KubeArmor's events under the names of Microsoft's normalized schemas.

In comes a mapping's fields, out come functions in KQL, as YAML in the form of the repository
Azure-Sentinel, and as an ARM template. Names, types and mandatory columns are those of the
repository's ASimTester. Must not know rules.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.content.packs.sentinel.kql import own_events, string, time_column, value_of
from cef_bridge.content.vocabulary import log_source

if TYPE_CHECKING:
    from cef_bridge.content.packs.pack_content import PackContent


class AsimParser(NamedTuple):
    """A parser: its name, its schema and version, and the query within the function."""

    name: str
    schema: str
    version: str
    about: str
    query: str


_FAILED = '"block", "denied", "failed"'
_KNOWN = '"passed", "allow", "audit", "unblocked"'


class _Columns:
    """Expressions for the columns of one kind of events."""

    def __init__(self, content: PackContent, category: str, *more_kinds: str) -> None:
        source = log_source("kubearmor", category)
        if source is None:
            raise ValueError(category)
        self._source = source._replace(kinds=(*source.kinds, *more_kinds))
        self._content = content
        self.class_id = self["event.class_id"]
        self.time = time_column(content)

    def __getitem__(self, name: str) -> str:
        return value_of(self._content, self._source, name)

    def events(self, *parts: str) -> str:
        """Return the query's beginning: events with one of some parts in their class id."""
        any_of = " or ".join(f"{self.class_id} contains {string(it)}" for it in parts)
        return f"{own_events(self._content)}| where not(disabled)\n| where {any_of}\n"

    def common(self, schema: str, version: str) -> dict[str, str]:
        """Return the columns that all schemas have."""
        return {
            "EventCount": "int(1)",
            "EventStartTime": self.time,
            "EventEndTime": self.time,
            "EventResult": (
                f'case(Disposition in ({_FAILED}), "Failure", '
                f'Disposition in ({_KNOWN}), "Success", "NA")'
            ),
            "EventOriginalUid": self["event.id"],
            "EventOriginalType": self.class_id,
            "EventOriginalSeverity": "LogSeverity",
            "EventSeverity": (
                'case(toint(LogSeverity) >= 7, "High", toint(LogSeverity) >= 4, "Medium", '
                'toint(LogSeverity) >= 3, "Low", "Informational")'
            ),
            "EventMessage": "Activity",
            "EventProduct": '"KubeArmor"',
            "EventVendor": '"KubeArmor"',
            "EventProductVersion": "DeviceVersion",
            "EventSchema": string(schema),
            "EventSchemaVersion": string(version),
            "Dvc": self["HostName"],
            "DvcHostname": self["HostName"],
            "DvcOs": '"Linux"',
            "DvcOriginalAction": self["Action"],
            "RuleName": self["PolicyName"],
        }

    def additional(self) -> str:
        """Return what the schema has no column for, as a bag."""
        names = {
            "ClusterName": "ClusterName",
            "Namespace": "NamespaceName",
            "Pod": "PodName",
            "Container": "ContainerName",
            "ContainerId": "ContainerID",
            "ContainerImage": "ContainerImage",
            "Policy": "PolicyName",
        }
        pairs = ", ".join(f"{string(name)}, {self[path]}" for name, path in names.items())
        return f"bag_pack({pairs})"


def parsers(content: PackContent) -> list[AsimParser]:
    """Return the parsers for a mapping."""
    return [_process(content), _file(content), _network(content), _dns(content)]


def _process(content: PackContent) -> AsimParser:
    columns = _Columns(content, "process")
    made = columns.common("ProcessEvent", "0.1.4") | {
        "EventType": '"ProcessCreated"',
        "ActorUsername": columns["User"],
        "ActorUsernameType": f'iff(isempty({columns["User"]}), "", "Simple")',
        "ActorUserId": columns["user.id"],
        "ActingProcessName": columns["ParentImage"],
        "ActingProcessId": columns["ParentProcessId"],
        "ParentProcessName": columns["ParentImage"],
        "ParentProcessId": columns["ParentProcessId"],
        "TargetUsername": columns["User"],
        "TargetProcessName": columns["Image"],
        "TargetProcessId": columns["ProcessId"],
        "TargetProcessCommandLine": columns["CommandLine"],
        "TargetProcessCurrentDirectory": columns["CurrentDirectory"],
        "AdditionalFields": columns.additional(),
    }
    aliases = {
        "User": "TargetUsername",
        "Process": "TargetProcessName",
        "CommandLine": "TargetProcessCommandLine",
    }
    query = _query(columns, (".process.exec.",), made, aliases)
    about = "Programs that were started, or kept from starting: EventResult says which."
    return AsimParser("ASimProcessEventCreateKubeArmor", "ProcessEvent", "0.1.4", about, query)


def _file(content: PackContent) -> AsimParser:
    columns = _Columns(content, "file")
    kinds = {
        "create": "FileCreated",
        "delete": "FileDeleted",
        "rename": "FileRenamed",
        "write": "FileModified",
        "link": "FileModified",
        "attr": "FileModified",
    }
    chosen = ", ".join(
        f'{columns.class_id} contains ".file.{verb}.", {string(kind)}'
        for verb, kind in kinds.items()
    )
    path = columns["TargetFilename"]
    made = columns.common("FileEvent", "0.2.1") | {
        "EventType": f'case({chosen}, "")',
        "ActorUsername": columns["User"],
        "ActorUsernameType": f'iff(isempty({columns["User"]}), "", "Simple")',
        "ActorUserId": columns["user.id"],
        "ActingProcessName": columns["Image"],
        "ActingProcessId": columns["ProcessId"],
        "ActingProcessCommandLine": columns["CommandLine"],
        "TargetFilePath": path,
        "TargetFilePathType": '"Unix"',
        "TargetFileName": f'tostring(split({path}, "/")[-1])',
        "SrcFilePath": '""',
        "SrcFilePathType": '""',
        "AdditionalFields": columns.additional(),
    }
    aliases = {
        "User": "ActorUsername",
        "Process": "ActingProcessName",
        "FilePath": "TargetFilePath",
    }
    query = _query(columns, tuple(f".file.{verb}." for verb in kinds), made, aliases)
    about = "Files that were created, changed, renamed or deleted. Reading is no event of ASIM."
    return AsimParser("ASimFileEventKubeArmor", "FileEvent", "0.2.1", about, query)


def _network(content: PackContent) -> AsimParser:
    columns = _Columns(content, "network", "firewall")
    inbound = f'{columns.class_id} contains ".accept." or {columns.class_id} contains ".ingress."'
    made = columns.common("NetworkSession", "0.2.6") | {
        "EventType": '"EndpointNetworkSession"',
        "NetworkDirection": f'iff({inbound}, "Inbound", "Outbound")',
        "NetworkProtocol": f"toupper({columns['network.protocol']})",
        "SrcIpAddr": columns["source.ip"],
        "SrcPortNumber": f"toint({columns['source.port']})",
        "DstIpAddr": columns["destination.ip"],
        "DstPortNumber": f"toint({columns['destination.port']})",
        "SrcHostname": f'iff({inbound}, "", {columns["HostName"]})',
        "DstHostname": f'iff({inbound}, {columns["HostName"]}, "")',
        "DvcAction": f'iff(Disposition in ({_FAILED}), "Deny", "Allow")',
        "NetworkRuleName": columns["PolicyName"],
        "AdditionalFields": columns.additional(),
    }
    aliases = {
        "Src": "iff(isempty(SrcIpAddr), SrcHostname, SrcIpAddr)",
        "Dst": "iff(isempty(DstIpAddr), DstHostname, DstIpAddr)",
        "IpAddr": "SrcIpAddr",
        "Hostname": "DstHostname",
        "Rule": "NetworkRuleName",
    }
    query = _query(columns, (".network.connect.", ".network.accept.", ".firewall."), made, aliases)
    about = "Connections that processes made or took, and flows that the firewall saw."
    return AsimParser("ASimNetworkSessionKubeArmor", "NetworkSession", "0.2.6", about, query)


def _dns(content: PackContent) -> AsimParser:
    columns = _Columns(content, "dns")
    made = columns.common("Dns", "0.1.7") | {
        "EventType": '"Query"',
        "EventSubType": '"request"',
        "EventResultDetails": '"NA"',
        "DnsResponseCodeName": '"NA"',
        "DnsQuery": columns["QueryName"],
        "DnsQueryTypeName": columns["record_type"],
        "NetworkProtocol": f"toupper({columns['network.protocol']})",
        "SrcHostname": columns["HostName"],
        "SrcProcessName": columns["Image"],
        "SrcProcessId": columns["ProcessId"],
        "SrcUsername": columns["User"],
        "SrcUsernameType": f'iff(isempty({columns["User"]}), "", "Simple")',
        "DstIpAddr": columns["destination.ip"],
        "DstPortNumber": f"toint({columns['destination.port']})",
        "DvcAction": f'iff(Disposition in ({_FAILED}), "Denied", "Allowed")',
        "AdditionalFields": columns.additional(),
    }
    aliases = {
        "Src": "SrcHostname",
        "Dst": "DstIpAddr",
        "Hostname": "SrcHostname",
        "Process": "SrcProcessName",
        "User": "SrcUsername",
        "Domain": "DnsQuery",
    }
    query = _query(columns, (".network.dns.",), made, aliases)
    about = "Names that processes asked for; KubeArmor does not report the answers."
    return AsimParser("ASimDnsKubeArmor", "Dns", "0.1.7", about, query)


def _query(
    columns: _Columns, parts: tuple[str, ...], made: dict[str, str], aliases: dict[str, str]
) -> str:
    """Return a parser's query; the columns of the table itself do not stay."""
    projected = ["TimeGenerated", "Type", *(f"{name} = {text}" for name, text in made.items())]
    return (
        f"{columns.events(*parts)}"
        f'| extend Disposition = tostring(split({columns.class_id}, ".")[-1])\n'
        f"| project\n    {f',{chr(10)}    '.join(projected)}\n"
        f"| extend {', '.join(f'{name} = {text}' for name, text in aliases.items())}"
    )


def function_text(parser: AsimParser) -> str:
    """Return the function's body: what is saved under its name."""
    inner = "\n".join(f"    {line}" for line in parser.query.splitlines())
    return f"let parser = (disabled: bool=false) {{\n{inner}\n}};\nparser(disabled=disabled)\n"


def parser_document(parser: AsimParser) -> dict[str, object]:
    """Return a parser as a document of the repository Azure-Sentinel."""
    return {
        "Parser": {
            "Title": f"{parser.schema} ASIM parser for KubeArmor",
            "Version": "0.1.0",
            "LastUpdated": "Nov 29, 2026",
        },
        "Product": {"Name": "KubeArmor"},
        "Normalization": {"Schema": parser.schema, "Version": parser.version},
        "References": [{"Title": "ASIM", "Link": "https://aka.ms/AboutASIM"}],
        "Description": f"{parser.about}\n",
        "ParserName": parser.name,
        "ParserParams": [{"Name": "disabled", "Type": "bool", "Default": False}],
        "ParserQuery": function_text(parser),
    }


def functions_deployment(found: list[AsimParser]) -> dict[str, object]:
    """Return the functions as an ARM template."""
    return {
        "$schema": "https://schema.management.azure.com/schemas/2019-08-01/deploymentTemplate.json#",
        "contentVersion": "1.0.0.0",
        "parameters": {"Workspace": {"type": "string"}},
        "resources": [
            {
                "type": "Microsoft.OperationalInsights/workspaces/savedSearches",
                "apiVersion": "2020-08-01",
                "name": f"[concat(parameters('Workspace'), '/{it.name}')]",
                "properties": {
                    "etag": "*",
                    "displayName": f"{it.schema} ASIM parser for KubeArmor",
                    "category": "ASIM",
                    "functionAlias": it.name,
                    "functionParameters": "disabled:bool=False",
                    "query": function_text(it),
                    "version": 1,
                },
            }
            for it in found
        ],
    }
