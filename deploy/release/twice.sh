#!/bin/sh
# Build a release twice, in folders of different names, and compare: what must have the same bytes has.
#   deploy/release/twice.sh 0.2.0 [--without image …]      takes what release.py takes
# PYTHON names another Python than that of .venv.
set -eu
cd "$(dirname "$0")/../.."
python=${PYTHON:-.venv/bin/python}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for build in first the-second-one; do
    mkdir "$work/$build.tmp"
    TMPDIR=$work/$build.tmp "$python" deploy/release/release.py "$@" --out "$work/$build" >"$work/log" 2>&1 ||
        { cat "$work/log" >&2; exit 1; }
done
grep '^left out' "$work/log" || true
same=0
for file in "$work"/first/*; do
    name=${file##*/}
    if cmp -s "$file" "$work/the-second-one/$name"; then
        echo "the same bytes: $name"
    else
        case $name in
        *.whl | *.tar.gz | *.pyz | *.deb | *.rpm | *-chart-*.tgz | *.cdx.json)
            echo "other bytes, and they must be the same: $name" >&2
            same=1
            ;;
        *) echo "other bytes: $name" ;;
        esac
    fi
done
exit $same
