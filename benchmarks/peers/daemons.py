"""syslog-ng and rsyslog, Debian's, unpacked by tests/receivers/install.sh: file in, file out.

They are daemons and never end: each is ended when its file has stopped growing, and then writes
what it still has in a buffer. Wall time is until the file last grew, CPU that of all of it.
"""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from measured import Cost, waited

from peers.peer import MissingError, Peer, configured

sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "receivers"))

import found

if TYPE_CHECKING:
    from found import Daemon

_IDLE = 2.0  # seconds without a byte
_SILENCE = 15.0  # seconds without a first one


def syslog_ng() -> Peer:
    """Return syslog-ng. Raises MissingError."""
    daemon = _found("syslog_ng")

    def measured(events: Path, output: Path, work: Path) -> Cost:
        text = configured("syslog-ng.conf", EVENTS=events, OUTPUT=output, LOGS=_cases())
        path = work / "configuration"
        path.write_text(text)
        words = ["--foreground", "--no-caps", "--cfgfile", str(path)]
        for option in ("persist-file", "control", "pidfile"):
            words += [f"--{option}", str(work / option)]
        return _measured(daemon, words, output, work)

    return Peer("syslog-ng", daemon.version, measured)


def rsyslog() -> Peer:
    """Return rsyslog. Raises MissingError."""
    daemon = _found("rsyslog")

    def measured(events: Path, output: Path, work: Path) -> Cost:
        path = work / "configuration"
        path.write_text(configured("rsyslog.conf", EVENTS=events, OUTPUT=output, FOLDER=work))
        words = ["-n", "-i", "NONE", "-f", str(path)]
        return _measured(daemon, words, output, work)

    return Peer("rsyslog", daemon.version, measured)


def _found(name: str) -> Daemon:
    try:
        return {"syslog_ng": found.syslog_ng, "rsyslog": found.rsyslog}[name]()
    except found.MissingError as missing:
        raise MissingError(str(missing)) from missing


def _measured(daemon: Daemon, words: list[str], output: Path, work: Path) -> Cost:
    with (work / "log").open("wb") as log:
        started = last = time.perf_counter()
        process = subprocess.Popen(
            [*daemon.command, *words], env=daemon.env, cwd=work, stdout=log, stderr=log
        )
        size = 0
        while time.perf_counter() - last < (_IDLE if size else _SILENCE):
            time.sleep(0.02)
            if output.exists() and (now := output.stat().st_size) != size:
                size, last = now, time.perf_counter()
        os.kill(process.pid, signal.SIGTERM)  # send_signal would take the figures of a dead one
        cost = waited(process, started)
    if not (output.exists() and output.stat().st_size):
        said = (work / "log").read_text(errors="replace")
        raise RuntimeError(f"{daemon.command[0]} wrote nothing: {said[-2000:]}")
    return cost._replace(wall=last - started) if size else cost  # all of it was in its buffer


# syslog-ng writes a key without a value as `act=`, so an event has to go to a template that has
# only what it says: eight of them, chosen by three questions. Measured: setting the keys one by one
# with rewrite rules and `--subkeys` cost a fifth more.
_ALWAYS = (
    "rt=${.k.Timestamp}$(substr ${.k.UpdatedTime} 20 3)"
    " outcome=$(if ('${.k.Result}' eq 'Passed') success failure) cat=${.k.Operation}"
    " dvchost=${.k.HostName} suid=${.k.UID} spid=${.k.HostPPID} sproc=${.k.ParentProcessName}"
    " dpid=${.k.HostPID} dproc=${.k.ProcessName} cs4=${.k.Source} cs4Label=Source"
)
_SOMETIMES = {
    "PolicyName": " act=${.k.Action} cs1=${.k.PolicyName} cs1Label=PolicyName",
    "PodName": " cs2=${.k.NamespaceName} cs2Label=K8sNamespace cs3=${.k.PodName} cs3Label=K8sPod",
    "Resource": " cs5=${.k.Resource} cs5Label=Resource",
}
_HEADER = "CEF:0|KubeArmor|KubeArmor|unknown|${.k.Type}|${.k.Operation}|${.k.Severity:-1}|"


def _cases() -> str:
    """Return the part of syslog-ng's configuration that chooses an event's keys."""
    templates, rules = "", ""
    for case in itertools.product((True, False), repeat=3):
        keys = _ALWAYS + "".join(itertools.compress(_SOMETIMES.values(), case))
        name = "keys_" + "".join("ny"[each] for each in case)
        templates += (
            f'template {name} {{ template("{_HEADER}$(format-cef-extension {keys})"); }};\n'
        )
    fields = list(_SOMETIMES)

    def chosen(answers: str) -> str:
        if len(answers) == len(fields):
            return f'rewrite {{ set("$(template keys_{answers})" value(".line")); }};'
        yes, no = chosen(answers + "y"), chosen(answers + "n")
        return f'if ("${{.k.{fields[len(answers)]}}}" ne "") {{ {yes} }} else {{ {no} }};'

    rules = chosen("")
    return (
        f"{templates}\nlog {{ source(events); parser(fields); {rules}"
        " destination(out); flags(flow-control); };"
    )
