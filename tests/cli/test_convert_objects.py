"""`convert` from and to a real S3 server: the same bytes as from disk, whole objects or none."""

from __future__ import annotations

import gzip
import io
import json
import signal
import subprocess
import sys
import tarfile
import time

import commands
import pytest
from commands import COMMAND
from running import Ran, convert, event, events, names, plain, start
from s3_server import OWNER, READER, CuttingProxy

PART = 8 << 20  # of an upload


def tar(files: dict[str, bytes]) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz", compresslevel=1) as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return made.getvalue()


def large(count: int = 26_000) -> bytes:
    """Return some 20 MB, more than two blocks of a reader."""
    one = events(1000)
    return b"".join(one.replace(b"/srv/file-", b"/srv/%d-" % turn) for turn in range(count // 1000))


@pytest.fixture(scope="module")
def inputs() -> dict[str, bytes]:
    return {
        "2026/11/28/a.json": large(),
        "2026/11/28/b.json.gz": gzip.compress(events(3000), 1),
        "2026/11/29/c.tar.gz": tar({"x": events(200), "y": events(100)}),
        "2026/11/29/d.json": events(7),
        "2026/11/29/.hidden": events(1),
        "2026/other.txt": b"nothing\n",
    }


@pytest.fixture(scope="module")
def archive(s3, inputs, tmp_path_factory):
    """The same files in a bucket and in a folder."""
    folder, bucket = tmp_path_factory.mktemp("disk"), s3.bucket()
    for name, data in inputs.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        s3.files.pipe_file(f"{bucket}/{name}", data)
    return folder, bucket


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize(
    "pattern",
    [
        "2026/11/28/a.json",
        "2026/11/28/b.json.gz",
        "2026/11/29/c.tar.gz",
        "2026/*/*/*.gz",
        "2026/**/*.json",
        "2026/11",
    ],
)
def test_events_of_s3_become_the_bytes_that_those_on_disk_become(
    s3, archive, tmp_path, pattern, jobs
):
    folder, bucket = archive
    ours = ["-j", jobs, "-o", tmp_path / "s3.cef", "--report", tmp_path / "s3.json"]
    theirs = ["-j", 1, "-o", tmp_path / "disk.cef", "--report", tmp_path / "disk.json"]
    ran = convert(f"s3://{bucket}/{pattern}", *ours, env=s3.env())
    local = convert(folder / pattern, *theirs)
    assert (ran.code, ran.counts) == (0, local.counts)
    assert (tmp_path / "s3.cef").read_bytes() == (tmp_path / "disk.cef").read_bytes()
    said, known = (json.loads((tmp_path / it).read_bytes()) for it in ("s3.json", "disk.json"))
    assert said["output_sha256"] == known["output_sha256"]
    rows = [(row["bytes"], row["sha256"], row["lines"]) for row in known["inputs"]]
    assert [(row["bytes"], row["sha256"], row["lines"]) for row in said["inputs"]] == rows
    where = [row["name"].replace(str(folder), f"s3://{bucket}") for row in known["inputs"]]
    assert [row["name"] for row in said["inputs"]] == where


def test_messages_rejects_and_report_become_objects(s3, tmp_path):
    bucket = s3.bucket()
    s3.files.pipe_file(f"{bucket}/in.json", b"nothing\n" + event(1) + b'\n{"Operation":"File"\n')
    to = [
        f"s3://{bucket}/{name}" for name in ("new/out.cef", "new/bad.jsonl", "new/deep/report.json")
    ]
    words = ["-o", to[0], "--rejects", to[1], "--report", to[2]]
    ran = convert(f"s3://{bucket}/in.json", *words, env=s3.env())
    assert ran.code == 3
    assert f"rejected 1, at s3://{bucket}/in.json:3: not JSON" in ran.err
    convert("-", "-o", tmp_path / "out.cef", stdin=event(1) + b"\n")
    assert s3.files.cat_file(to[0]) == (tmp_path / "out.cef").read_bytes()
    row = json.loads(s3.files.cat_file(to[1]))
    assert (row["source"], row["line"]) == (f"s3://{bucket}/in.json", 3)
    report = json.loads(s3.files.cat_file(to[2]))
    assert (report["output"], report["complete"]) == (to[0], True)
    assert s3.uploads(bucket) == []


def test_an_output_of_many_parts_is_the_same(s3, archive, tmp_path):
    folder, bucket = archive
    to = f"s3://{s3.bucket()}/big.cef"
    assert convert(f"s3://{bucket}/2026/11/28/a.json", "-o", to, env=s3.env()).code == 0
    convert(folder / "2026/11/28/a.json", "-o", tmp_path / "big.cef")
    expected = (tmp_path / "big.cef").read_bytes()
    assert len(expected) > 2 * PART
    assert s3.files.cat_file(to) == expected


# --- whole or not at all


def uploading(s3, bucket: str):
    """Start a run that has sent a part of its object, and waits for more events."""
    process = start("-", "-j", 1, "-o", f"s3://{bucket}/out.cef", env=s3.env() | {"PATH": "/bin"})
    process.stdin.write(large())
    until = time.monotonic() + 60
    while s3.uploads(bucket) != ["out.cef"]:
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < until
        time.sleep(0.05)
    return process


@pytest.mark.parametrize("old", [b"old\n", None])
def test_kill_9_in_the_middle_leaves_no_object_and_an_old_one_as_it_was(s3, old):
    bucket = s3.bucket()
    if old is not None:
        s3.files.pipe_file(f"{bucket}/out.cef", old)
    with uploading(s3, bucket) as process:
        process.kill()
    found = s3.files.find(bucket)
    assert found == ([] if old is None else [f"{bucket}/out.cef"])
    assert old is None or s3.files.cat_file(f"{bucket}/out.cef") == old
    assert convert("-", "-o", f"s3://{bucket}/out.cef", stdin=events(1), env=s3.env()).code == 0
    assert s3.files.cat_file(f"{bucket}/out.cef").startswith(b"CEF:0|KubeArmor|")


def test_an_interrupted_run_aborts_its_upload(s3):
    bucket = s3.bucket()
    with uploading(s3, bucket) as process:
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert f"s3://{bucket}/out.cef was not written" in plain(err.decode())
    assert (s3.files.find(bucket), s3.uploads(bucket)) == ([], [])


def test_a_run_that_fails_leaves_no_object(s3):
    bucket = s3.bucket()
    lines = large() + b'{"Operation":"File"\n'
    words = ["-o", f"s3://{bucket}/out.cef", "--rejects", "/dev/full"]
    ran = convert("-", *words, stdin=lines, env=s3.env())
    assert ran.code == 1
    assert "cannot write /dev/full: the disk is full after 0 bytes" in ran.err
    assert (s3.files.find(bucket), s3.uploads(bucket)) == ([], [])


# --- connections that break, objects that change


def test_a_connection_that_breaks_in_the_middle_of_an_object_costs_no_byte(s3, archive, tmp_path):
    folder, bucket = archive
    with CuttingProxy(s3.port, cuts=7) as proxy:  # more often than s3fs itself tries again
        ran = convert(
            f"s3://{bucket}/2026/11/28/a.json",
            *("-o", tmp_path / "s3.cef"),
            env=s3.env(endpoint=proxy.endpoint),
        )
        assert (ran.code, proxy.cut) == (0, 7)
    convert(folder / "2026/11/28/a.json", "-o", tmp_path / "disk.cef")
    assert (tmp_path / "s3.cef").read_bytes() == (tmp_path / "disk.cef").read_bytes()


def test_an_object_that_is_replaced_while_it_is_read_is_not_mixed_with_the_new_one(s3, tmp_path):
    bucket = s3.bucket()
    old = large()
    s3.files.pipe_file(f"{bucket}/a.json", old)
    s3.files.pipe_file(f"{bucket}/b.json", event(5, Resource="/srv/behind") + b"\n")
    new = old.replace(b"/srv/", b"/new/")

    def replace() -> None:
        s3.files.pipe_file(f"{bucket}/a.json", new)

    with CuttingProxy(s3.port, during=replace) as proxy:
        out, bad = tmp_path / "out.cef", tmp_path / "bad.jsonl"
        words = [f"s3://{bucket}/*", "-o", out, "--rejects", bad]
        ran = convert(*words, env=s3.env(endpoint=proxy.endpoint))
    assert ran.code == 3
    row = json.loads(bad.read_bytes().splitlines()[-1])
    assert row["source"] == f"s3://{bucket}/a.json"
    assert row["reason"] == (
        "reading stopped after 8,388,608 bytes: the object was replaced by another version. Run this "
        "again"
    )
    messages = out.read_bytes()
    assert b"/srv/0-1" in messages
    assert b"/new/" not in messages
    assert b"/srv/behind" in messages


# --- what an operator reads


def said(s3, *words: object, env: dict[str, str]) -> tuple[int, str]:
    ran = convert(*words, env={**s3.env(), **env})
    assert OWNER[1] not in ran.err
    return ran.code, ran.err.rstrip("\n")


def test_what_goes_wrong_is_a_sentence(s3, archive, tmp_path):
    _, bucket = archive
    out = ["-o", tmp_path / "out.cef"]
    url = f"s3://{bucket}/2026/other.txt"
    nobody = {"AWS_ACCESS_KEY_ID": "nobody"}
    wrong = {"AWS_SECRET_ACCESS_KEY": "wrong"}
    no_keys = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
    reader = {"AWS_ACCESS_KEY_ID": READER[0], "AWS_SECRET_ACCESS_KEY": READER[1]}
    bucket_help = "no such bucket. Check its name, and AWS_ENDPOINT_URL if it is not at AWS"
    expected = [
        (["s3://no-bucket/a"], {}, 2, f"s3://no-bucket/a: {bucket_help}"),
        (["s3://no-bucket/*/a"], {}, 2, f"s3://no-bucket/*/a: {bucket_help}"),
        (["s3://Bad_Name!/a"], {}, 2, "s3://Bad_Name!/a: this is no valid name of a bucket"),
        (["s3://"], {}, 2, "s3://: it names no bucket"),
        ([f"{url}x"], {}, 2, f"{url}x: no such object or folder"),
        ([f"s3://{bucket}/x*"], {}, 2, f"s3://{bucket}/x*: no object matches this pattern"),
        (
            [url],
            nobody,
            2,
            (
                f"{url}: the store does not know the access key. Check AWS_ACCESS_KEY_ID or AWS_PROFILE, "
                "and AWS_ENDPOINT_URL if it is not at AWS"
            ),
        ),
        (
            [url],
            wrong,
            2,
            f"{url}: the secret key does not belong to the access key. Check AWS_SECRET_ACCESS_KEY",
        ),
        (
            [url],
            no_keys,
            2,
            (
                f"{url}: no credentials found. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or "
                "AWS_PROFILE"
            ),
        ),
        (
            [url],
            reader,
            2,
            f"{url}: access denied. The credentials in use do not allow this, or are wrong",
        ),
        (
            [url],
            {"AWS_ENDPOINT_URL_S3": "http://127.0.0.1:1"},
            1,
            (
                f"{url}: cannot reach http://127.0.0.1:1. Check the network, and AWS_ENDPOINT_URL if it "
                "is set"
            ),
        ),
        (
            ["s4://bucket/a"],
            {},
            2,
            (
                "s4:// is no known kind of URL. Expected s3://, gs://, abfs:// or another protocol of "
                "fsspec."
            ),
        ),
        (
            ["s3://me:secret@bucket/a"],
            {},
            2,
            (
                "s3://me:…@bucket/a: a password in a URL can be read by others on this machine. Give "
                "credentials by the environment."
            ),
        ),
    ]
    for words, env, code, sentence in expected:
        assert said(s3, *words, *out, env=env) == (code, f"cef-bridge: {sentence}")
    assert names(tmp_path) == []


def test_an_output_that_cannot_be_written_is_found_before_anything_is_converted(s3, archive):
    folder, bucket = archive
    reader = {"AWS_ACCESS_KEY_ID": READER[0], "AWS_SECRET_ACCESS_KEY": READER[1]}
    local = folder / "2026/11/29/d.json"
    nobody = {"AWS_ACCESS_KEY_ID": "nobody"}
    for to, env, words in (
        ("s3://no-bucket/out.cef", {}, "no such bucket."),
        (f"s3://{bucket}/", {}, "it names no object; add a name behind the bucket"),
        (f"s3://{bucket}", {}, "it names no object; add a name behind the bucket"),
        (f"s3://{bucket}/*.cef", {}, "it is a pattern; name one object"),
        (f"s3://{bucket}/out.cef", nobody, "the store does not know the access key."),
    ):
        code, err = said(s3, local, "-o", to, env=env)
        assert (code, err.startswith(f"cef-bridge: cannot write {to}: {words}")) == (2, True), err
    code, err = said(s3, local, "-o", "s3://open/out.cef", env=reader)
    assert code == 1
    assert err.startswith("cef-bridge: cannot write s3://open/out.cef: access denied.")
    assert s3.files.find("open") == []


def test_a_checkpoint_is_a_file_of_this_machine(s3, archive, tmp_path):
    _, bucket = archive
    words = [f"s3://{bucket}/2026", "-o", tmp_path / "out", "--checkpoint", f"s3://{bucket}/state"]
    assert said(s3, *words, env={}) == (
        2,
        f"cef-bridge: s3://{bucket}/state: a checkpoint is a file of this machine. Name a path.",
    )


def test_an_object_is_no_output_when_it_is_an_input(s3, archive):
    _, bucket = archive
    url = f"s3://{bucket}/2026/11/29/d.json"
    words = [f"s3://{bucket}/2026/11/29", "-o", url.replace("s3://", "s3a://")]
    assert said(s3, *words, env={}) == (2, f"cef-bridge: {url} is an input. Name another file.")
    words = [url, "-o", "s3://open/x", "--rejects", "s3://open/x"]
    needs = "cef-bridge: the output, the rejects and the report need a file each."
    assert said(s3, *words, env={}) == (2, needs)


@pytest.mark.parametrize("words", [["-v"], ["--debug"], ["-v", "--log-format", "json"]])
def test_no_log_has_credentials_or_signatures(s3, archive, tmp_path, words):
    _, bucket = archive
    done = commands.run(
        [COMMAND, *words, "convert", f"s3://{bucket}/2026/11/29/d.json", "-o", tmp_path / "out"],
        env={**s3.env(), "PATH": "/bin"},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0
    for secret in (*OWNER, "Authorization", "Signature", "Credential"):
        assert secret.encode() not in done.stderr


# --- what is imported, and what is missing


def run_python(program: str, *words: str) -> Ran:
    done = subprocess.run(
        [sys.executable, "-c", program, *words], capture_output=True, check=False, timeout=60
    )
    return Ran(done.returncode, done.stdout, done.stderr.decode())


def test_paths_import_no_library_of_a_store(tmp_path):
    (tmp_path / "in").write_bytes(events(1))
    program = """
import atexit, sys
from cef_bridge.cli import main
atexit.register(lambda: print(sorted({"fsspec", "s3fs", "botocore"} & sys.modules.keys())))
main()
"""
    ran = run_python(program, "convert", str(tmp_path / "in"), "-o", str(tmp_path / "out"))
    assert (ran.code, ran.out) == (0, b"[]\n")


@pytest.mark.parametrize(
    ("url", "extra"), [("s3://b/a", "s3"), ("gs://b/a", "gcs"), ("abfs://b@c/a", "azure")]
)
def test_a_library_that_is_missing_is_named_with_what_installs_it(url, extra):
    program = """
import sys
sys.modules.update(fsspec=None)
from cef_bridge.cli import main
main()
"""
    ran = run_python(program, "convert", url)
    needs = f"{url.partition('//')[0]}// needs a library that is missing"
    assert plain(ran.err) == f"cef-bridge: {needs}: pip install 'cef-bridge[{extra}]'\n"
    assert ran.code == 2
