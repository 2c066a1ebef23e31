"""Processes of the installed command and of Python programs, at a tenth of what a start costs.

    from commands import COMMAND, Popen, run

    done = run([COMMAND, "convert", path], capture_output=True, check=False)
    with Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as process: ...

Both are what subprocess has under these names, with its options. What runs is a process like any
other: its own pid, files, folder, environment, signals, and Python's own way to end. Only it was
not started by an interpreter that imports the package anew, which takes longer than what most of
them do, but forked from one that has imported it and done nothing else.

Who is about the start itself (what is imported, the command's script) takes subprocess. What a
fork cannot have gets a real start by itself: code to run before it, another locale, other settings
of Python's.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import inspect
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

COMMAND = str(Path(sys.executable).with_name("cef-bridge"))
_AT_START = (
    "PYTHON",
    "LC_",
    "LANG",
    "LD_",
    "TZ",
)  # of the environment: read by an interpreter once
_MOST = 100_000  # bytes of a request, which is one datagram
_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER
_LIBC = ctypes.CDLL(None, use_errno=True)
_ENDS = ("p2cread", "p2cwrite", "c2pread", "c2pwrite", "errread", "errwrite")
_KNOWN = {"args", "env", "cwd", "preexec_fn", "pass_fds", "executable", "shell", *_ENDS} | {
    *("start_new_session", "gid", "gids", "uid", "umask", "process_group")
}
"""What must be among the arguments of subprocess's own method, which is no public one."""
_ONE = threading.Lock()  # who asks gets the answer


class Popen(subprocess.Popen):
    """A started process; see the module."""

    def _execute_child(self, *args: object) -> None:
        given = inspect.signature(super()._execute_child).bind(*args).arguments
        if not given.keys() >= _KNOWN:  # another Python: its own way is always right
            super()._execute_child(*args)
            return
        env = os.environ if given["env"] is None else given["env"]
        words = [os.fspath(word) for word in given["args"]]
        forker = _forker()
        asked = json.dumps([words, os.fspath(given["cwd"] or Path.cwd()), dict(env)]).encode()
        special = ("preexec_fn", "pass_fds", "executable", "shell", "start_new_session")
        if (
            forker is None
            or any(given[name] for name in special)
            or any(given[name] is not None for name in ("gid", "gids", "uid"))
            or any(given[name] != -1 for name in ("umask", "process_group"))
            or len(asked) > _MOST
            or not (words[0] == COMMAND or words[:2] == [sys.executable, "-c"])
            or _read_at_start(env) != _read_at_start(os.environ)
        ):
            super()._execute_child(*args)
            return
        theirs = [given[_ENDS[place]] for place in (0, 3, 5)]
        files = [own if file == -1 else file for own, file in enumerate(theirs)]
        with _ONE:
            socket.send_fds(forker, [asked], files)
            self.pid = int(forker.recv(64))
        self._child_created = True
        self._close_pipe_fds(*(given[name] for name in _ENDS))


def run(words, *, input=None, capture_output=False, timeout=None, check=False, **options):  # noqa: A002 - as subprocess has it
    """Run a process to its end, as subprocess.run does."""
    if input is not None:
        options["stdin"] = subprocess.PIPE
    if capture_output:
        options["stdout"] = options["stderr"] = subprocess.PIPE
    with Popen(words, **options) as process:
        try:
            out, err = process.communicate(input, timeout=timeout)
        except BaseException:
            process.kill()
            raise
    done = subprocess.CompletedProcess(words, process.returncode, out, err)
    if check:
        done.check_returncode()
    return done


def _read_at_start(env: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in env.items() if name.startswith(_AT_START)}


@functools.cache
def _forker() -> socket.socket | None:
    """Start what forks, once a test process; None where orphans cannot be adopted.

    A fork of a fork, whose parent has ended, becomes a child of ours: it can be waited for.
    """
    if not hasattr(_LIBC, "prctl") or _LIBC.prctl(_SUBREAPER, 1, 0, 0, 0) != 0:
        return None
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        subprocess.Popen(
            [sys.executable, __file__, str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
        ).returncode = 0  # it ends with us, and nobody waits for it
    return ours


def _import_all() -> None:
    import importlib
    import pkgutil

    import cef_bridge

    for module in pkgutil.walk_packages(cef_bridge.__path__, "cef_bridge."):
        # gRPC is not made to be forked
        if not module.name.startswith(("cef_bridge.sources.relay.", "cef_bridge._")):
            with contextlib.suppress(ImportError):  # of an extra that is not installed
                importlib.import_module(module.name)
    for name in ("http.server", "prometheus_client", "rich.progress", "rich.table", "ssl", "yaml"):
        importlib.import_module(name)


def _serve(asks: socket.socket) -> list[str]:
    """Fork for each who asks; return in the fork, with its words, when its world is set up."""
    while True:
        try:
            asked, files, _, _ = socket.recv_fds(asks, 2 * _MOST, 3)
        except KeyboardInterrupt:
            asked = b""
        if not asked:
            os._exit(0)
        mine, its = os.pipe()
        if between := os.fork():
            for each in (*files, its):
                os.close(each)
            # When the one between has ended, the other one is no longer ours
            os.waitpid(between, 0)
            asks.send(os.read(mine, 64))
            os.close(mine)
            continue
        if other := os.fork():
            os.write(its, str(other).encode())
            os._exit(0)
        asks.close()
        os.close(mine)
        os.close(its)
        words, folder, env = json.loads(asked)
        for number, file in enumerate(files):
            os.dup2(file, number)
        for file in files:
            os.close(file)
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(env)
        _open_standard_files()
        return words


def _open_standard_files() -> None:
    """Open stdin, stdout and stderr as an interpreter does when it starts."""
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        was = getattr(sys, name)
        new = open(  # noqa: SIM115 - until the end
            number,
            mode,
            buffering=1 if name == "stderr" or os.isatty(number) else -1,
            encoding=was.encoding,
            errors=was.errors,
            closefd=False,
        )
        new.buffer.raw.name = f"<{name}>"
        new.mode = mode
        setattr(sys, name, new)
        setattr(sys, f"__{name}__", new)


def _become(words: list[str]) -> None:
    """Be the process that was asked for, to its end."""
    import types

    main = sys.modules["__main__"] = types.ModuleType("__main__")
    if words[0] == COMMAND:
        sys.argv, sys.path[0] = words, str(Path(COMMAND).parent)
        from cef_bridge.cli import main as command

        sys.exit(command())
    sys.argv, sys.path[0] = ["-c", *words[3:]], ""
    exec(compile(words[2], "<string>", "exec"), vars(main))  # noqa: S102 - a test's own program


if __name__ == "__main__":
    import gc

    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    _import_all()
    gc.collect()
    gc.freeze()
    _become(_serve(socket.socket(fileno=int(sys.argv[1]))))
