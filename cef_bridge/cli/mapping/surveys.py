"""Archives run through a machine that converts nothing: what `coverage` and `diff` have in common.

In come inputs and a machine, out goes a finished run with its counters; a progress bar where
someone looks. Must not know what is examined.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cef_bridge.cli.logs import say
from cef_bridge.cli.progress import progress, someone_looks
from cef_bridge.convert.conversion import ConvertRun
from cef_bridge.errors import CefBridgeError
from cef_bridge.sources.files.inputs import expand
from cef_bridge.wording import counted

if TYPE_CHECKING:
    from cef_bridge.engine.line_loop import EventConverter


class _Nowhere:
    """Takes the messages, which are empty."""

    def write(self, _data: bytes, /) -> None:
        pass


def run_through(machine: EventConverter, files: tuple[str, ...]) -> ConvertRun:
    """Run all events of some inputs through a machine; CefBridgeError when there is none."""
    inputs = expand(files)
    with progress(inputs, shown=someone_looks("")) as show:
        run = ConvertRun(machine, _Nowhere(), progress=show)
        run.run(inputs)
    stats = run.stats
    say(
        f"{counted(stats.lines, 'line')}: {stats.converted:,} converted, "
        f"{stats.filtered:,} filtered, "
        f"{stats.rejected:,} rejected, {stats.noise:,} skipped, {stats.blank:,} blank"
    )
    for reason, number in stats.reasons.most_common(10):
        first = stats.firsts[reason]
        say(f"  rejected {number:,}, the first at {first.place}: {first.reason}")
    if not stats.converted + stats.filtered:
        raise CefBridgeError("no KubeArmor event found; nothing to report.")
    return run
