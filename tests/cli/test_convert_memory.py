"""Memory stays flat for any size: what is streamed through stdin keeps peak RSS under 200 MB.

The archives are made while they are read. Most events repeat, as they do in life, so that 120 MB
pass in seconds; the others are hostile to whatever remembers: a new pod, image, path, policy and
type each, more of them than any table has room for.
"""

from __future__ import annotations

import subprocess
import sys

import pytest
from running import COMMAND, counts, plain

LIMIT = 200  # MB, peak RSS

# Feeds the archive to a command and prints its peak RSS in MB. In a process of its own, and a small
# one: what a process was before it became the command counts as its memory, too.
GENERATOR = r"""
import os, subprocess, sys
# mode, megabytes, one event in how many is another one, in these fields, so much longer
mode, size, every, fields, pad = sys.argv[1], int(sys.argv[2]) << 20, int(sys.argv[3]), sys.argv[4], "x" * int(sys.argv[5])
names = {"pod": "app-0", "image": "img-0", "path": "/srv/0", "policy": "p-0", "type": "MatchedPolicy", "key": "K", "data": "fd=3"}
line = ('{"Timestamp":1772528401,"UpdatedTime":"2026-03-03T09:%02d:%02d.%06dZ","ClusterName":"harbor","HostName":"node",'
 '"NamespaceName":"shop","PodName":"{pod}","Labels":"app={pod},pod-template-hash=5d9c7b6f4","ContainerID":"c-{pod}",'
 '"ContainerName":"checkout","ContainerImage":"registry.example.net/{image}:2.4.1@sha256:555ec3a3a546342cc6","HostPPID":31007,'
 '"HostPID":%d,"PPID":17,"PID":102,"UID":0,"ParentProcessName":"/bin/bash","ProcessName":"/usr/bin/python3.11",'
 '"PolicyName":"{policy}","Severity":"5","Tags":"NIST","ATags":["NIST"],"Message":"{policy} %s","Type":"{type}",'
 '"Source":"/usr/bin/python3.11 {path}","Operation":"File","Resource":"{path}","Data":"syscall=SYS_OPENAT {data} flags=O_RDONLY",'
 '"Enforcer":"BPFLSM","Action":"Block","Result":"Permission denied","{key}":"/"}')
def made(names):
    text = line.replace("%s", "the service account token was read by a program that never does so " * 10)
    for name, value in names.items():
        text = text.replace("{" + name + "}", value)
    return text
usual, hostile = made(names), made({name: value + ("-@@" + pad if name in fields.split(",") else "") for name, value in names.items()})
between, number, done = (b",\n" if mode == "array" else b"\n"), 0, 0
process = subprocess.Popen(sys.argv[6:], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
write = process.stdin.write
write(b"[" if mode == "array" else b"")
while done < size:
    block = []
    for number in range(number, number + 500):
        text = usual if not every or number % every else hostile.replace("@@", str(number))
        block.append(text % (number // 60000000 % 60, number // 1000000 % 60, number % 1000000, number % 4000000))
    number += 1
    data = "\n".join(block).encode().replace(b"\n", between)
    done += len(data)
    write((between if done > len(data) else b"") + data)
write(b"]\n" if mode == "array" else b"\n")
process.stdin.close()
_, status, used = os.wait4(process.pid, 0)
print(used.ru_maxrss // 1024)
sys.exit(os.waitstatus_to_exitcode(status))
"""


def peak(
    mode: str, megabytes: int, every: int, fields: str, pad: int = 0, jobs: int = 1
) -> tuple[int, dict[str, int]]:
    """Return the peak RSS in MB of a conversion (of its largest process), and its counts."""
    words = [mode, str(megabytes), str(every), fields, str(pad), COMMAND, "convert"]
    words += ["-j", str(jobs)]
    done = subprocess.run(
        [sys.executable, "-c", GENERATOR, *words], check=True, capture_output=True, text=True
    )
    return int(done.stdout), counts(plain(done.stderr))


@pytest.mark.parametrize(("mode", "jobs"), [("lines", 1), ("lines", 3), ("array", 1), ("array", 3)])
def test_120_mb_with_ever_new_pods_images_and_paths_keep_memory_flat(mode, jobs):
    used, told = peak(mode, 120, 6, "pod,image,path", jobs=jobs)
    assert told["converted"] == told["lines"] > 72_000
    assert used < LIMIT, f"{used} MB"


# Plans and shapes take the longest to make: so many events that their tables are full.
@pytest.mark.parametrize(
    ("field", "megabytes"), [("pod", 12), ("policy", 6), ("key", 2), ("data", 12)]
)
def test_a_field_that_is_another_in_every_event_keeps_memory_flat(field, megabytes):
    used, told = peak("lines", megabytes, 1, field)
    assert told["converted"] == told["lines"] > 1000 * megabytes // 2
    assert used < LIMIT, f"{used} MB"


def test_long_names_that_are_others_in_every_event_keep_memory_flat():
    used, told = peak("lines", 80, 1, "pod", 6000)
    assert told["converted"] == told["lines"] > 1500
    assert used < LIMIT, f"{used} MB"
