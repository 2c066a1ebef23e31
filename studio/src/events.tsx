// The events of the sample: filter, list, paste. Only the rows in view are in the page, and only
// their pages of 100 are asked for.

import { Component, createRef } from "preact";
import type { EventList, EventRow } from "./api";
import { cancelled, get } from "./client";
import { count, plain } from "./safe";
import type { Studio } from "./studio";

const ROW = 40; // pixels
const PAGE = 100;
const MARGIN = 6; // rows above and below

interface Props {
  studio: Studio;
  event: number;
  version: number; // another one: events were added
  paste: () => void;
  mounted: (events: Events) => void;
}

interface State {
  filter: string;
  total: number;
  matching: number;
  pages: Map<number, EventRow[]>;
  top: number; // first row in view
  height: number;
  at: number; // index of the chosen one among those that match; -1: not known
}

export class Events extends Component<Props, State> {
  override state: State = {
    filter: "",
    total: 0,
    matching: 0,
    pages: new Map(),
    top: 0,
    height: 200,
    at: 0,
  };
  private readonly box = createRef<HTMLDivElement>();
  private asking = new AbortController();
  private open = new Map<number, Promise<EventRow[] | undefined>>();
  private timer = 0;
  private sizes: ResizeObserver | null = null;

  override componentDidMount(): void {
    this.sizes = new ResizeObserver(() => this.measure());
    if (this.box.current) this.sizes.observe(this.box.current);
    this.props.mounted(this);
    void this.load(0);
  }

  override componentWillUnmount(): void {
    this.sizes?.disconnect();
  }

  override componentDidUpdate(before: Props): void {
    if (before.version !== this.props.version) {
      void this.reset(this.state.filter).then(() => this.showChosen());
    }
    if (before.event !== this.props.event) {
      const { at } = this.state;
      if (this.row(at)?.number !== this.props.event) this.setState({ at: this.find(this.props.event) });
    }
  }

  // Goes on by so many events among those that match
  async step(by: number): Promise<void> {
    const { at, matching } = this.state;
    if (!matching) return;
    await this.go(Math.max(0, Math.min(matching - 1, at < 0 ? 0 : at + by)));
  }

  // Brings the chosen event into view; where nothing is filtered its number says where it is
  private async showChosen(): Promise<void> {
    const index = this.state.filter ? this.state.at : this.props.event - 1;
    if (index < 0 || (!this.row(index) && !(await this.load(Math.floor(index / PAGE))))) return;
    this.setState({ at: index }, () => this.reveal(index));
  }

  private find(number: number): number {
    for (const [page, rows] of this.state.pages) {
      const at = rows.findIndex((row) => row.number === number);
      if (at >= 0) return page * PAGE + at;
    }
    return -1;
  }

  private async go(index: number): Promise<void> {
    const row = this.row(index) ?? (await this.load(Math.floor(index / PAGE)))?.[index % PAGE];
    if (!row) return;
    this.setState({ at: index });
    this.reveal(index);
    this.props.studio.choose(row.number);
  }

  private row(index: number): EventRow | undefined {
    return this.state.pages.get(Math.floor(index / PAGE))?.[index % PAGE];
  }

  private reveal(index: number): void {
    const box = this.box.current;
    if (!box) return;
    if (index * ROW < box.scrollTop) box.scrollTop = index * ROW;
    const below = (index + 1) * ROW - box.clientHeight;
    if (below > box.scrollTop) box.scrollTop = below;
  }

  private measure(): void {
    const box = this.box.current;
    if (!box) return;
    const top = Math.floor(box.scrollTop / ROW);
    if (top !== this.state.top || box.clientHeight !== this.state.height) {
      this.setState({ top, height: box.clientHeight });
    }
    const last = Math.floor((box.scrollTop + box.clientHeight) / ROW);
    for (const page of new Set([Math.floor(top / PAGE), Math.floor(last / PAGE)])) {
      if (page * PAGE < this.state.matching && !this.state.pages.has(page)) void this.load(page);
    }
  }

  private filterSoon(filter: string): void {
    this.setState({ filter });
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => {
      this.timer = 0;
      void this.reset(filter).then(() => (filter ? undefined : this.showChosen()));
    }, 120);
  }

  private async reset(filter: string): Promise<void> {
    clearTimeout(this.timer);
    this.timer = 0;
    this.asking.abort();
    this.asking = new AbortController();
    this.open.clear();
    if (this.box.current) this.box.current.scrollTop = 0;
    await new Promise<void>((done) =>
      this.setState({ filter, pages: new Map(), top: 0, at: -1 }, () => done()),
    );
    await this.load(0);
  }

  // Goes from the filter to the first event that it leaves
  private async enter(): Promise<void> {
    this.box.current?.focus();
    if (this.state.at < 0 || this.timer) await this.reset(this.state.filter);
    if (this.state.at < 0) await this.go(0);
  }

  // Asks for a page, once for all who want it
  private load(page: number): Promise<EventRow[] | undefined> {
    const open = this.open.get(page);
    if (open) return open;
    const { signal } = this.asking;
    const loading = this.ask(page, signal).finally(() => {
      if (this.open.get(page) === loading) this.open.delete(page);
    });
    this.open.set(page, loading);
    return loading;
  }

  private async ask(page: number, signal: AbortSignal): Promise<EventRow[] | undefined> {
    const query = new URLSearchParams({
      filter: this.state.filter,
      from: String(page * PAGE),
      count: String(PAGE),
    });
    try {
      const list = await get<EventList>(`/api/events?${query}`, signal);
      if (signal.aborted) return undefined;
      // Several pages may come at a time: each is added to what is there by then
      this.setState(({ pages, at }, { event }) => {
        const found = list.events.findIndex((row) => row.number === event);
        return {
          pages: new Map(pages).set(page, list.events),
          total: list.total,
          matching: list.matching,
          at: found >= 0 ? page * PAGE + found : at,
        };
      });
      return list.events;
    } catch (error) {
      if (!cancelled(error)) console.info("The list of events could not be read.");
      return undefined;
    }
  }

  private keys(event: KeyboardEvent): void {
    const page = Math.max(1, Math.floor(this.state.height / ROW) - 1);
    const steps: Record<string, number> = {
      ArrowDown: 1,
      ArrowUp: -1,
      PageDown: page,
      PageUp: -page,
      Home: -this.state.matching,
      End: this.state.matching,
    };
    const by = steps[event.key];
    if (by === undefined) return;
    event.preventDefault();
    void this.step(by);
  }

  override render() {
    const { filter, total, matching, top, height, at } = this.state;
    const first = Math.max(0, top - MARGIN);
    const last = Math.min(matching, top + Math.ceil(height / ROW) + MARGIN);
    const shown = Array.from({ length: Math.max(0, last - first) }, (_, i) => first + i);
    const active = at >= first && at < last ? { "aria-activedescendant": `event-${at}` } : {};
    return (
      <section class="panel events" aria-labelledby="events-title">
        <header class="panel-head">
          <h2 id="events-title">Events</h2>
          <span class="soft count" role="status">
            {filter ? `${count(matching)} of ${count(total)}` : count(total)}
          </span>
          <span class="grow" />
          <button
            type="button"
            class="quiet"
            aria-label="Previous event"
            title="Previous event (Alt+P)"
            disabled={at <= 0}
            onClick={() => void this.step(-1)}
          >
            <span aria-hidden="true">↑</span>
          </button>
          <button
            type="button"
            class="quiet"
            aria-label="Next event"
            title="Next event (Alt+N)"
            disabled={at >= matching - 1}
            onClick={() => void this.step(1)}
          >
            <span aria-hidden="true">↓</span>
          </button>
          <button type="button" onClick={this.props.paste}>
            Paste…
          </button>
        </header>
        <div class="filter">
          <input
            type="search"
            aria-label="Filter events"
            placeholder="Filter: pod, path, blocked…"
            value={filter}
            onInput={(event) => this.filterSoon(event.currentTarget.value)}
            onKeyDown={(event) => {
              if (event.key === "ArrowDown" || event.key === "Enter") {
                event.preventDefault();
                void this.enter();
              }
            }}
          />
        </div>
        <div
          ref={this.box}
          id="event-list"
          class="list"
          role="listbox"
          tabIndex={0}
          aria-label="Events of the sample"
          {...active}
          onScroll={() => this.measure()}
          onKeyDown={(event) => this.keys(event)}
        >
          <div class="rows" role="presentation" style={{ height: `${matching * ROW}px` }}>
            {shown.map((index) => this.option(index, index === at, matching))}
          </div>
          {total > 0 && matching === 0 && <p class="empty">No event matches.</p>}
          {total === 0 && <p class="empty">No events yet. Paste one.</p>}
        </div>
      </section>
    );
  }

  private option(index: number, chosen: boolean, matching: number) {
    const row = this.row(index);
    return (
      <div
        key={index}
        id={`event-${index}`}
        role="option"
        class="event"
        aria-selected={chosen}
        aria-posinset={index + 1}
        aria-setsize={matching}
        style={{ transform: `translateY(${index * ROW}px)` }}
        onClick={() => void this.go(index)}
      >
        {row ? (
          <>
            <span class="event-top">
              <span class="number">{row.number}</span>
              <span class="event-type">
                {plain(row.operation || row.type, 40)}
                {row.pasted && <span class="tag">pasted</span>}
              </span>
              <Verdict verdict={row.verdict} />
            </span>
            <bdi class="event-title mono">{plain(row.title || row.type, 120)}</bdi>
            <span class="hidden-label">{plain(`${row.type} ${row.pod}`, 80)}</span>
          </>
        ) : (
          <span class="soft">…</span>
        )}
      </div>
    );
  }
}

const SIGNS: Record<string, string> = { blocked: "✕", audited: "!", failed: "–", passed: "✓" };

function Verdict({ verdict }: { verdict: string }) {
  if (!verdict) return null;
  return (
    <span class={`verdict ${SIGNS[verdict] ? verdict : ""}`}>
      <span aria-hidden="true">{SIGNS[verdict] ?? "·"}</span> {plain(verdict, 20)}
    </span>
  );
}

