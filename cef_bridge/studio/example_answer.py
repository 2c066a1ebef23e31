"""An event of the sample as an example of the mapping, with what the line has now.

In come a text, an event and a name, out go the plain values of `Example` in `studio/src/api.ts`:
the edit, and whether `mapping test` will pass then. Must not know how an example is run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cef_bridge.errors import CefBridgeError
from cef_bridge.mapping import examples
from cef_bridge.mapping.language.changes import with_example
from cef_bridge.studio.offsets import Utf16
from cef_bridge.studio.problems import problem, problem_of
from cef_bridge.workbench.scaffold import Taken, example_of

if TYPE_CHECKING:
    from cef_bridge.studio.workspace import Workspace
    from cef_bridge.workbench.sample import SampleEvent


def example(workspace: Workspace, text: str, event: SampleEvent, name: str) -> dict[str, object]:
    """Return the edits that add an event to the examples of a text."""
    try:
        program = workspace.compiled(text).converter.program
        made = example_of(program, Taken(name, event.raw()))
        edit = with_example(text, made)
        if edit is None:
            return _none(
                problem(
                    "The examples of this mapping are not a list with a dash before each.",
                    'Write "examples:" and each example below it, behind a dash.',
                )
            )
        after = text[: edit.start] + edit.text + text[edit.end :]
        results = examples.run(workspace.compiled(after).opened.mapping)
    except CefBridgeError as error:
        return _none(problem_of(error))
    except RecursionError:
        return _none(problem("The event is nested too deeply for an example."))
    passes = bool(results) and results[-1].passed
    return {"edits": [Utf16.of(text).edit(edit)], "passes": passes, "problem": None}


def _none(said: dict[str, object]) -> dict[str, object]:
    return {"edits": [], "passes": False, "problem": said}
