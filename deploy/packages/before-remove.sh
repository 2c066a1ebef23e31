#!/bin/sh
set -e
# dpkg says "upgrade" where a newer version follows, rpm says 1.
case "${1:-}" in
upgrade | 1) ;;
*)
    if [ -d /run/systemd/system ]; then
        systemctl disable --now cef-bridge.service || true
    fi
    ;;
esac
find /usr/lib/cef-bridge -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true
