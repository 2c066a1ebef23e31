#!/bin/sh
set -e
if [ -d /run/systemd/system ]; then
    systemctl daemon-reload || true
fi
# dpkg says "purge", rpm says 0 when nothing is left of the package.
case "${1:-}" in
purge | 0)
    if [ -d /var/lib/private/cef-bridge ]; then
        echo "Queues are kept in /var/lib/private/cef-bridge: they may hold messages that were not sent."
    fi
    ;;
esac
