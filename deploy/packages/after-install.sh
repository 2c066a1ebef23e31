#!/bin/sh
set -e
# Compiled once, so that no start has to: the service cannot write there.
for python in python3 python3.13 python3.12 python3.11; do
    if "$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
        "$python" -m compileall -q /usr/lib/cef-bridge >/dev/null 2>&1 || true
        break
    fi
done
if [ -d /run/systemd/system ]; then
    systemctl daemon-reload || true
    systemctl try-restart cef-bridge.service || true
fi
