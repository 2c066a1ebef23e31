#!/bin/sh
set -e
# Compiled once, so that no start has to: the service cannot write there. The same choice as /usr/bin/cef-bridge.
for python in /usr/bin/python3.13 /usr/bin/python3.12 /usr/bin/python3.11; do
    if [ -x "$python" ]; then
        "$python" -m compileall -q /usr/lib/cef-bridge >/dev/null 2>&1 || true
        break
    fi
done
if [ -d /run/systemd/system ]; then
    systemctl daemon-reload || true
    systemctl try-restart cef-bridge.service || true
fi
