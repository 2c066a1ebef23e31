"""Build all that a version is published as: `make release VERSION=0.2.0` writes it into dist/.

In comes a commit (the tag v0.2.0 where it exists, else HEAD), out go a wheel with the engine, an
sdist, a zipapp, a deb, an rpm, the chart, the image, a bill of materials, and SHA256SUMS. Built
twice from one commit, the wheel, sdist, zipapp and chart have the same bytes.

What needs a tool that is missing is left out, and named; with --all that is an error.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

import licenses
import notes
from libraries import gather

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[2]
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
VERSION = re.compile(r"\d+\.\d+\.\d+(?:(?:a|b|rc)\d+)?")


class LeftOutError(Exception):
    """Something cannot be built here; the text says why."""


def run(*words: object, **options: object) -> str:
    """Run a command; return what it printed. What it says of trouble is shown."""
    done = subprocess.run(
        [str(word) for word in words], stdout=subprocess.PIPE, text=True, check=False, **options
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, words[:3]))} … failed:\n{done.stdout}")
    return done.stdout.strip()


def needed(name: str) -> str:
    """Return the path of a tool. Raises LeftOutError where it is missing."""
    beside = Path(sys.executable).with_name(name)
    cached = Path(
        os.environ.get("CEF_BRIDGE_DEPLOY", Path.home() / ".cache/cef-bridge/deploy"), "bin", name
    )
    found = next((str(it) for it in (beside, cached) if it.exists()), shutil.which(name))
    if found is None:
        raise LeftOutError(f"{name} is missing")
    return found


def machine() -> str:
    """Return the processor's name, such as x86_64."""
    return sysconfig.get_platform().rpartition("-")[2]


class Release:
    """One version, its sources in a folder of their own, and what has been built of it."""

    def __init__(self, version: str, work: Path, out: Path) -> None:
        self.version, self.out = version, out
        self.semantic = re.sub(r"(a|b|rc)(\d+)$", r"-\1.\2", version)
        """The same as Helm, Cargo and nfpm write it: 0.2.0-rc.1."""
        self.glibc = ""
        self.source, self.stage = work / "source", work / "stage"
        self._work = work
        tag = f"v{version}"
        known = run("git", "-C", ROOT, "tag", "--list", tag)
        self.commit = run("git", "-C", ROOT, "rev-parse", f"{tag if known else 'HEAD'}^{{commit}}")
        if not known:
            print(f"there is no tag {tag}: this builds the current commit, {self.commit[:12]}")
        self.epoch = run("git", "-C", ROOT, "log", "-1", "--format=%ct", self.commit)
        self.env = {
            **os.environ,
            "SOURCE_DATE_EPOCH": self.epoch,
            "CARGO_TARGET_DIR": str(work / "target"),
            "CEF_BRIDGE_BUILD": "require",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        }
        archive = work / "source.tar"
        run("git", "-C", ROOT, "archive", "--output", archive, self.commit)
        with tarfile.open(archive) as packed:
            packed.extractall(self.source, filter="data")
        self._name_the_version()
        if known:  # only what has its section in the changelog is published
            notes.section((self.source / "CHANGELOG.md").read_text(encoding="utf-8"), version)

    def _name_the_version(self) -> None:
        """Write the version into the sources, wherever they have one."""
        for name, pattern in (
            ("cef_bridge/__init__.py", r'(?<=__version__ = ")[^"]+'),
            ("engine/Cargo.toml", r'(?m)(?<=^version = ")[^"]+'),
            ("engine/Cargo.lock", r'(?<=name = "cef-bridge-engine"\nversion = ")[^"]+'),
            ("deploy/chart/cef-bridge/Chart.yaml", r"(?m)(?<=^version: )\S+"),
            ("deploy/chart/cef-bridge/Chart.yaml", r"(?m)(?<=^appVersion: )\S+"),
        ):
            path = self.source / name
            if path.exists():
                text = path.read_text(encoding="utf-8")
                made = (
                    self.version
                    if "appVersion" in pattern or name.endswith(".py")
                    else self.semantic
                )
                path.write_text(re.sub(pattern, made, text), encoding="utf-8")

    def python(self) -> None:
        """Wheel with the engine, and sdist. The wheel says which glibc the engine needs."""
        build = ("cargo", "build", "--release", "--offline", "--locked", "--quiet")
        run(*build, cwd=self.source / "engine", env=self.env)
        library = self._work / "target/release/libcef_bridge_engine.so"
        found = re.findall(r"GLIBC_(\d+)\.(\d+)", run(needed("objdump"), "-T", library))
        major, minor = max((int(major), int(minor)) for major, minor in found)
        self.glibc = f"{major}.{minor}"
        self.env["CEF_BRIDGE_PLATFORM"] = f"manylinux_{major}_{minor}_{machine()}"
        run(
            *(sys.executable, "-m", "hatchling", "build", "-d", self.out, "-t", "sdist"),
            *("-t", "wheel"),
            cwd=self.source,
            env=self.env,
        )

    def libraries(self) -> Path:
        """Return a folder with the package and its libraries; made once."""
        folder = self.stage / "lib"
        if not folder.exists():
            needed("strip")
            (wheel,) = self.out.glob("*.whl")
            gather(folder, wheel, self.source / "deploy/image/requirements.txt", self.env)
        return folder

    def zipapp(self) -> None:
        """One file that a Python of 3.11 to 3.13 runs."""
        (wheel,) = self.out.glob("*.whl")
        run(
            *(needed("shiv"), "--reproducible", "--compressed", "--site-packages"),
            *(self.libraries(), "--entry-point", "cef_bridge.cli:main"),
            *("--python", "/usr/bin/env python3"),
            *("--output-file", self.out / f"cef-bridge-{self.version}-{machine()}.pyz"),
            *("--quiet", "--no-deps", "--no-index", wheel),  # pip's
            env=self.env,
        )

    def packages(self) -> None:
        """Deb and rpm: the libraries, the unit, man pages, completion."""
        nfpm = needed("nfpm")
        lib, man = self.libraries(), self.stage / "man"
        env = {**self.env, "PYTHONPATH": str(lib), "PYTHONDONTWRITEBYTECODE": "1"}
        shutil.copy(self.source / "deploy/packages/main.py", lib / "__main__.py")
        (self.stage / "licenses.txt").write_text(licenses.text(lib), encoding="utf-8")
        run(sys.executable, self.source / "deploy/packages/man.py", man, env=env)
        (self.stage / "completion").mkdir(exist_ok=True)
        for shell in ("bash", "zsh", "fish"):
            text = run(sys.executable, lib, "completion", shell, env=env)
            (self.stage / "completion" / shell).write_text(text + "\n", encoding="utf-8")
        # Whoever publishes sets theirs. `.invalid` is the top-level domain that never exists.
        nobody = "The cef-bridge authors <authors@cef-bridge.invalid>"
        maintainer = os.environ.get("MAINTAINER", nobody)
        date = format_datetime(datetime.fromtimestamp(int(self.epoch), UTC))
        entry = f"cef-bridge ({self.version}) stable; urgency=medium\n\n  * See CHANGELOG.md.\n\n"
        (self.stage / "changelog.gz").write_bytes(
            gzip.compress(f"{entry} -- {maintainer}  {date}\n".encode(), mtime=0)
        )
        # nfpm replaces variables in some of its settings only: they are filled in here.
        config = Template((self.source / "deploy/packages/nfpm.yaml").read_text(encoding="utf-8"))
        filled = config.substitute(
            STAGE=self.stage,
            VERSION=self.semantic,
            ARCH=ARCHITECTURES.get(machine(), machine()),
            GLIBC=self.glibc,
            MAINTAINER=maintainer,
            MTIME=datetime.fromtimestamp(int(self.epoch), UTC).isoformat(),
        )
        (self.stage / "nfpm.yaml").write_text(filled, encoding="utf-8")
        for path in (self.stage, *self.stage.rglob("*"), *self.source.rglob("*")):
            os.utime(path, (int(self.epoch), int(self.epoch)), follow_symlinks=False)
        for kind in ("deb", "rpm"):
            run(
                *(nfpm, "package", "--config", self.stage / "nfpm.yaml"),
                *("--packager", kind, "--target", self.out),
                cwd=self.source,
                env=self.env,
            )

    def chart(self) -> None:
        """The chart, packed with the commit's time."""
        folder = self.source / "deploy/chart/cef-bridge"
        if not folder.exists():
            raise LeftOutError("deploy/chart/cef-bridge is missing")
        run(needed("helm"), "lint", "--strict", folder, env=self.env)
        path = self.out / f"cef-bridge-chart-{self.semantic}.tgz"
        # helm packs with today's time: tar gives the same bytes each time.
        with tarfile.open(self._work / "chart.tar", "w") as packed:
            for each in sorted(folder.rglob("*")):
                if each.is_file():
                    packed.add(each, f"cef-bridge/{each.relative_to(folder)}", filter=self._plain)
        path.write_bytes(gzip.compress((self._work / "chart.tar").read_bytes(), mtime=0))
        run(needed("helm"), "show", "chart", path, env=self.env)

    def _plain(self, entry: tarfile.TarInfo) -> tarfile.TarInfo:
        entry.uid = entry.gid = 0
        entry.uname = entry.gname = ""
        entry.mtime, entry.mode = int(self.epoch), 0o644
        return entry

    def image(self) -> None:
        """The image as an archive of OCI's layout."""
        buildah = needed("buildah")
        if os.geteuid() != 0:
            raise LeftOutError("the image is built by root")
        name = f"localhost/cef-bridge:{self.version}"
        run("sh", "deploy/image/build.sh", name, cwd=self.source, env=self.env)
        place = self.out / f"cef-bridge-{self.version}-{machine()}-image.tar"
        place.unlink(missing_ok=True)
        run(buildah, "push", "--quiet", name, f"oci-archive:{place}:{self.version}")

    def materials(self) -> None:
        """What ships, as CycloneDX: each library with its version and hashes."""
        run(
            *(needed("cyclonedx-py"), "requirements", "--output-reproducible", "--pyproject"),
            *("pyproject.toml", "--output-format", "JSON", "--output-file"),
            *(self.out / f"cef-bridge-{self.version}.cdx.json", "deploy/image/requirements.txt"),
            cwd=self.source,
            env=self.env,
        )

    def sums(self) -> None:
        """SHA256SUMS of all files, as sha256sum --check reads it."""
        files = sorted(path for path in self.out.iterdir() if path.name != "SHA256SUMS")
        rows = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files]
        (self.out / "SHA256SUMS").write_text("".join(rows), encoding="utf-8")


def main() -> int:
    """Build; return the exit code."""
    parser = argparse.ArgumentParser(description="Build all that a version is published as.")
    parser.add_argument("version")
    parser.add_argument("--out", type=Path, default=ROOT / "dist")
    parser.add_argument("--all", action="store_true", help="what cannot be built is an error")
    parser.add_argument("--without", action="append", default=[], help="image, chart, packages …")
    given = parser.parse_args()
    if not VERSION.fullmatch(given.version):
        parser.error(f"{given.version} is no version. Expected one such as 0.2.0 or 0.2.0rc1.")
    shutil.rmtree(given.out, ignore_errors=True)
    given.out.mkdir(parents=True)
    left = False
    with tempfile.TemporaryDirectory(prefix="cef-bridge-release-") as work:
        release = Release(given.version, Path(work), given.out.resolve())
        steps: list[Callable[[], None]] = [
            *(release.python, release.zipapp, release.packages, release.chart, release.image),
            *(release.materials, release.sums),
        ]
        for step in steps:
            if step.__name__ in given.without:
                continue
            try:
                step()
            except LeftOutError as reason:
                left = True
                print(f"left out: {step.__name__}: {reason}")
    for path in sorted(given.out.iterdir()):
        print(f"{path.stat().st_size:>12,}  {path.name}")
    return int(left and given.all)


if __name__ == "__main__":
    sys.exit(main())
