#!/bin/sh
# Write both requirements files: every package that the image gets, its version and its hashes, for all
# platforms and Python 3.11 and later. Needs uv (pip install uv). Run it to take newer versions.
set -eu
cd "$(dirname "$0")/../.."
lock() {
    uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header \
        --no-annotate --no-config "$@"
}
lock --extra kafka --extra http pyproject.toml --output-file deploy/image/requirements.txt
echo hatchling | lock - --output-file deploy/image/requirements-build.txt
