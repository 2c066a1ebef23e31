"""Which field of ECS decode_cef writes a key to, as a table.

In comes nothing; out comes `ECS`: full name of a CEF key -> field. Keys that are not here stay in
`cef.extensions`. The rows are those of beats' decode_cef/keys.ecs.go.
"""

from __future__ import annotations

_ROWS = """
agentAddress agent.ip
agentDnsDomain agent.name
agentHostName agent.name
agentId agent.id
agentMacAddress agent.mac
agentReceiptTime event.created
agentType agent.type
agentVersion agent.version
applicationProtocol network.application
bytesIn source.bytes
bytesOut destination.bytes
customerExternalID organization.id
customerURI organization.name
destinationAddress destination.ip
destinationDnsDomain destination.domain
destinationGeoLatitude destination.geo.location.lat
destinationGeoLongitude destination.geo.location.lon
destinationHostName destination.domain
destinationMacAddress destination.mac
destinationPort destination.port
destinationProcessId destination.process.pid
destinationProcessName destination.process.name
destinationServiceName destination.service.name
destinationTranslatedAddress destination.nat.ip
destinationTranslatedPort destination.nat.port
destinationUserId destination.user.id
destinationUserName destination.user.name
destinationUserPrivileges destination.user.group.name
deviceAction event.action
deviceAddress observer.ip
deviceDirection network.direction
deviceDnsDomain observer.hostname
deviceHostName observer.hostname
deviceMacAddress observer.mac
devicePayloadId event.id
deviceProcessId process.pid
deviceProcessName process.name
deviceReceiptTime @timestamp
deviceTimeZone event.timezone
endTime event.end
eventId event.id
eventOutcome event.outcome
fileCreateTime file.created
fileId file.inode
fileModificationTime file.mtime
filename file.name
filePath file.path
filePermission file.group
fileSize file.size
fileType file.type
message message
requestClientApplication user_agent.original
requestContext http.request.referrer
requestMethod http.request.method
requestUrl url.original
sourceAddress source.ip
sourceDnsDomain source.domain
sourceGeoLatitude source.geo.location.lat
sourceGeoLongitude source.geo.location.lon
sourceHostName source.domain
sourceMacAddress source.mac
sourcePort source.port
sourceProcessId source.process.pid
sourceProcessName source.process.name
sourceServiceName source.service.name
sourceTranslatedAddress source.nat.ip
sourceTranslatedPort source.nat.port
sourceUserId source.user.id
sourceUserName source.user.name
sourceUserPrivileges source.user.group.name
startTime event.start
transportProtocol network.transport
type event.kind
"""

ECS: dict[str, str] = {row.split()[0]: row.split()[1] for row in _ROWS.strip().splitlines()}
