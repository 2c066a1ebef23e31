"""A network of two machines on this one, for what loopback cannot show: an end that vanishes.

Two network namespaces with a cable in between. Needs root; skips visibly where that is not given.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypeVar

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

_CLONE_NEWNET = 0x40000000
_Result = TypeVar("_Result")

NEAR, FAR = "198.51.100.1", "198.51.100.2"  # TEST-NET-2, RFC 5737


class Cable:
    """Two namespaces; `near` and `far` run a function in them: its sockets stay there."""

    def __init__(self) -> None:
        if os.geteuid() != 0 or shutil.which("ip") is None:
            pytest.skip("a network that can be cut needs root and ip(8)")
        self._near = f"cefnear{os.getpid()}"
        self._far = f"ceffar{os.getpid()}"

    def __enter__(self) -> Self:
        try:
            self._ip("netns", "add", self._near)
            self._ip("netns", "add", self._far)
            self._ip(
                *("link", "add", "cable", "netns", self._near, "type", "veth"),
                *("peer", "name", "cable", "netns", self._far),
            )
            for name, address in ((self._near, NEAR), (self._far, FAR)):
                self._ip("-n", name, "addr", "add", f"{address}/30", "dev", "cable")
                self._ip("-n", name, "link", "set", "cable", "up")
        except subprocess.CalledProcessError as error:
            self.__exit__()
            pytest.skip(f"no network that can be cut: {error.stderr.decode().strip()}")
        return self

    def __exit__(self, *_: object) -> None:
        for name in (self._near, self._far):
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)

    def near(self, function: Callable[[], _Result]) -> _Result:
        return _within(self._near, function)

    def far(self, function: Callable[[], _Result]) -> _Result:
        return _within(self._far, function)

    def cut(self) -> None:
        """Drop whatever is sent from the far end, without a word to the near one."""
        self._ip("-n", self._far, "addr", "del", f"{FAR}/30", "dev", "cable")

    def mend(self) -> None:
        self._ip("-n", self._far, "addr", "add", f"{FAR}/30", "dev", "cable")

    @staticmethod
    def _ip(*arguments: str) -> None:
        subprocess.run(["ip", *arguments], check=True, capture_output=True, timeout=20)


def _within(name: str, function: Callable[[], _Result]) -> _Result:
    """Run a function in a thread that lives in a namespace."""
    libc = ctypes.CDLL(None, use_errno=True)
    results: list[_Result] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            with Path(f"/run/netns/{name}").open("rb") as file:
                moved = libc.setns(file.fileno(), _CLONE_NEWNET) == 0
            assert moved, os.strerror(ctypes.get_errno())
            results.append(function())
        except BaseException as error:  # noqa: BLE001 - it is raised where the caller is
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]
