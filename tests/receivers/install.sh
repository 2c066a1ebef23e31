#!/usr/bin/env bash
# Unpacks Debian's rsyslog and syslog-ng, with what they need and the machine has not, into a
# folder of their own, for the tests and benchmarks that send to them. Nothing is installed, so the
# two do not conflict, no service starts, no AppArmor profile confines them, and no root is needed
# (only `apt-get update` is, where the machine has no package lists).
#
#     tests/receivers/install.sh [FOLDER]      # else $CEF_BRIDGE_RECEIVERS, else ~/.cache/cef-bridge/receivers
set -euo pipefail

folder=${1:-${CEF_BRIDGE_RECEIVERS:-${XDG_CACHE_HOME:-$HOME/.cache}/cef-bridge/receivers}}
rsyslog=(rsyslog rsyslog-openssl rsyslog-gnutls)
syslog_ng=(syslog-ng-core)

if [ -f "$folder/complete" ]; then
    echo "rsyslog and syslog-ng are in $folder"
    exit 0
fi
command -v apt-get dpkg-deb >/dev/null || {
    echo "apt-get and dpkg-deb are needed to unpack rsyslog and syslog-ng" >&2
    exit 1
}
debs=$(mktemp -d)
trap 'rm -rf "$debs"' EXIT
mkdir "$debs/partial"
chmod 755 "$debs"

# Two calls: they conflict, and apt would drop one of them. Nothing is locked, for nothing is changed.
wanted() {
    apt-get -qq --yes --no-install-recommends --download-only --reinstall \
        -o Debug::NoLocking=1 -o Dir::Cache::archives="$debs" -o APT::Sandbox::User=root \
        install "$@" </dev/null
}
{ wanted "${rsyslog[@]}" && wanted "${syslog_ng[@]}"; } >"$debs/log" 2>&1 || {
    { [ "$(id -u)" = 0 ] && apt-get -qq update && wanted "${rsyslog[@]}" && wanted "${syslog_ng[@]}"; } \
        >"$debs/log" 2>&1 || { tail -n 3 "$debs/log" >&2; exit 1; }
}
mkdir -p "$folder"
for deb in "$debs"/*.deb; do
    dpkg-deb -x "$deb" "$folder"
    basename "${deb%.deb}"
done >"$debs/versions"
mv "$debs/versions" "$folder/complete"
echo "unpacked into $folder:"
sed 's/^/  /' "$folder/complete"
