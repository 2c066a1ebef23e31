#!/bin/sh
# Run the image as a cluster would (read-only root, user 10001, no capability), and see that it works:
# convert; forward to a collector outside; SIGTERM; a root that is read-only; a user that is another one.
#   deploy/image/try.sh [NAME:TAG]             default: localhost/cef-bridge:latest
# The collector is the cef-bridge of the checkout (.venv), or that of $CEF_BRIDGE. Needs root.
set -eu
cd "$(dirname "$0")/../.."
image=${1:-localhost/cef-bridge:latest}
outside=${CEF_BRIDGE:-.venv/bin/cef-bridge}
work=$(mktemp -d)
chmod 755 "$work"
collector= forwarder=
trap 'kill $collector $forwarder 2>/dev/null || true; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP

container() { python3 deploy/image/run.py "$@"; }
holds() { echo "holds: $1"; }
fails() {
    echo "does not hold: $1" >&2
    shift
    for file in "$@"; do sed 's/^/    /' "$file" >&2; done
    exit 1
}
# wait_for SECONDS COMMAND...
wait_for() {
    seconds=$1
    shift
    for _ in $(seq $((seconds * 5))); do
        ! "$@" >/dev/null 2>&1 || return 0
        sleep 0.2
    done
    return 1
}

container "$image" --version >"$work/version"
cat "$work/version"
grep -q '^engine: native' "$work/version" || fails "the image has the native engine" "$work/version"

container "$image" convert -m splunk <tests/data/seed.ndjson >"$work/seed.cef" 2>"$work/err" ||
    fails "convert ends with 0" "$work/err"
[ "$(grep -c '^CEF:0|KubeArmor|' "$work/seed.cef")" = 9 ] || fails "convert writes 9 messages" "$work/seed.cef"
holds "convert: 9 messages of the 9 events of tests/data/seed.ndjson"

if [ -f cef_bridge/studio/static/live.html ]; then
    container --entrypoint /opt/cef-bridge/bin/python "$image" -c \
        'from cef_bridge.forward.live_page import BUILT; raise SystemExit(not (BUILT / "live.html").is_file())' ||
        fails "the image has the pages that make studio built"
    holds "the live page's built pages are in the image"
fi

mkdir -m 700 "$work/state"
chown 10001:10001 "$work/state"
container "$image" generate --count 2000 --seed 7 >"$work/events.log"
chmod 644 "$work/events.log"
"$outside" receive --listen tcp://127.0.0.1:0 --count 2000 --timeout 120 -o "$work/received" 2>"$work/collector" &
collector=$!
wait_for 60 grep -qo '127.0.0.1:[1-9][0-9]*' "$work/collector" || fails "the collector listens" "$work/collector"
port=$(sed -n 's/.*127.0.0.1:\([1-9][0-9]*\).*/\1/p' "$work/collector" | head -n 1)
container --volume "$work/state:/var/lib/cef-bridge" --volume "$work/events.log:/events.log:ro" "$image" \
    forward --from /events.log --to "tcp://127.0.0.1:$port" -m splunk --queue /var/lib/cef-bridge --once \
    >"$work/forward" 2>&1 || fails "forward --once ends with 0" "$work/forward"
wait "$collector" || fails "the collector got 2,000 valid messages" "$work/collector"
collector=
holds "forward: 2,000 of 2,000 events arrived at a collector outside"

# Nothing listens on this port now: what is sent waits in the queue, and SIGTERM ends with 0.
# (not by the function: its shell would get the signal)
python3 deploy/image/run.py --volume "$work/state:/var/lib/cef-bridge" --volume "$work:/logs:ro" "$image" \
    forward --from /logs/events.log --to "tcp://127.0.0.1:$port/?connect_timeout=1" -m qradar \
    --queue /var/lib/cef-bridge/second --grace 1s >"$work/stopped" 2>&1 &
forwarder=$!
waiting() { "$outside" queue status "$work/state/second" 2>&1 | grep -q '2,000'; }
wait_for 120 waiting || fails "2,000 messages wait in the queue" "$work/stopped"
kill -TERM "$forwarder"
code=0
wait "$forwarder" || code=$?
forwarder=
[ "$code" = 0 ] || fails "SIGTERM ends with 0, not $code" "$work/stopped"
container --volume "$work/state:/var/lib/cef-bridge" "$image" queue status /var/lib/cef-bridge/second \
    >"$work/queue" 2>&1 || true
grep -q '2,000' "$work/queue" || fails "2,000 messages are kept in the queue" "$work/queue" "$work/stopped"
[ -z "$(find "$work/state" -type f -perm /077)" ] || fails "no file of the queue is open to others"
holds "SIGTERM: exit code 0, the queue is kept, its files are open to their user alone"

cat >"$work/write.py" <<'PYTHON'
import errno
for place in ("/opt/cef-bridge/x", "/etc/x", "/x"):
    try:
        open(place, "w")
    except OSError as error:
        assert error.errno in (errno.EROFS, errno.EACCES), error
    else:
        raise SystemExit(f"{place} could be written")
PYTHON
container --volume "$work/write.py:/write.py:ro" --entrypoint /opt/cef-bridge/bin/python "$image" /write.py ||
    fails "nothing but the volume and /tmp can be written"
holds "the root is read-only, and nothing needs it otherwise"

code=0
container --user 12345 --volume "$work/state:/var/lib/cef-bridge" "$image" \
    forward --from - --to "tcp://127.0.0.1:$port" --queue /var/lib/cef-bridge --once \
    </dev/null >"$work/other" 2>&1 || code=$?
{ [ "$code" = 1 ] || [ "$code" = 2 ]; } || fails "another user's queue ends with 1 or 2, not $code" "$work/other"
grep -q '/var/lib/cef-bridge' "$work/other" || fails "the error names the folder" "$work/other"
! grep -q Traceback "$work/other" || fails "no traceback" "$work/other"
holds "a user that may not write the queue: exit code $code: $(tail -n 1 "$work/other")"

echo "size: $(buildah images --format '{{.Size}}' "$image" | head -n 1) unpacked"
