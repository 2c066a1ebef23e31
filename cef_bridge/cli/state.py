"""The file of `convert --checkpoint`: what an interrupted run has done, so that another goes on.

In comes what was asked for and how far a run is, out goes a file of JSON that is always whole, and
the same again. What is asked for has to be the same in both runs, or the result would be of two.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from cef_bridge import __version__
from cef_bridge.cli.packed import packed
from cef_bridge.cli.staged import StagedObject
from cef_bridge.cli.targets import appears, mode_of, place
from cef_bridge.cli.times import Now
from cef_bridge.convert.run_checkpoint import RunCheckpoint
from cef_bridge.errors import CefBridgeError, UsageError
from cef_bridge.files import PART, ResumableFile, partial_name, printed
from cef_bridge.objects.urls import is_url, shown
from cef_bridge.wording import counted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cef_bridge.cli.packed import PackedFile, WholeFile
    from cef_bridge.cli.targets import Targets
    from cef_bridge.convert.parallel import ParallelRun
    from cef_bridge.sources.files.inputs import Input

_FORM = 1
_EVERY = 1.0  # seconds between two writes, at least
_SHARE = 20  # each waits for the disk; together they may take a twentieth of the time
_NAME = 60
_WORDS = {
    "version": "by cef-bridge {0}; this is {1}",
    "mapping": "with another mapping, or this one has changed since",
    "inputs": "of other inputs",
    "input": "when {2} was another file, or had another content",
}


class State:
    """Reads the state file, and keeps it up to date. UsageError when it is of another run.

    `asked` are the options that have a say in what is written, by their names. `mark` is where to
    go on.
    """

    def __init__(
        self,
        path: str,
        asked: Mapping[str, object],
        inputs: Sequence[Input],
        targets: Targets,
        assumed_time: int | None,
    ) -> None:
        if is_url(path):
            raise UsageError(f"{shown(path)}: a checkpoint is a file of this machine. Name a path.")
        self._path = Path(path)
        self._name = printed(self._path)
        # One name for all: a run that is killed leaves one at most, and the next takes it.
        self._temporary = self._path.with_name(f".{self._path.name[:_NAME]}.part")
        self._targets = targets
        self._hashed = targets.report is not None
        self._check_targets(inputs)
        self._asked: dict[str, Any] = {
            "version": __version__,
            **asked,
            "inputs": [_identity(each) for each in inputs],
        }
        said = self._read()
        self.assumed_time = assumed_time
        self._files: dict[str, ResumableFile | PackedFile] = {}
        self._said = said
        if said is not None and self._is_over(said):
            self._said = None
            self._delete_parts(said["files"])
        self.mark = RunCheckpoint()
        self.seconds = 0.0
        if self._said is not None:
            before = self._said["asked"]
            if isinstance(assumed_time, Now) and isinstance(before.get("assume-time"), int):
                self.assumed_time = before["assume-time"]  # when the interrupted run began
            self._asked["assume-time"] = self.assumed_time
            self._compare(before)
            with self._foreign():
                self.mark = RunCheckpoint.from_json(self._said["at"])
                self.seconds = float(self._said["seconds"])
        self._asked["assume-time"] = self.assumed_time
        self._parts = self._named()
        self._run: ParallelRun | None = None
        self._started = time.monotonic()
        self._next = 0.0

    @property
    def resumed(self) -> bool:
        """Whether another run had begun."""
        return self._said is not None

    def opened(self, what: str, path: str) -> WholeFile:
        """Open the `output`, the `rejects` or the `report`, where the other run stopped."""
        name, size = self._parts[what]
        try:
            whole = (
                StagedObject(path, self._final(path), name, size, hashed=self._hashed)
                if is_url(path)
                else ResumableFile(path, name, size, mode=mode_of(what))
            )
        except UsageError as error:
            said = f"{error}. {self._anew()}" if self.resumed else str(error)
            raise UsageError(said) from error
        file = packed(whole, path)
        self._files[what] = cast("ResumableFile | PackedFile", file)
        return file

    def keeps(self, what: str) -> bool:
        """Whether one of these is a file that can be gone on with."""
        return what in self._parts

    def begin(self) -> None:
        """Write down how the files are called that are not complete; before there are any."""
        if not self.resumed:
            self._write(self.mark)

    def _named(self) -> dict[str, tuple[str, int]]:
        """Return the names of the files that are not complete, and how much of them counts."""
        if self._said is not None:
            with self._foreign():
                files = self._said["files"]
                return {
                    what: (Path(str(name)).name, int(size)) for what, (name, size) in files.items()
                }
        paths = self._targets._asdict().items()
        return {
            what: (partial_name(self._final(path).name), 0)
            for what, path in paths
            if path and _may_resume(path)
        }

    def _final(self, path: str) -> Path:
        """Return the file beside which an output is kept until it is complete.

        What becomes an object is kept beside the checkpoint file: a store cannot go on with it.
        """
        if is_url(path):
            return self._path.resolve().with_name(path.rstrip("/").rpartition("/")[2])
        return Path(path).resolve()

    def follow(self, run: ParallelRun) -> None:
        """Let a run go on where the other stopped, and write down how far it is."""
        self._run = run
        run.resume(self.mark)
        run.between = self._keep

    def complete(self) -> None:
        """Write down that all is converted, and that the outputs get their names now."""
        if self._run is not None:
            self._write(self._run.mark(), complete=True)

    def _keep(self) -> None:
        run = self._run
        if run is not None and (run.stopped or time.monotonic() >= self._next):
            began = time.monotonic()
            self._write(run.mark())
            ended = time.monotonic()
            self._next = ended + max(_EVERY, _SHARE * (ended - began)) if _EVERY else 0.0

    def _write(self, mark: RunCheckpoint, *, complete: bool = False) -> None:
        """Write down how far the run is, after all up to there is on the disk."""
        for what, file in self._files.items():
            file.sync()
            self._parts[what] = file.partial, file.size
        self._replace(
            {
                "cef-bridge convert --state": _FORM,
                "asked": self._asked,
                "complete": complete,
                "seconds": round(self.seconds + time.monotonic() - self._started, 3),
                "files": self._parts,
                "at": mark.to_json(),
            }
        )

    def where(self) -> str:
        """Return where it goes on, for an operator."""
        place = self.mark.place
        inputs = self._asked["inputs"]
        if not isinstance(inputs, list) or place.input >= len(inputs):
            return "all was converted"
        done = counted(self.mark.stats.lines, "line")
        return f"{done} done, next is {inputs[place.input]['name']}"

    def done(self) -> None:
        """Delete the checkpoint file: the outputs have their names.

        Parts are deleted too. A run that was killed after a renaming resumes, and opens a new part
        for an output that is complete already.
        """
        self._delete_parts(self._parts)
        for path in (self._path, self._temporary):
            with contextlib.suppress(OSError):
                path.unlink()

    def _delete_parts(self, parts: Mapping[str, Sequence[Any]]) -> None:
        """Delete what is there of files that are not complete, and that no run goes on with."""
        for what, path in self._targets._asdict().items():
            if path and what in parts:
                with self._foreign():
                    name = Path(str(parts[what][0])).name
                if name.endswith(PART):
                    with contextlib.suppress(OSError):
                        self._final(path).with_name(name).unlink()

    def _replace(self, said: dict[str, object]) -> None:
        """Write the file as a whole; nobody else may read it, for it has texts of events."""
        temporary = self._temporary
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
            with os.fdopen(os.open(temporary, flags, 0o600), "wb") as file:
                file.write(json.dumps(said).encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self._path)
        except OSError as error:
            with contextlib.suppress(OSError):
                temporary.unlink()
            why = error.strerror or "unknown error"
            raise CefBridgeError(f"cannot write {self._name}: {why}") from error

    def _read(self) -> dict[str, Any] | None:
        try:
            text = self._path.read_bytes()
        except FileNotFoundError:
            if not self._path.parent.is_dir():
                raise UsageError(f"cannot write {self._name}: its folder does not exist") from None
            return None
        except OSError as error:
            raise UsageError(f"cannot read {self._name}: {error.strerror}") from error
        with self._foreign():
            said: dict[str, Any] = json.loads(text)
            if said["cef-bridge convert --state"] != _FORM:
                raise ValueError
            said["asked"]["inputs"], said["files"]["output"], said["complete"], said["at"]
            return said

    @contextlib.contextmanager
    def _foreign(self) -> Any:  # noqa: ANN401 - a context manager
        try:
            yield
        except (AttributeError, LookupError, TypeError, ValueError) as error:
            raise UsageError(
                f"{self._name} is not a checkpoint file of this version of convert. "
                "Name another file, or delete it to start over."
            ) from error

    def _is_over(self, said: dict[str, Any]) -> bool:
        """Whether a run has ended, and was killed while it gave the outputs their names."""
        folder = self._final(self._targets.output or "").parent
        with self._foreign():
            name = Path(str(said["files"]["output"][0])).name
        return bool(said["complete"]) and not (folder / name).exists()

    def _compare(self, before: dict[str, Any]) -> None:
        now = self._asked
        for name in [*now, *before]:
            old, new = before.get(name), now.get(name)
            if name == "inputs" or old == new:
                continue
            word = _WORDS.get(name, f"with another --{name}: {{0}}, and now {{1}}")
            self._other(word.format(_shown(old), _shown(new)))
        old, new = before["inputs"], self._asked["inputs"]
        with self._foreign():
            names = [each["name"] for each in old]
        if names != [each["name"] for each in new]:
            self._other(_WORDS["inputs"])
        for was, is_ in zip(old, new, strict=True):
            if was != is_:
                self._other(_WORDS["input"].format("", "", is_["name"]))

    def _other(self, how: str) -> None:
        raise UsageError(
            f"{self._name} was written {how}. What is converted from here on would not fit to what "
            f"was converted. {self._anew()}"
        )

    def _anew(self) -> str:
        return f"Delete {self._name} to start over, or run the original command."

    def _check_targets(self, inputs: Sequence[Input]) -> None:
        targets = self._targets
        if targets.output is None or not _may_resume(targets.output):
            raise UsageError("--checkpoint needs -o FILE: only a file can be resumed.")
        if targets.rejects is not None and not _may_resume(targets.rejects):
            raise UsageError("--checkpoint needs a file for --rejects, too, and no pipe or device.")
        taken = [targets.output, targets.rejects, targets.report, *(each.path for each in inputs)]
        if any(path and place(path) == self._path.resolve() for path in taken):
            raise UsageError(f"{self._name} is needed for the state. Name another file.")
        for each in inputs:
            if each.size is None:
                raise UsageError(
                    f"{each.name} cannot be read again from where a run stopped; "
                    "--checkpoint needs inputs that are files."
                )


def others(inputs: list[Input], path: str) -> list[Input]:
    """Return the inputs without the state file, which may lie in a folder that is read."""
    own = Path(path).resolve()
    return [each for each in inputs if not each.path or Path(each.path).resolve() != own]


def _may_resume(path: str) -> bool:
    return not path.startswith(("/dev/", "/proc/")) and appears(path)


def _identity(each: Input) -> dict[str, object]:
    """Return what tells whether an input is still the one that it was."""
    if each.stored is not None:
        return {"name": each.name, "size": each.size, "version": each.stored.version}
    try:
        status = os.stat(each.path or "")  # noqa: PTH116  # bytes that are no UTF-8 pass through
    except OSError:
        return {"name": each.name}
    return {
        "name": each.name,
        "size": status.st_size,
        "inode": status.st_ino,
        "modified": status.st_mtime_ns,
    }


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return "none" if value is None else str(value)
