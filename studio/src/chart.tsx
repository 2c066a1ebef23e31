// The last hour as two charts over the same time: rates, and messages that wait.

import { Component, createRef } from "preact";
import uPlot from "uplot";
import type { History, Live, LiveDestination } from "./api";
import { plain } from "./safe";
import { onTheme } from "./theme";
import { rate } from "./words";

const SERIES = ["--accent", "--good", "--key", "--warn", "--number", "--bad"];
const DASHES = [[], [6, 3], [2, 3], [9, 3, 2, 3]];
const HEIGHT = 170;

type Row = (number | null)[];
type Data = [number[], ...Row[]];

interface Lines {
  names: string[];
  data: Data;
}

// Returns the rows of the hour, and now as the last one
export function ratesOf(history: History, live: Live): Lines {
  const found = columns(history, live, (it) => it.confirmed, (it) => it.perSecond);
  return {
    names: ["read", ...found.map(({ name }) => `${plain(name, 40)} confirmed`)],
    data: [
      [...history.times, live.now],
      [...history.read, live.conversion.perSecond],
      ...found.map(({ column }) => column),
    ],
  };
}

export function waitingOf(history: History, live: Live): Lines {
  const found = columns(history, live, (it) => it.queued, (it) => it.queued + it.inFlight);
  return {
    names: found.map(({ name }) => `${plain(name, 40)} waiting`),
    data: [[...history.times, live.now], ...found.map(({ column }) => column)],
  };
}

// Returns a column for each destination that is there, or was within the hour
function columns(
  history: History,
  live: Live,
  past: (it: History["destinations"][number]) => Row,
  present: (it: LiveDestination) => number,
): { name: string; column: Row }[] {
  const before = new Map(history.destinations.map((it) => [it.name, past(it)]));
  const now = new Map(live.destinations.map((it) => [it.name, present(it)]));
  return [...new Set([...now.keys(), ...before.keys()])].map((name) => ({
    name,
    column: [...(before.get(name) ?? history.times.map(() => null)), now.get(name) ?? null],
  }));
}

// Two minutes at first, an hour in the end
function hour(_: uPlot, least: number, most: number): [number, number] {
  return [most - Math.max(most - least, 120), most];
}

interface Props {
  title: string;
  lines: Lines;
  skip: number; // colors that are not used, so that a destination has one in both charts
}

export class Chart extends Component<Props> {
  private place = createRef<HTMLDivElement>();
  private plot: uPlot | null = null;
  private observer: ResizeObserver | null = null;

  override componentDidMount(): void {
    this.draw();
    onTheme(() => this.draw());
    this.observer = new ResizeObserver(() => {
      const width = this.place.current?.clientWidth ?? 0;
      if (this.plot && width && width !== this.plot.width) {
        this.plot.setSize({ width, height: HEIGHT });
      }
    });
    if (this.place.current) this.observer.observe(this.place.current);
  }

  override componentWillUnmount(): void {
    this.observer?.disconnect();
    this.plot?.destroy();
  }

  override componentDidUpdate(before: Props): void {
    if (before.lines.names.join("\n") === this.props.lines.names.join("\n")) {
      this.plot?.setData(this.props.lines.data);
    } else {
      this.draw();
    }
  }

  private draw(): void {
    const place = this.place.current;
    if (!place) return;
    this.plot?.destroy();
    const style = getComputedStyle(document.documentElement);
    // A canvas does not know light-dark(): an element resolves it.
    const probe = document.createElement("span");
    place.append(probe);
    const color = (name: string): string => {
      probe.style.color = style.getPropertyValue(name);
      return getComputedStyle(probe).color;
    };
    const axis = {
      stroke: color("--soft"),
      grid: { stroke: color("--line"), width: 1 },
      ticks: { stroke: color("--line"), width: 1 },
      font: `11px ${style.getPropertyValue("--sans")}`,
    };
    const { lines, skip } = this.props;
    const options: uPlot.Options = {
      width: place.clientWidth || 300,
      height: HEIGHT,
      legend: { show: false },
      cursor: { sync: { key: "hour" }, drag: { x: false, y: false } },
      scales: { x: { time: true, range: hour }, y: { range: (_, __, most) => [0, Math.max(most * 1.1, 1)] } },
      axes: [
        { ...axis, values: (_, times) => times.map(clock) },
        { ...axis, size: 54, values: (_, values) => values.map((value) => short(value)) },
      ],
      series: [
        {},
        ...lines.names.map((label, at) => ({
          label,
          stroke: color(colorOf(at + skip)),
          width: 1.6,
          dash: DASHES[(at + skip) % DASHES.length] ?? [],
          points: { show: false },
        })),
      ],
    };
    probe.remove();
    this.plot = new uPlot(options, lines.data, place);
  }

  override render() {
    const { title, lines, skip } = this.props;
    const last = lines.names.map((name, at) => ({ name, value: lines.data[at + 1]?.at(-1) ?? null }));
    return (
      <figure class="chart">
        <figcaption>{title}</figcaption>
        <div ref={this.place} class="plot" aria-hidden="true" />
        <ul class="legend">
          {last.map(({ name, value }, at) => (
            <li key={name}>
              <svg width="26" height="8" aria-hidden="true">
                <line
                  x1="0"
                  y1="4"
                  x2="26"
                  y2="4"
                  stroke={`var(${colorOf(at + skip)})`}
                  stroke-width="2"
                  stroke-dasharray={(DASHES[(at + skip) % DASHES.length] ?? []).join(" ")}
                />
              </svg>
              <bdi>{name}</bdi> <strong>{value === null ? "–" : rate(value)}</strong>
            </li>
          ))}
        </ul>
      </figure>
    );
  }
}

function colorOf(at: number): string {
  return SERIES[at % SERIES.length] ?? "--accent";
}

function clock(seconds: number): string {
  const at = new Date(seconds * 1000);
  const two = (value: number): string => String(value).padStart(2, "0");
  const short = `${two(at.getHours())}:${two(at.getMinutes())}`;
  return at.getSeconds() ? `${short}:${two(at.getSeconds())}` : short;
}

function short(value: number): string {
  if (value >= 1e6) return `${value / 1e6}M`;
  return value >= 1e4 ? `${value / 1e3}K` : rate(value);
}
