// What the live page knows: the last answer, the hour behind it, and whether anybody answers.

import type { History, Live, Problem } from "./api";
import { Gone, get, problemOf } from "./client";

const SECOND = 1000;
const HIDDEN = 5000; // between two questions while nobody looks
const PATIENCE = 5000; // for an answer
const HOUR = 3600;

export interface State {
  live: Live | null;
  history: History;
  problem: Problem | null; // why there is no new answer
  since: Date | null; // when the last answer came, while there is a problem
}

const EMPTY: History = { times: [], read: [], destinations: [] };
let state: State = { live: null, history: EMPTY, problem: null, since: null };
let answered = new Date();
const listeners = new Set<(state: State) => void>();

export function onState(listener: (state: State) => void): void {
  listeners.add(listener);
}

export function begin(): void {
  void ask();
}

async function ask(): Promise<void> {
  const last = state.history.times.at(-1) ?? 0;
  try {
    const live = await get<Live>(`/api/live?since=${last}`, AbortSignal.timeout(PATIENCE));
    answered = new Date();
    const history = joined(state.history, live.history, live.now - HOUR);
    state = { live, history, problem: null, since: null };
  } catch (error) {
    state = { ...state, problem: problemIn(error), since: answered };
  }
  for (const listener of listeners) listener(state);
  setTimeout(() => void ask(), document.hidden ? HIDDEN : SECOND);
}

function problemIn(error: unknown): Problem {
  const late = error instanceof DOMException && error.name === "TimeoutError";
  if (late || error instanceof Gone) {
    return {
      message: "The forwarder does not answer.",
      fix: "The page tries again each second. Numbers are those of the last answer.",
    };
  }
  return problemOf(error);
}

// Returns both histories as one, without what is before a time; a destination that one of them does
// not have was not there
export function joined(old: History, more: History, from: number): History {
  const first = old.times.findIndex((time) => time >= from);
  const begin = first < 0 ? old.times.length : first;
  const kept = old.times.length - begin;
  const names = new Set([...old.destinations, ...more.destinations].map((each) => each.name));
  const column = (
    history: History,
    name: string,
    part: "confirmed" | "queued",
  ): (number | null)[] =>
    history.destinations.find((each) => each.name === name)?.[part] ??
    history.times.map(() => null);
  const both = (name: string, part: "confirmed" | "queued") => [
    ...column(old, name, part).slice(begin),
    ...column(more, name, part),
  ];
  return {
    times: [...old.times.slice(begin), ...more.times],
    read: [...old.read.slice(begin), ...more.read],
    destinations: [...names]
      .map((name) => ({
        name,
        confirmed: both(name, "confirmed"),
        queued: both(name, "queued"),
      }))
      .filter((each) => kept + more.times.length === 0 || each.queued.some((it) => it !== null)),
  };
}
