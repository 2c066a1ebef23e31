// The tap: the last messages of a destination, each with its event. Off until it is switched on.

import { Component } from "preact";
import type { LiveDestination, Problem, Tap } from "./api";
import { get, post, problemOf } from "./client";
import { Value, plain } from "./safe";

type Tapped = Tap["messages"][number];

interface Props {
  destinations: LiveDestination[];
  chosen: string;
  onChoose: (name: string) => void;
  reachable: boolean;
}

interface State {
  tap: Tap | null;
  seen: Tapped[]; // stays after the tap has ended
  paused: boolean;
  problem: Problem | null;
}

const SHOWN = 320; // characters of a text before the rest is asked for

export class TapPanel extends Component<Props, State> {
  override state: State = { tap: null, seen: [], paused: false, problem: null };
  private timer = 0;
  private asked = 0; // so that a late answer for another destination is no answer

  override componentDidMount(): void {
    void this.look();
  }

  override componentWillUnmount(): void {
    clearTimeout(this.timer);
  }

  override componentDidUpdate(before: Props): void {
    if (before.chosen !== this.props.chosen) {
      this.setState({ tap: null, seen: [], paused: false, problem: null });
      void this.look();
    }
  }

  private async look(): Promise<void> {
    clearTimeout(this.timer);
    const { chosen, reachable } = this.props;
    const number = ++this.asked;
    try {
      if (chosen && reachable && !document.hidden) {
        const tap = await get<Tap>(path(chosen));
        if (number === this.asked) this.take(tap);
      }
    } catch (error) {
      if (number === this.asked) this.setState({ problem: problemOf(error) });
    }
    if (number === this.asked) this.timer = window.setTimeout(() => void this.look(), 1000);
  }

  private take(tap: Tap): void {
    const seen = tap.on && !this.state.paused ? tap.messages.toReversed() : this.state.seen;
    this.setState({ tap, seen, problem: null });
  }

  private async turn(): Promise<void> {
    const on = !this.state.tap?.on;
    const number = ++this.asked;
    clearTimeout(this.timer);
    try {
      const tap = await post<Tap>("/api/tap", { destination: this.props.chosen, on });
      if (number === this.asked) {
        if (on) this.setState({ seen: [], paused: false });
        this.take(tap);
      }
    } catch (error) {
      this.setState({ problem: problemOf(error) });
    }
    void this.look();
  }

  private status(): string {
    const { tap, seen } = this.state;
    if (!tap) return "";
    if (!tap.on) return seen.length ? "Off. What it showed stays on this page only." : "Off.";
    const left = Math.max((tap.until ?? 0) - Date.now() / 1000, 0);
    const ends = `Ends by itself in ${Math.floor(left / 60)}:${String(Math.floor(left % 60)).padStart(2, "0")}.`;
    const share = tap.sampled > 1 ? `Shows one of ${tap.sampled} messages.` : "Shows each message.";
    return `On. ${share} ${ends}`;
  }

  override render() {
    const { destinations, chosen, onChoose, reachable } = this.props;
    const { tap, seen, paused, problem } = this.state;
    return (
      <section class="panel tap" aria-labelledby="tap-title" id="tap">
        <h2 id="tap-title" tabIndex={-1}>
          Tap
        </h2>
        <p class="soft">
          The last 50 messages of a destination, with the events that they were made of. They hold what the events
          say, secrets of the workload too.
        </p>
        <div class="controls">
          <label>
            Destination{" "}
            <select value={chosen} onChange={(event) => onChoose(event.currentTarget.value)}>
              {destinations.map((it) => (
                <option key={it.name} value={it.name}>
                  {plain(it.name, 60)}
                </option>
              ))}
            </select>
          </label>
          <button
            type="button"
            class={tap?.on ? "" : "primary"}
            aria-pressed={tap?.on ?? false}
            disabled={!reachable || !chosen}
            onClick={() => void this.turn()}
          >
            {tap?.on ? "Turn tap off" : "Turn tap on"}
          </button>
          <button
            type="button"
            aria-pressed={paused}
            disabled={!tap?.on}
            onClick={() => this.setState({ paused: !paused })}
          >
            {paused ? "Go on" : "Pause"}
          </button>
          <span class="status soft">{this.status()}</span>
        </div>
        {problem && reachable && (
          <p class="bad-text" role="alert">
            {problem.message} {problem.fix}
          </p>
        )}
        <ol class="messages" aria-label="Messages, the newest first" tabIndex={0}>
          {seen.map((it) => (
            <li key={`${it.time} ${it.message.length} ${it.event}`}>
              <p class="soft when">{new Date(it.time * 1000).toLocaleTimeString("en-GB")}</p>
              <div class="pair">
                <div>
                  <h3>Message</h3>
                  <Value text={it.message} limit={SHOWN} />
                </div>
                <div>
                  <h3>Event</h3>
                  <Value text={it.event} limit={SHOWN} />
                </div>
              </div>
            </li>
          ))}
          {tap?.on && !seen.length && <li class="soft">No message since the tap was turned on.</li>}
        </ol>
      </section>
    );
  }
}

function path(name: string): string {
  return `/api/tap/${encodeURIComponent(name)}`;
}
