"""The keys of CEF and LEEF as tables: what each holds, how long it may be, who may write it.

In comes nothing; out come `CEF_KEYS`, `LEEF_KEYS` and the lengths of the header. CEF's rows are
those of the CEF Implementation Standard v27 (CEF 1.2), read for `CEF:0`, where addresses are
IPv4 only; where a table of the standard has a printing slip, the other editions decided. LEEF's
are IBM's predefined event attributes. Must not know how a line is written or read.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, cast

Kind = Literal[
    "string", "integer", "long", "float", "timestamp", "ipv4", "ipv6", "ip", "mac", "other"
]
Role = Literal["producer", "consumer", "both"]


class Key(NamedTuple):
    """One row; `max_length` counts characters before escaping, `since` is the standard's version.

    A key of `role` "consumer" is filled by the receiver and never sent by a device.
    """

    name: str
    full_name: str
    kind: Kind
    max_length: int | None
    role: Role
    since: str
    meaning: str


HEADER_LENGTHS = {
    "device_vendor": 63,
    "device_product": 63,
    "device_version": 31,
    "device_event_class_id": 1023,
    "name": 512,
}
"""Characters a header field may have (v27, "Header Field Definitions")."""

SEVERITIES = frozenset(
    [str(number) for number in range(11)] + ["Unknown", "Low", "Medium", "High", "Very-High"]
)
"""What the severity of a CEF header may be (v27, "Header Field Definitions")."""
_SEVERITY_WORDS = {word.lower(): word for word in SEVERITIES}


def severity_of(text: str) -> str | None:
    """Return a severity as the standard writes it, whatever its capitals; None when it is none."""
    return _SEVERITY_WORDS.get(text.lower())


# Columns: key, full name ("=" when it is the key), kind (":" and most characters), meaning.
_PRODUCER_01 = """
act deviceAction string:63 What the device did about it
app applicationProtocol string:31 Protocol of the application layer
c6a1 deviceCustomIPv6Address1 ipv6 IPv6 slot 1; by custom the device's address
c6a1Label deviceCustomIPv6Address1Label string:1023 Names c6a1
c6a2 deviceCustomIPv6Address2 ipv6 IPv6 slot 2; by custom the source's address
c6a2Label deviceCustomIPv6Address2Label string:1023 Names c6a2
c6a3 deviceCustomIPv6Address3 ipv6 IPv6 slot 3; by custom the destination's address
c6a3Label deviceCustomIPv6Address3Label string:1023 Names c6a3
c6a4 deviceCustomIPv6Address4 ipv6 IPv6 slot 4, free
c6a4Label deviceCustomIPv6Address4Label string:1023 Names c6a4
cat deviceEventCategory string:1023 The device's own category of the event
cfp1 deviceCustomFloatingPoint1 float Decimal slot 1
cfp1Label deviceCustomFloatingPoint1Label string:1023 Names cfp1
cfp2 deviceCustomFloatingPoint2 float Decimal slot 2
cfp2Label deviceCustomFloatingPoint2Label string:1023 Names cfp2
cfp3 deviceCustomFloatingPoint3 float Decimal slot 3
cfp3Label deviceCustomFloatingPoint3Label string:1023 Names cfp3
cfp4 deviceCustomFloatingPoint4 float Decimal slot 4
cfp4Label deviceCustomFloatingPoint4Label string:1023 Names cfp4
cn1 deviceCustomNumber1 long Integer slot 1
cn1Label deviceCustomNumber1Label string:1023 Names cn1
cn2 deviceCustomNumber2 long Integer slot 2
cn2Label deviceCustomNumber2Label string:1023 Names cn2
cn3 deviceCustomNumber3 long Integer slot 3
cn3Label deviceCustomNumber3Label string:1023 Names cn3
cnt baseEventCount integer Number of like events that this one represents
cs1 deviceCustomString1 string:4000 Text slot 1
cs1Label deviceCustomString1Label string:1023 Names cs1
cs2 deviceCustomString2 string:4000 Text slot 2
cs2Label deviceCustomString2Label string:1023 Names cs2
cs3 deviceCustomString3 string:4000 Text slot 3
cs3Label deviceCustomString3Label string:1023 Names cs3
cs4 deviceCustomString4 string:4000 Text slot 4
cs4Label deviceCustomString4Label string:1023 Names cs4
cs5 deviceCustomString5 string:4000 Text slot 5
cs5Label deviceCustomString5Label string:1023 Names cs5
cs6 deviceCustomString6 string:4000 Text slot 6
cs6Label deviceCustomString6Label string:1023 Names cs6
destinationDnsDomain = string:255 Domain part of the destination's name
destinationServiceName = string:1023 Service that was addressed
destinationTranslatedAddress = ipv4 Destination's address behind NAT
destinationTranslatedPort = integer Destination's port behind NAT
deviceCustomDate1 = timestamp Time slot 1
deviceCustomDate1Label = string:1023 Names deviceCustomDate1
deviceCustomDate2 = timestamp Time slot 2
deviceCustomDate2Label = string:1023 Names deviceCustomDate2
deviceDirection = integer 0 inbound, 1 outbound
deviceDnsDomain = string:255 Domain part of the device's name
deviceExternalId = string:255 Lasting id of the device
deviceFacility = string:1023 Part of the device that speaks
deviceInboundInterface = string:128 Interface of arriving traffic; older editions allow 15
deviceNtDomain = string:255 The device's Windows domain
deviceOutboundInterface = string:128 Interface of leaving traffic; older editions allow 15
devicePayloadId = string:128 Id of a payload kept with the event
deviceProcessName = string:1023 Process of the device that the event is about
deviceTranslatedAddress = ipv4 Device's address behind NAT
dhost destinationHostName string:1023 Destination's host name
dmac destinationMacAddress mac Destination's MAC address
dntdom destinationNtDomain string:255 Destination's Windows domain
dpid destinationProcessId integer Pid of the process acted upon
dpriv destinationUserPrivileges string:1023 Rights of the destination's user
dproc destinationProcessName string:1023 Process acted upon
dpt destinationPort integer Destination's port
dst destinationAddress ipv4 Destination's address
dtz deviceTimeZone string:255 Time zone of the device
duid destinationUserId string:1023 Id of the destination's user
duser destinationUserName string:1023 Name of the destination's user
dvc deviceAddress ipv4 The device's address
dvchost deviceHostName string:100 The device's host name; older editions allow 63
dvcmac deviceMacAddress mac The device's MAC address
dvcpid deviceProcessId integer Pid of the device's process
end endTime timestamp When it ended
externalId = string:40 The device's id of this event
fileCreateTime = timestamp When the file was made
fileHash = string:255 Digest of the file
fileId = string:1023 File's id, its inode for one
fileModificationTime = timestamp When the file was last written
filePath = string:1023 File's path, name included
filePermission = string:1023 File's permissions
fileType = string:1023 Sort of file: socket, pipe …
flexDate1 = timestamp Spare time slot
flexDate1Label = string:128 Names flexDate1
flexNumber1 = long Spare integer slot 1; in the developer's guide, not in v27's table
flexNumber1Label = string:128 Names flexNumber1
flexNumber2 = long Spare integer slot 2; in the developer's guide, not in v27's table
flexNumber2Label = string:128 Names flexNumber2
flexString1 = string:1023 Spare text slot 1
flexString1Label = string:128 Names flexString1
flexString2 = string:1023 Spare text slot 2
flexString2Label = string:128 Names flexString2
fname fileName string:1023 File's name
fsize fileSize integer File's size, bytes
in bytesIn integer Bytes received
msg message string:1023 A sentence for people; may have several lines
oldFileCreateTime = timestamp When the former file was made
oldFileHash = string:255 Digest of the former file
oldFileId = string:1023 Former file's id
oldFileModificationTime = timestamp When the former file was last written
oldFileName = string:1023 Former file's name
oldFilePath = string:1023 Former file's path
oldFilePermission = string:1023 Former file's permissions
oldFileSize = integer Former file's size, bytes
oldFileType = string:1023 Sort of the former file
out bytesOut integer Bytes sent
outcome eventOutcome string:63 success or failure
proto transportProtocol string:31 Protocol of the transport layer
reason = string:1023 Why: an error or a code
request requestUrl string:1023 URL asked for
requestClientApplication = string:1023 User agent
requestContext = string:2048 Where the request came from
requestCookies = string:1023 Cookies sent along
requestMethod = string:1023 HTTP method
rt deviceReceiptTime timestamp When the device saw it
shost sourceHostName string:1023 Source's host name
smac sourceMacAddress mac Source's MAC address
sntdom sourceNtDomain string:255 Source's Windows domain
sourceDnsDomain = string:255 Domain part of the source's name
sourceServiceName = string:1023 Service behind the source
sourceTranslatedAddress = ipv4 Source's address behind NAT
sourceTranslatedPort = integer Source's port behind NAT
spid sourceProcessId integer Pid of the process that acts
spriv sourceUserPrivileges string:1023 Rights of the source's user
sproc sourceProcessName string:1023 Process that acts
spt sourcePort integer Source's port
src sourceAddress ipv4 Source's address
start startTime timestamp When it began
suid sourceUserId string:1023 Id of the source's user
suser sourceUserName string:1023 Name of the source's user
type = integer 0 base, 1 aggregated, 2 correlated, 3 action
"""

_PRODUCER_12 = """
frameworkName = string:256 Framework that threatAttackID belongs to
reportedDuration = long How long it took, milliseconds
reportedResourceGroupName = string:128 Group of the resource concerned
reportedResourceID = string:256 Id of the resource concerned
reportedResourceName = string:64 Name of the resource concerned
reportedResourceType = string:64 Sort of the resource concerned
threatActor = string:40 Who is thought to be behind it
threatAttackID = string:32 Technique's id in frameworkName
"""

_CONSUMER_01 = """
agentDnsDomain = string:255 Connector's DNS domain
agentNtDomain = string:255 Connector's Windows domain
agentTranslatedAddress = ipv4 Connector's address behind NAT
agentTranslatedZoneExternalID = string:200 Connector's zone behind NAT, external id
agentTranslatedZoneURI = string:2048 Connector's zone behind NAT, URI
agentZoneExternalID = string:200 Connector's zone, external id
agentZoneURI = string:2048 Connector's zone, URI
agt agentAddress ipv4 Connector's address
ahost agentHostName string:1023 Connector's host name
aid agentId string:40 Connector's id
amac agentMacAddress mac Connector's MAC address
art agentReceiptTime timestamp When the connector took it in
at agentType string:63 Sort of connector
atz agentTimeZone string:255 Connector's time zone
av agentVersion string:31 Connector's version
customerExternalID = string:200 Customer, external id
customerURI = string:2048 Customer, URI
destinationTranslatedZoneExternalID = string:200 Destination's zone behind NAT, external id
destinationTranslatedZoneURI = string:2048 Destination's zone behind NAT, URI
destinationZoneExternalID = string:200 Destination's zone, external id
destinationZoneURI = string:2048 Destination's zone, URI
deviceTranslatedZoneExternalID = string:200 Device's zone behind NAT, external id
deviceTranslatedZoneURI = string:2048 Device's zone behind NAT, URI
deviceZoneExternalID = string:200 Device's zone, external id
deviceZoneURI = string:2048 Device's zone, URI
dlat destinationGeoLatitude float Destination's latitude
dlong destinationGeoLongitude float Destination's longitude
eventId = long ArcSight's number of the event
rawEvent = string:4000 The event as it came
slat sourceGeoLatitude float Source's latitude
slong sourceGeoLongitude float Source's longitude
sourceTranslatedZoneExternalID = string:200 Source's zone behind NAT, external id
sourceTranslatedZoneURI = string:2048 Source's zone behind NAT, URI
sourceZoneExternalID = string:200 Source's zone, external id
sourceZoneURI = string:2048 Source's zone, URI
"""

_CONSUMER_12 = """
agentTranslatedZoneKey = long Connector's zone behind NAT, number
agentZoneKey = long Connector's zone, number
customerKey = long Customer, number
deviceTranslatedZoneKey = long Device's zone behind NAT, number
deviceZoneKey = long Device's zone, number
dTranslatedZoneKey destinationTranslatedZoneKey long Destination's zone behind NAT, number
dZoneKey destinationZoneKey long Destination's zone, number
parserIdentifier = string:36 Parser file that read the event
parserVersion = string:8 Version of that parser file
sTranslatedZoneKey sourceTranslatedZoneKey long Source's zone behind NAT, number
sZoneKey sourceZoneKey long Source's zone, number
"""

# Not in the standard; in ArcSight's developer's guide, in what its connectors re-emit, and in
# the tables of Elastic and Logstash.
_CONSUMER_SEEN = """
catdt categoryDeviceType string:1023 Category: sort of device
mrt managerReceiptTime timestamp When the manager took it in
categoryBehavior = string:1023 Category: behaviour
categoryDeviceGroup = string:1023 Category: group of devices
categoryObject = string:1023 Category: object
categoryOutcome = string:1023 Category: outcome
categorySignificance = string:1023 Category: significance
categoryTechnique = string:1023 Category: technique
cryptoSignature = string:512 Signature of the event
deviceDomain = string:1023 Device's domain
deviceSeverity = string:63 Severity in the device's words
_cefVer cefVersion string Version a connector noted
locality = integer Noted by connectors
"""

# IBM, "Predefined LEEF event attributes". QRadar takes IPv4 and IPv6 in its address attributes.
_LEEF = """
cat = string With the EventID the two columns of QRadar's event map
devTime = timestamp When it happened; overrides the syslog header's time
devTimeFormat = string Java pattern of devTime when that is no epoch
proto = string Transport protocol
sev = integer Severity, 1 to 10
src = ip Source's address
dst = ip Destination's address
srcPort = integer Source's port
dstPort = integer Destination's port
srcPreNAT = ip Source's address before NAT
dstPreNAT = ip Destination's address before NAT
srcPostNAT = ip Source's address after NAT
dstPostNAT = ip Destination's address after NAT
srcPreNATPort = integer Source's port before NAT
dstPreNATPort = integer Destination's port before NAT
srcPostNATPort = integer Source's port after NAT
dstPostNATPort = integer Destination's port after NAT
usrName = string:255 User's name
srcMAC = mac Source's MAC address
dstMAC = mac Destination's MAC address
identSrc = ip Address that the identity below belongs to
identHostName = string:255 Host name of the identity
identNetBios = string:255 NetBIOS name of the identity
identGrpName = string:255 Group of the identity
vSrc = ip Address of the virtual source
vSrcName = string:255 Name of the virtual source
accountName = string:255 Account
srcBytes = long Bytes from the source
dstBytes = long Bytes from the destination
srcPackets = long Packets from the source
dstPackets = long Packets from the destination
totalPackets = long Packets both ways
role = string Kind of role of the user
realm = string Kind of realm of the user
policy = string Policy that applied
resource = string Resource concerned
url = string URL concerned
groupID = string Group concerned
domain = string Domain concerned
"""


def _rows(text: str, role: Role, since: str) -> dict[str, Key]:
    rows = {}
    for line in text.strip().split("\n"):
        name, full_name, kind, meaning = line.split(" ", 3)
        kind, _, length = kind.partition(":")
        full_name = name if full_name == "=" else full_name
        most = int(length) if length else None
        rows[name] = Key(name, full_name, cast("Kind", kind), most, role, since, meaning)
    return rows


CEF_KEYS: dict[str, Key] = (
    _rows(_PRODUCER_01, "producer", "0.1")
    | _rows(_PRODUCER_12, "producer", "1.2")
    | _rows(_CONSUMER_01, "consumer", "0.1")
    | _rows(_CONSUMER_12, "consumer", "1.2")
    | _rows(_CONSUMER_SEEN, "consumer", "")
)
LEEF_KEYS: dict[str, Key] = _rows(_LEEF, "producer", "1.0")

LABELS: dict[str, str] = {
    name.removesuffix("Label"): name for name in CEF_KEYS if name.endswith("Label")
}
"""Each custom slot of CEF and the key of its label: neither goes without the other (v27)."""

NAMES: dict[str, str] = {row.full_name.lower(): row.name for row in CEF_KEYS.values()} | {
    row.name.lower(): row.name for row in CEF_KEYS.values()
}
"""Each CEF key by its own name and by its full one (`sourceAddress` for src), in lower case."""
