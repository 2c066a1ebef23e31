"""A point in time as an operator writes it: now, or an ISO time.

In comes the text of an option, out go epoch microseconds. Must not know what the time is for.
"""

from __future__ import annotations

import time

import click

from cef_bridge.kubearmor.clock import microseconds

_DATE = len("2026-03-01")


class Now(int):
    """The time at which a run began, because the operator asked for that."""


def moment(_: click.Context, __: click.Parameter, text: str | None) -> int | None:
    """Read an option's time, as epoch microseconds; a click callback."""
    if text is None:
        return None
    if text == "now":
        return Now(time.time_ns() // 1000)
    found = microseconds(f"{text}T00:00" if len(text) == _DATE else text)
    if found is None:
        raise click.BadParameter(
            f'Invalid time "{text}". Expected now, or such as 2026-03-01T12:00:00Z.'
        )
    return found
