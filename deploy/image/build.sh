#!/bin/sh
# Build the image, without a registry and without a daemon: buildah, on a base that mmdebstrap makes
# of Debian's packages. Needs root.
#   deploy/image/build.sh [NAME:TAG]           default: localhost/cef-bridge:latest
#   BASE=python:3.13-slim-trixie deploy/image/build.sh    on another base; REGISTRY=1: on the one of
#                                              the Containerfile, by its digest
set -eu
cd "$(dirname "$0")/../.."
image=${1:-localhost/cef-bridge:latest}
export BUILDAH_ISOLATION="${BUILDAH_ISOLATION:-chroot}"

# The pages of the live page are built here: the image is built without npm.
if command -v npm >/dev/null; then
    make --no-print-directory studio >/dev/null || echo "the pages were not built: the live page is a plain one" >&2
fi

debian=localhost/cef-bridge-debian:trixie
if [ -z "${BASE:-}" ] && [ -z "${REGISTRY:-}" ]; then
    BASE=$debian
    if ! buildah inspect --type image "$debian" >/dev/null 2>&1; then
        echo "making $debian of Debian's packages"
        work=$(mktemp -d)
        trap 'rm -rf "$work"' EXIT
        DEBIAN_FRONTEND=noninteractive mmdebstrap --quiet --variant=apt --include=python3-minimal,python3-venv,ca-certificates \
            trixie "$work/base.tar"
        container=$(buildah from scratch)
        buildah add --quiet "$container" "$work/base.tar" / >/dev/null
        buildah commit --quiet "$container" "$debian" >/dev/null
        buildah rm "$container" >/dev/null
    fi
fi

set -- --build-arg "VERSION=${VERSION:-$(sed -n 's/^__version__ = "\(.*\)"/\1/p' cef_bridge/__init__.py)}" \
    --build-arg "REVISION=$(git rev-parse HEAD 2>/dev/null || echo unknown)"
[ -z "${BASE:-}" ] || set -- "$@" --build-arg "BASE=$BASE"
# A host that trusts authorities of its own (a proxy's) lends them to pip while it builds.
authorities=/etc/ssl/certs/ca-certificates.crt
if [ -f "$authorities" ]; then
    set -- "$@" --volume "$authorities:$authorities:ro" --env "PIP_CERT=$authorities"
fi
buildah build --quiet --layers=false --timestamp "${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}" \
    "$@" --file deploy/image/Containerfile --tag "$image" . >/dev/null
buildah images --format '{{.Name}}:{{.Tag}} {{.Size}}' "$image"
