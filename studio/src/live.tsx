// The live page: how a forwarder is doing, each second. Everything from events is written as text.

import "./base.css";
import "uplot/dist/uPlot.min.css";
import "./live.css";

import { Component, render } from "preact";
import type { Live, Reason } from "./api";
import { Chart, ratesOf, waitingOf } from "./chart";
import { Flow } from "./flow";
import { type State, begin, onState } from "./live_state";
import { plain } from "./safe";
import { TapPanel } from "./tap";
import { switchTheme, theme } from "./theme";
import { age, count, meaning } from "./words";

const inStudio = location.hash === "#studio"; // whose workbench leads here
const NEWS = 4; // the last ones, so that a screen reader has time for each

interface PageState extends State {
  chosen: string; // destination of the tap
  news: { number: number; text: string }[];
}

class Page extends Component<object, PageState> {
  override state: PageState = {
    live: null,
    history: { times: [], read: [], destinations: [] },
    problem: null,
    since: null,
    chosen: "",
    news: [],
  };

  override componentDidMount(): void {
    onState((next) => {
      const names = next.live?.destinations.map((it) => it.name) ?? [];
      const chosen = names.includes(this.state.chosen) ? this.state.chosen : (names[0] ?? "");
      const more = news(this.state, next);
      const number = (this.state.news.at(-1)?.number ?? 0) + 1;
      const kept = more ? [...this.state.news, { number, text: more }].slice(-NEWS) : this.state.news;
      this.setState({ ...next, chosen, news: kept });
    });
    begin();
  }

  private tap = (name: string): void => {
    this.setState({ chosen: name });
    const title = document.getElementById("tap-title");
    title?.scrollIntoView({ block: "start" });
    title?.focus();
  };

  override render() {
    const { live, history, problem, since, chosen } = this.state;
    return (
      <>
        <header class="top">
          <h1>
            <img src="/static/icon.svg" alt="" width="20" height="20" /> cef-bridge <span>live</span>
          </h1>
          <p class="about soft">{live && about(live)}</p>
          {inStudio && (
            <a class="button" href="/">
              Workbench
            </a>
          )}
          <button type="button" class="quiet" onClick={() => (switchTheme(), this.forceUpdate())}>
            {theme() === "dark" ? "Light" : "Dark"}
            <span class="hidden-label"> colors</span>
          </button>
        </header>
        <div class="hidden-label" role="status" aria-atomic="false">
          {this.state.news.map(({ number, text }) => (
            <p key={number}>{text}</p>
          ))}
        </div>
        <main class={problem && live ? "stale" : ""}>
          {problem && (
            <div class="banner bad" data-testid="problem">
              <strong>{problem.message}</strong> {problem.fix}
              {live && since && ` Last answer at ${since.toLocaleTimeString("en-GB")}.`}
            </div>
          )}
          {live?.fault && (
            <div class="banner bad">
              <strong>The forwarder cannot go on.</strong> {plain(live.fault, 500)}
            </div>
          )}
          {live?.stopping && <div class="banner">The forwarder is stopping.</div>}
          {live && (
            <>
              <Flow live={live} onTap={this.tap} />
              <section class="panel" aria-labelledby="hour-title">
                <h2 id="hour-title">Last hour</h2>
                <div class="charts">
                  <Chart title="Lines and messages per second" lines={ratesOf(history, live)} skip={0} />
                  <Chart title="Messages waiting or in flight" lines={waitingOf(history, live)} skip={1} />
                </div>
              </section>
              <Conversion live={live} />
              <div class="two">
                <Reasons title="Rejected records" rows={live.rejects} none="No record was rejected." />
                <Reasons title="Skipped lines (noise)" rows={live.skipped} none="No line was skipped." />
              </div>
              <TapPanel
                destinations={live.destinations}
                chosen={chosen}
                onChoose={(name) => this.setState({ chosen: name })}
                reachable={problem === null}
              />
            </>
          )}
          {!live && !problem && <p class="loading">Asking the forwarder…</p>}
        </main>
      </>
    );
  }
}

function about(live: Live): string {
  return `Version ${live.version}, ${live.engine} engine, up for ${age(live.uptime)}`;
}

// Returns what a screen reader says of a change of states, and nothing for numbers
function news(before: State, now: State): string {
  if (now.problem) return before.problem ? "" : now.problem.message;
  if (!now.live || !before.live) return "";
  const found = before.problem ? ["The forwarder answers again."] : [];
  const states = (live: Live): Map<string, string> =>
    new Map([
      ...live.sources.map((it): [string, string] => [`Source ${it.name}`, it.state]),
      ...live.destinations.map((it): [string, string] => [
        `Destination ${it.name}`,
        // Between two rounds there is no connection: that is no news.
        it.state === "waiting" ? "connected" : it.state,
      ]),
    ]);
  const old = states(before.live);
  for (const [name, state] of states(now.live)) {
    if (old.has(name) && old.get(name) !== state) found.push(`${plain(name, 80)}: ${state}.`);
  }
  return found.join(" ");
}

function Conversion({ live }: { live: Live }) {
  const columns = ["received", "converted", "filtered", "rejected", "skipped", "blank"] as const;
  const ends = ["dropped", "deadLettered", "resent"] as const;
  const names: Record<string, string> = { deadLettered: "dead letters" };
  return (
    <section class="panel" aria-labelledby="conversion-title">
      <h2 id="conversion-title">Lines by destination</h2>
      <div class="scroll" tabIndex={0} role="region" aria-labelledby="conversion-title">
        <table>
          <thead>
            <tr>
              <th scope="col">destination</th>
              {[...columns, ...ends].map((name) => (
                <th scope="col" class="number" key={name}>
                  {names[name] ?? name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {live.destinations.map((it) => (
              <tr key={it.name}>
                <th scope="row">
                  <bdi>{plain(it.name, 60)}</bdi>
                </th>
                {[...columns, ...ends].map((name) => (
                  <td class="number" key={name}>
                    {count(it[name])}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function Reasons({ title, rows, none }: { title: string; rows: Reason[]; none: string }) {
  return (
    <section class="panel" aria-label={title}>
      <h2>{title}</h2>
      {rows.length === 0 ? (
        <p class="soft">{none}</p>
      ) : (
        <div class="scroll" tabIndex={0} role="region" aria-label={title}>
          <table>
            <thead>
              <tr>
                <th scope="col">destination</th>
                <th scope="col">reason</th>
                <th scope="col" class="number">
                  count
                </th>
              </tr>
            </thead>
            <tbody>
              {rows.map((row) => (
                <tr key={`${row.destination} ${row.reason}`}>
                  <td>
                    <bdi>{plain(row.destination, 60)}</bdi>
                  </td>
                  <td>
                    <strong>{plain(row.reason, 40)}</strong> <span class="soft">{meaning(row.reason)}</span>
                  </td>
                  <td class="number">{count(row.count)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

history.replaceState(null, "", location.pathname + location.hash); // the cookie has the token from here on
const app = document.getElementById("app");
if (app) {
  app.replaceChildren();
  render(<Page />, app);
}
