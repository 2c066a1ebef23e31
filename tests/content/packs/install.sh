#!/usr/bin/env bash
# Brings Microsoft's parser of KQL into a folder of its own, for the tests of the pack for Sentinel.
# It needs npm and node; nothing is installed.
#
#     tests/content/packs/install.sh [FOLDER]   # else $CEF_BRIDGE_KUSTO, else ~/.cache/cef-bridge/kusto
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
folder=${1:-${CEF_BRIDGE_KUSTO:-${XDG_CACHE_HOME:-$HOME/.cache}/cef-bridge/kusto}}
command -v npm >/dev/null && command -v node >/dev/null || { echo "npm or node is missing" >&2; exit 1; }

mkdir -p "$folder"
if ! cmp -s "$here/kusto/package-lock.json" "$folder/package-lock.json" || [ ! -d "$folder/node_modules" ]; then
    cp "$here/kusto/package.json" "$here/kusto/package-lock.json" "$folder/"
    (cd "$folder" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error)
fi
echo "in $folder/node_modules"
