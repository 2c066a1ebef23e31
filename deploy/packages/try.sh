#!/bin/sh
# Install, run, upgrade and remove the packages in a root of Debian, with the commands of README.md.
#   deploy/packages/try.sh dist/*.deb dist/*.rpm dist/*.pyz
#   SUITE=trixie deploy/packages/try.sh dist/*.deb         in Debian 13 (default: bookworm)
#   PYTHONS="python3.11 /opt/python3.13/bin/python3"      those that the zipapp is tried with
# The collector is the cef-bridge of the checkout (.venv), or that of $CEF_BRIDGE. Needs root, and
# mmdebstrap; the root is kept, packed, in ~/.cache/cef-bridge/roots.
set -eu
cd "$(dirname "$0")/../.."
readme=deploy/packages/README.md
outside=${CEF_BRIDGE:-.venv/bin/cef-bridge}
suite=${SUITE:-bookworm}
packed=${XDG_CACHE_HOME:-$HOME/.cache}/cef-bridge/roots/$suite-systemd.tar
work=$(mktemp -d)
chmod 755 "$work"
root=$work/root
collector=
trap 'kill $collector 2>/dev/null || true; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP

holds() { echo "holds: $1"; }
fails() {
    echo "does not hold: $1" >&2
    shift
    for file in "$@"; do tail -n 30 "$file" | sed 's/^/    /' >&2; done
    exit 1
}
# A process in the root sees the network of the machine, and nothing else of it.
inside() {
    env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
        unshare --mount --pid --fork chroot "$root" "$@" </dev/null
}
tried() { # WHAT COMMAND...: its output is shown when it fails
    what=$1
    shift
    inside "$@" >"$work/said" 2>&1 || fails "$what" "$work/said"
}
typed() { # HEADING NUMBER: the commands of that block of README.md
    awk -v heading="## $1" -v wanted="$2" '
        /^## / { here = ($0 == heading); block = 0 }
        here && /^```sh/ { block++; inblock = 1; next }
        /^```/ { inblock = 0 }
        here && inblock && block == wanted' "$readme" >"$work/block"
    [ -s "$work/block" ] || fails "README.md has block $2 of $1"
    cat "$work/block"
}

make_root() {
    if [ ! -f "$packed" ]; then
        echo "making a root of Debian $suite"
        mkdir -p "${packed%/*}"
        DEBIAN_FRONTEND=noninteractive mmdebstrap --quiet --variant=minbase \
            --include=python3,man-db,ca-certificates,bash-completion,dbus,systemd,systemd-sysv "$suite" "$work/made.tar"
        mv "$work/made.tar" "$packed"
    fi
    mkdir "$root"
    tar -C "$root" -xf "$packed"
    rm -rf "$root/var/lib/apt/lists"/* # nothing is downloaded: what is needed is there
    printf '#!/bin/sh\nexec "$@"\n' >"$root/usr/bin/sudo"
    chmod 755 "$root/usr/bin/sudo"
}

# works WHAT: what is installed has the engine, converts, and delivers to a collector outside.
works() {
    tried "$1: --version" cef-bridge --version
    grep -q '^engine: native' "$work/said" || fails "$1: it has the native engine" "$work/said"
    cp tests/data/seed.ndjson "$root/seed.ndjson"
    tried "$1: convert" cef-bridge convert -m splunk -o /seed.cef /seed.ndjson
    [ "$(grep -c '^CEF:0|KubeArmor|' "$root/seed.cef")" = 9 ] || fails "$1: 9 messages" "$root/seed.cef"

    "$outside" generate --count 500 --seed 7 >"$root/var/log/kubearmor.log"
    "$outside" receive --listen tcp://127.0.0.1:0 --count 500 --timeout 120 -o "$work/received" 2>"$work/collector" &
    collector=$!
    for _ in $(seq 300); do
        ! grep -q '127.0.0.1:[1-9][0-9]*' "$work/collector" || break
        sleep 0.2
    done
    port=$(sed -n 's/.*127.0.0.1:\([1-9][0-9]*\).*/\1/p' "$work/collector" | head -n 1)
    typed "Debian and Ubuntu" 2 | sed "s/127.0.0.1:514/127.0.0.1:$port/" >"$root/commands"
    tried "$1: the configuration is checked" sh -e /commands
    # The command of the unit, as systemd would run it, until all is sent
    command=$(sed -n 's/^ExecStart=//p' "$root/usr/lib/systemd/system/cef-bridge.service" | sed 's|%S|/var/lib/private|')
    tried "$1: the unit's command ends with 0" sh -ec "$command --once"
    wait "$collector" || fails "$1: the collector got 500 valid messages" "$work/collector" "$work/said"
    collector=
    holds "$1: engine, convert, 500 of 500 events arrived at a collector outside by the unit's command"
}

try_deb() {
    name=${1##*/}
    cp "$1" "$root/"
    typed "Debian and Ubuntu" 1 >"$root/commands"
    tried "$name is installed by README's commands" sh -e /commands
    [ -n "$(find "$root/usr/lib/cef-bridge" -name '*.pyc' | head -n 1)" ] || fails "modules are compiled"
    tried "the installed libraries import" /usr/bin/python3 -I -c \
        "import sys; sys.path.insert(0, '/usr/lib/cef-bridge'); import confluent_kafka.admin, grpc, msgspec, orjson, urllib3, yaml, zstandard"
    works "$name on Debian $suite"

    if command -v runc >/dev/null; then
        "${outside%/*}/python" deploy/systemd/try.py "$root" || fails "systemd runs the service"
    else
        echo "runc is missing: systemd does not start the service"
    fi

    tried "man cef-bridge-forward" man -P cat cef-bridge-forward
    grep -q -e '--queue' "$work/said" || fails "the manual page of forward has --queue" "$work/said"
    tried "man finds pages without warnings" sh -c 'for page in /usr/share/man/man1/cef-bridge*; do man --warnings -l "$page" 2>&1 >/dev/null; done'
    [ ! -s "$work/said" ] || fails "no manual page has a warning" "$work/said"
    tried "bash completes" bash -c '. /usr/share/bash-completion/completions/cef-bridge && complete -p cef-bridge'
    holds "manual pages, completion"

    sum=$(sha256sum <"$root/etc/cef-bridge/forward.yaml")
    tried "it is installed again" dpkg -i "/$name"
    [ "$sum" = "$(sha256sum <"$root/etc/cef-bridge/forward.yaml")" ] || fails "dpkg -i keeps a changed configuration"
    tried "unpacked to make the next version" dpkg-deb -R "/$name" /next
    sed -i 's/^Version: .*/Version: 999.0.0/' "$root/next/DEBIAN/control"
    echo "# of the next version" >>"$root/next/etc/cef-bridge/forward.yaml"
    tried "the next version" dpkg-deb -Zgzip -z1 -b /next /next.deb
    tried "upgrade" dpkg -i --force-confold /next.deb
    [ "$sum" = "$(sha256sum <"$root/etc/cef-bridge/forward.yaml")" ] || fails "an upgrade keeps a changed configuration"
    [ -f "$root/etc/cef-bridge/forward.yaml.dpkg-dist" ] || fails "the new configuration is beside it"
    tried "after the upgrade" cef-bridge --version
    holds "installed again and upgraded: the configuration is kept"

    tried "remove" dpkg -r cef-bridge
    [ ! -e "$root/usr/lib/cef-bridge" ] && [ ! -e "$root/usr/bin/cef-bridge" ] || fails "remove leaves no program"
    [ "$sum" = "$(sha256sum <"$root/etc/cef-bridge/forward.yaml")" ] || fails "remove keeps the configuration"
    tried "purge" dpkg -P cef-bridge
    grep -q 'Queues are kept' "$work/said" || fails "purge says where queues are" "$work/said"
    [ ! -e "$root/etc/cef-bridge" ] || fails "purge leaves no configuration"
    [ -n "$(find "$root/var/lib/private/cef-bridge" -name '*.queue')" ] || fails "purge keeps the queue"
    left=$(inside find / -xdev -name '*cef-bridge*' -not -path '/proc/*' -not -path '/var/cache/man/*' -not -name '*.deb' -not -name '*.rpm' -not -path '/next*')
    [ "$left" = /var/lib/private/cef-bridge ] || fails "nothing else is left: $left"
    rm -rf "$root/next" "$root/next.deb" "$root/var/lib/private/cef-bridge"
    holds "remove keeps configuration and queue, purge the queue alone"
}

try_rpm() {
    name=${1##*/}
    rpm -K --nosignature "$1" >"$work/said" 2>&1 || fails "$name: digests" "$work/said"
    [ "$(rpm -qp --qf '%{NAME}' "$1" 2>/dev/null)" = cef-bridge ] || fails "$name: rpm -qp"
    [ "$(rpm -qp --configfiles "$1" 2>/dev/null)" = /etc/cef-bridge/forward.yaml ] || fails "$name: its configuration is one"
    # rpm knows nothing of Debian's Python: --nodeps
    rpm --root "$root" --nodeps -i "$1" >"$work/said" 2>&1 || fails "$name is installed" "$work/said"
    works "$name"
    rpm --root "$root" --nodeps -e cef-bridge >"$work/said" 2>&1 || fails "$name is removed" "$work/said"
    [ ! -e "$root/usr/lib/cef-bridge" ] || fails "$name: nothing of the program is left"
    [ -e "$root/etc/cef-bridge/forward.yaml.rpmsave" ] || fails "$name: a changed configuration is kept"
    rm -rf "$root/etc/cef-bridge" "$root/var/lib/private/cef-bridge"
    holds "$name: digests, installed, removed, the configuration is kept as .rpmsave"
}

try_pyz() {
    name=${1##*/}
    count=0
    for python in ${PYTHONS:-python3.11 python3.12 python3.13}; do
        "$python" -c '' 2>/dev/null || continue
        export SHIV_ROOT="$work/shiv-$count"
        "$python" "$1" --version >"$work/said" 2>&1 || fails "$name by $python" "$work/said"
        grep -q '^engine: native' "$work/said" || fails "$name by $python has the native engine" "$work/said"
        "$python" "$1" convert -m splunk -o "$work/pyz.cef" tests/data/seed.ndjson 2>"$work/said" || fails "$name converts" "$work/said"
        [ "$(grep -c '^CEF:0|KubeArmor|' "$work/pyz.cef")" = 9 ] || fails "$name by $python: 9 messages" "$work/pyz.cef"
        rm -rf "$SHIV_ROOT" "$work/pyz.cef"
        count=$((count + 1))
        holds "$name by $("$python" --version): engine, convert"
    done
    [ "$count" -gt 0 ] || fails "a Python of 3.11 to 3.13 is here"
    cp "$1" "$root/"
    (echo "cd /" && typed "Zipapp" 1) >"$root/commands"
    tried "$name by README's commands" sh -e /commands
    holds "$name by README's commands on Debian $suite"
}

make_root
for package in "$@"; do
    case $package in
    *.deb) try_deb "$package" ;;
    *.rpm) try_rpm "$package" ;;
    *.pyz) try_pyz "$package" ;;
    *) fails "$package is a deb, rpm or pyz" ;;
    esac
done
