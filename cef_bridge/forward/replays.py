"""Dead letters that someone wants to be sent after all (`cef-bridge deadletter replay`).

In comes an outlet, out go the events among its queue's dead letters, converted by the mapping that
is in use now; what it rejects again is a dead letter again. Messages wait again by themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cef_bridge.forward.route import DestinationRoute, store
from cef_bridge.kubearmor.decode import Decoded, EventDecoder, Noise
from cef_bridge.mapping.program.converter import Converted, Rejected
from cef_bridge.queue.queue import ALERTS, TELEMETRY, DeadLetter, MessageBatch

if TYPE_CHECKING:
    from cef_bridge.queue.queue import StoredDeadLetter


def replay(route: DestinationRoute) -> int:
    """Convert what is marked for it once more; return how many dead letters that were."""
    letters = route.queue.take_replays()
    for letter in letters:
        _again(route, letter)
    return len(letters)


def _again(route: DestinationRoute, letter: StoredDeadLetter) -> None:
    lanes: dict[int, list[bytes]] = {ALERTS: [], TELEMETRY: []}
    dead: list[DeadLetter] = []
    filtered = 0
    decoder = EventDecoder(max_record=max(len(letter.raw), 1))
    for found in (*decoder.decode(letter.raw), *decoder.finish()):
        if isinstance(found, Decoded):
            fate = route.converter.convert(found.fields, letter.source)
            if isinstance(fate, Converted):
                lane = ALERTS if fate.kind.urgent else TELEMETRY
                lanes[lane].append(fate.message.encode())
            elif isinstance(fate, Rejected):
                dead.append(DeadLetter("event", fate.reason, letter.source, found.raw))
            else:
                filtered += 1
        else:
            reason = "no KubeArmor event" if isinstance(found, Noise) else found.reason
            dead.append(DeadLetter("event", reason, letter.source, found.raw))
    converted = sum(len(messages) for messages in lanes.values())
    # Beside the counters of what was received: those say what became of it the first time.
    counts = {"replay_converted": converted, "replay_filtered": filtered}
    store(
        route,
        [MessageBatch(lane, messages) for lane, messages in lanes.items() if messages],
        counts={name: number for name, number in counts.items() if number},
        dead=dead,
        replayed=[letter.id],
    )
