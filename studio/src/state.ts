// What the workbench shows, in one value, and who wants to know when it changes.

import type { EventText, Example, Line, Lint, MappingFile, Problem, Saved, Start, Survey } from "./api";

export interface Lit {
  kind: "key" | "field" | "line";
  name: string; // key or path; empty for a line of the mapping
  line: number;
}

export interface Notice {
  id: string;
  tone: "info" | "good" | "warn" | "bad";
  text: string;
  actions: { title: string; run: () => void }[];
}

export interface State {
  start: Start | null;
  failure: Problem | null; // of the start
  file: MappingFile | null; // as it was read or saved last
  text: string; // in the editor
  event: number;
  eventText: EventText | null;
  eventProblem: Problem | null;
  lint: Lint | null;
  lintText: string;
  line: Line | null; // the last one that was made
  lineText: string; // what it was made of
  lineProblem: Problem | null; // why there is no newer one
  survey: Survey | null;
  surveyText: string;
  receiver: string;
  hover: Lit | null;
  pin: Lit | null;
  reachable: boolean;
  notices: Notice[];
  saved: Saved["tests"] | null;
  example: Example | null;
  events: number; // counts up when events were pasted
  about: string; // code of the rule whose page is open
}

export class Store {
  state: State = {
    start: null,
    failure: null,
    file: null,
    text: "",
    event: 1,
    eventText: null,
    eventProblem: null,
    lint: null,
    lintText: "",
    line: null,
    lineText: "",
    lineProblem: null,
    survey: null,
    surveyText: "",
    receiver: "",
    hover: null,
    pin: null,
    reachable: true,
    notices: [],
    saved: null,
    example: null,
    events: 0,
    about: "",
  };
  private listeners = new Set<() => void>();

  set(change: Partial<State>): void {
    this.state = { ...this.state, ...change };
    for (const listener of this.listeners) listener();
  }

  listen(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  // Shows a notice; one of the same id is replaced
  notice(id: string, tone: Notice["tone"], text: string, actions: Notice["actions"] = []): void {
    const others = this.state.notices.filter((notice) => notice.id !== id);
    this.set({ notices: [...others, { id, tone, text, actions }] });
  }

  unnotice(id: string): void {
    if (this.state.notices.some((notice) => notice.id === id)) {
      this.set({ notices: this.state.notices.filter((notice) => notice.id !== id) });
    }
  }
}
