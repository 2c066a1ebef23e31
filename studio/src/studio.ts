// What the workbench does: it asks the server, and keeps the state. One at a time of each question
// is open; a newer one cancels it.

import type {
  Disk,
  EventText,
  Example,
  Fix,
  Line,
  Lint,
  MappingFile,
  Pasted,
  Saved,
  Start,
  Survey,
} from "./api";
import { Gone, Refused, cancelled, get, onReach, post, problemOf } from "./client";
import { MappingEditor } from "./editor";
import { lights } from "./lit";
import { many } from "./safe";
import { type Lit, Store } from "./state";

const LINE_AFTER = 5; // ms without a key until the message is asked for, then lint
const SURVEY_AFTER = 300;
const DISK_EVERY = 2000;
const REVEAL_AFTER = 150; // of pointing

interface Draft {
  text: string;
  hash: string; // of the file that it began from
}

export class Studio {
  readonly store = new Store();
  editor: MappingEditor | null = null;
  private asking = new AbortController();
  private eventAsking = new AbortController();
  private surveyAsking = new AbortController();
  private timer = 0;
  private surveyTimer = 0;
  private turn = 0;
  private revealTimer = 0;
  private typedAt = 0;
  private readonly page = crypto.randomUUID();
  private channel: BroadcastChannel | null = null;
  private diskHash = "";
  private checking = false;
  private saving = false;

  async begin(): Promise<void> {
    onReach((reachable) => this.reached(reachable));
    try {
      const start = await get<Start>("/api/start");
      const file = start.mapping && withLines(start.mapping);
      const draft = file ? this.draft(file) : null;
      const receiver = start.receivers.find((it) => it.own) ?? start.receivers[0];
      this.diskHash = file?.hash ?? "";
      this.store.set({
        start,
        file,
        text: draft?.text ?? file?.text ?? "",
        receiver: receiver?.id ?? "",
        event: start.sample.events ? 1 : 0,
      });
      if (draft && file) this.restored(draft, file);
      if (file) {
        this.meetTabs(file);
        setInterval(() => void this.checkDisk(), DISK_EVERY);
        addEventListener("beforeunload", (event) => this.leaving(event));
      }
    } catch (error) {
      this.store.set({ failure: problemOf(error) });
    }
  }

  mount(parent: HTMLElement): void {
    const { start, text } = this.store.state;
    if (!start) return;
    this.editor = new MappingEditor(parent, text, start, {
      changed: (now) => this.changed(now),
      caret: (line) => this.pin({ kind: "line", name: "", line }),
      pointed: (line) => this.hover(line === null ? null : { kind: "line", name: "", line }),
      save: () => void this.save(),
      about: (finding) => this.store.set({ about: finding.code }),
    });
    void this.loadEvent();
    void this.ask();
    this.surveySoon(0);
  }

  get dirty(): boolean {
    const { file, text } = this.store.state;
    return file !== null && file.text !== text;
  }

  // --- what somebody points at ---

  hover(lit: Lit | null): void {
    const was = this.store.state.hover;
    if (was?.kind === lit?.kind && was?.name === lit?.name && was?.line === lit?.line) return;
    this.store.set({ hover: lit });
    this.relight();
    clearTimeout(this.revealTimer);
    if (lit) this.revealTimer = window.setTimeout(() => this.reveal(lit), REVEAL_AFTER);
  }

  pin(lit: Lit | null): void {
    this.store.set({ pin: lit });
    this.relight();
    clearTimeout(this.revealTimer);
    if (lit) this.revealTimer = window.setTimeout(() => this.reveal(lit), 0);
  }

  // Scrolls what is lit into view, but for where somebody points
  private reveal(lit: Lit): void {
    const line = lit.kind === "line" ? undefined : this.lights().lines[0];
    if (line !== undefined) this.editor?.reveal(line, false);
    if (lit.kind !== "key") bring(document.querySelector("#line-panel .lit"));
    if (lit.kind !== "field") bring(document.querySelector("#event-panel .lit"));
    if (lit.kind !== "key") bring(document.querySelector("#siem-panel .lit"));
  }

  lights() {
    const { hover, pin, line, lineText } = this.store.state;
    return lights(hover ?? pin, line, lineText);
  }

  goToRule(key: string): void {
    const part = this.store.state.line?.parts.find((it) => it.key === key);
    if (part?.rule?.own) this.editor?.reveal(part.rule.line, true);
  }

  private relight(): void {
    const { lineText, text } = this.store.state;
    // Lines of an older text have moved: the editor moves what it has lit
    if (lineText === text) this.editor?.light(this.lights().lines);
  }

  // --- text → lint and line ---

  private changed(text: string): void {
    if (!this.typedAt) this.typedAt = performance.now();
    this.store.set({ text, saved: null });
    this.keepDraft();
    this.asking.abort();
    this.surveyAsking.abort();
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => void this.ask(), LINE_AFTER);
    this.surveySoon(SURVEY_AFTER);
  }

  // Asks for lint and line of the text as it is now
  async ask(): Promise<void> {
    this.asking.abort();
    const asking = (this.asking = new AbortController());
    const turn = ++this.turn;
    const { text, event } = this.store.state;
    // One after the other: the message, which is looked at, is not to wait for lint
    for (const one of [
      () => (event ? this.askLine(text, event, asking.signal, turn) : Promise.resolve()),
      () => this.askLint(text, asking.signal, turn),
    ]) {
      try {
        await one();
      } catch (error) {
        if (cancelled(error) || error instanceof Gone || turn !== this.turn) return;
        this.store.set({ lineProblem: problemOf(error) });
      }
    }
  }

  private async askLint(text: string, signal: AbortSignal, turn: number): Promise<void> {
    const lint = await post<Lint>("/api/lint", { text }, signal);
    if (turn !== this.turn) return;
    this.store.set({ lint, lintText: text });
    this.editor?.show(text, lint.findings);
  }

  private async askLine(
    text: string,
    event: number,
    signal: AbortSignal,
    turn: number,
  ): Promise<void> {
    const line = await post<Line>("/api/line", { text, event }, signal);
    if (turn !== this.turn) return;
    if (line.valid) this.store.set({ line, lineText: text, lineProblem: null });
    else this.store.set({ lineProblem: line.problem });
    this.relight();
    this.measure();
  }

  // Notes how long it took from the first key to the line on the screen
  private measure(): void {
    const from = this.typedAt;
    this.typedAt = 0;
    if (!from) return;
    requestAnimationFrame(() => {
      performance.measure("key-to-line", { start: from, end: performance.now() });
    });
  }

  apply(text: string, fix: Fix): void {
    if (this.editor?.apply(text, fix)) this.say("fix", "good", `Changed: ${fix.title}. Undo brings it back.`);
    else this.say("fix", "warn", "The mapping has changed since. Try again.");
  }

  // --- events ---

  choose(event: number): void {
    if (event === this.store.state.event) return;
    this.store.set({ event, pin: null, hover: null });
    void this.loadEvent();
    void this.ask();
  }

  private async loadEvent(): Promise<void> {
    this.eventAsking.abort();
    const asking = (this.eventAsking = new AbortController());
    const { event } = this.store.state;
    if (!event) return;
    try {
      const eventText = await get<EventText>(`/api/event/${event}`, asking.signal);
      this.store.set({ eventText, eventProblem: null });
    } catch (error) {
      if (!cancelled(error)) this.store.set({ eventProblem: problemOf(error) });
    }
  }

  async paste(text: string): Promise<string> {
    try {
      const { numbers } = await post<Pasted>("/api/events", { text });
      const { start, events } = this.store.state;
      const sample = start && { ...start.sample, events: start.sample.events + numbers.length };
      this.store.set({ start: start && sample && { ...start, sample }, events: events + 1 });
      if (numbers[0]) this.choose(numbers[0]);
      this.say("paste", "good", `Pasted ${many(numbers.length, "event")}.`);
      this.surveySoon(0);
      return "";
    } catch (error) {
      const { message, fix } = problemOf(error);
      return [message, fix].filter(Boolean).join(" ");
    }
  }

  // --- the sample ---

  private surveySoon(after: number): void {
    clearTimeout(this.surveyTimer);
    this.surveyTimer = window.setTimeout(() => void this.runSurvey(), after);
  }

  private async runSurvey(): Promise<void> {
    this.surveyAsking.abort();
    const asking = (this.surveyAsking = new AbortController());
    const { signal } = asking;
    const { text } = this.store.state;
    try {
      let survey = await post<Survey>("/api/survey", { text, page: this.page }, signal);
      let wait = 100;
      for (;;) {
        if (signal.aborted) return;
        if (survey.state === "failed" || survey.state === "cancelled") {
          if (survey.state === "failed") this.keepSurvey(survey, text);
          return;
        }
        this.store.set({ survey, surveyText: text });
        if (survey.state === "done") return;
        await new Promise((resolve) => setTimeout(resolve, wait));
        if (signal.aborted) return;
        wait = Math.min(500, wait * 1.4);
        survey = await get<Survey>(`/api/survey/${encodeURIComponent(survey.id)}`, signal);
      }
    } catch (error) {
      if (cancelled(error) || error instanceof Gone) return;
      const { survey } = this.store.state;
      if (survey) this.store.set({ survey: { ...survey, state: "failed", problem: problemOf(error) } });
    }
  }

  // A mapping that cannot be compiled: the last counts stay, with the reason
  private keepSurvey(failed: Survey, text: string): void {
    const { survey } = this.store.state;
    this.store.set({
      surveyText: text,
      survey: survey ? { ...survey, state: "failed", problem: failed.problem } : failed,
    });
  }

  // --- saving ---

  async save(): Promise<void> {
    const { start, file, text } = this.store.state;
    if (!start || !file) return;
    if (file.shipped) {
      this.say("save", "warn", `${file.name} comes with cef-bridge and is never written.`, [
        { title: "Copy the text", run: () => void this.copy() },
      ]);
      return;
    }
    if (!start.edit) {
      this.say("save", "warn", "Read-only. Start cef-bridge studio with --edit to save.", [
        { title: "Copy the text", run: () => void this.copy() },
      ]);
      return;
    }
    if (this.saving) return;
    this.saving = true;
    await this.write(text, file.hash);
    this.saving = false;
  }

  private async write(text: string, hash: string): Promise<void> {
    const { file } = this.store.state;
    if (!file) return;
    try {
      const saved = await post<Saved>("/api/save", { text, hash });
      this.diskHash = saved.hash;
      this.store.set({ file: { ...file, text, hash: saved.hash }, saved: saved.tests });
      this.keepDraft();
      this.store.unnotice("disk");
      this.store.unnotice("restored");
      this.channel?.postMessage({ saved: saved.hash });
      const { passed, failed, messages } = saved.tests;
      const tests = failed
        ? `${many(failed, "example")} of ${passed + failed} failed: ${messages[0] ?? ""}`
        : passed
          ? `${many(passed, "example")} passed.`
          : "It has no examples.";
      this.say("save", failed ? "warn" : "good", `Saved ${file.path}. ${tests}`);
      this.surveySoon(0);
    } catch (error) {
      const disk = error instanceof Refused && error.status === 409 ? diskIn(error.body) : null;
      if (disk) this.changedOnDisk(disk);
      else {
        const { message, fix } = problemOf(error);
        this.say("save", "bad", [message, fix].filter(Boolean).join(" "));
      }
    }
  }

  private changedOnDisk(disk: MappingFile): void {
    const { file, start } = this.store.state;
    if (!file) return;
    this.diskHash = disk.hash;
    const load = {
      title: "Load the file",
      run: () => {
        this.store.set({ file: disk });
        this.editor?.replace(disk.text);
        this.keepDraft();
        this.store.unnotice("disk");
        this.say("save", "info", `Loaded ${disk.path}. Undo brings your text back.`);
        this.surveySoon(0);
      },
    };
    const overwrite = {
      title: "Overwrite it",
      run: () => void this.write(this.store.state.text, disk.hash),
    };
    this.store.notice(
      "disk",
      "warn",
      this.dirty
        ? `${file.path} changed on disk. Your changes are still here.`
        : `${file.path} changed on disk.`,
      start?.edit && this.dirty ? [load, overwrite] : [load],
    );
  }

  private async checkDisk(): Promise<void> {
    if (this.checking) return;
    this.checking = true;
    try {
      const disk = await get<Disk>("/api/disk");
      this.store.unnotice("refused");
      const { file } = this.store.state;
      if (!file) return;
      if (disk.hash === file.hash) {
        this.store.unnotice("disk");
        this.diskHash = disk.hash;
      } else if (!disk.hash) {
        this.diskHash = "";
        this.store.notice("disk", "warn", `${file.path} cannot be read any more. Your text is kept.`, [
          { title: "Copy the text", run: () => void this.copy() },
        ]);
      } else if (disk.hash !== this.diskHash) {
        const start = await get<Start>("/api/start");
        const now = start.mapping && withLines(start.mapping);
        if (now && now.hash !== this.store.state.file?.hash) this.changedOnDisk(now);
      }
    } catch (error) {
      if (error instanceof Refused) {
        const { message, fix } = error.problem;
        this.store.notice("refused", "bad", [message, fix].filter(Boolean).join(" "));
      }
    } finally {
      this.checking = false;
    }
  }

  async saveExample(name: string): Promise<string> {
    const { text, event } = this.store.state;
    try {
      const example = await post<Example>("/api/example", { text, event, name });
      if (!example.edits.length) {
        const { message, fix } = example.problem ?? { message: "Nothing to add.", fix: "" };
        return [message, fix].filter(Boolean).join(" ");
      }
      if (!this.editor?.apply(text, example)) return "The mapping has changed since. Try again.";
      this.say(
        "example",
        example.passes ? "good" : "warn",
        example.passes
          ? "Added the event to examples. It passes. Save to keep it."
          : `Added the event to examples. It fails: ${example.problem?.message ?? ""}`,
      );
      return "";
    } catch (error) {
      const { message, fix } = problemOf(error);
      return [message, fix].filter(Boolean).join(" ");
    }
  }

  async copy(): Promise<void> {
    try {
      await navigator.clipboard.writeText(this.store.state.text);
      this.say("save", "good", "Copied the mapping.");
    } catch {
      this.say("save", "warn", "The browser does not allow copying. Select the text and copy it.");
    }
  }

  discard(): void {
    const { file } = this.store.state;
    if (!file) return;
    this.editor?.replace(file.text);
    this.store.unnotice("restored");
    this.say("save", "info", "Changes discarded. Undo brings them back.");
  }

  // --- this tab and others ---

  private key(file: MappingFile): string {
    return `cef-bridge-studio:${file.path}`;
  }

  private draft(file: MappingFile): Draft | null {
    try {
      const kept = sessionStorage.getItem(this.key(file));
      const draft = kept ? (JSON.parse(kept) as Partial<Draft>) : null;
      return typeof draft?.text === "string" && draft.text !== file.text
        ? { text: draft.text, hash: draft.hash ?? "" }
        : null;
    } catch {
      return null;
    }
  }

  private keepDraft(): void {
    const { file, text } = this.store.state;
    if (!file) return;
    try {
      if (text === file.text) sessionStorage.removeItem(this.key(file));
      else sessionStorage.setItem(this.key(file), JSON.stringify({ text, hash: file.hash }));
    } catch {
      // Storage is full or blocked: the browser asks before it leaves the page
    }
  }

  private restored(draft: Draft, file: MappingFile): void {
    const other = draft.hash && draft.hash !== file.hash;
    this.store.notice(
      "restored",
      other ? "warn" : "info",
      other
        ? "Your unsaved changes are restored. The file changed on disk since."
        : "Your unsaved changes are restored.",
      [{ title: "Discard them", run: () => this.discard() }],
    );
  }

  private leaving(event: BeforeUnloadEvent): void {
    const { file } = this.store.state;
    if (!this.dirty || !file) return;
    try {
      if (sessionStorage.getItem(this.key(file))) return; // it comes back with a reload
    } catch {
      // ask
    }
    event.preventDefault();
  }

  private meetTabs(file: MappingFile): void {
    if (typeof BroadcastChannel === "undefined") return;
    this.channel = new BroadcastChannel(this.key(file));
    this.channel.addEventListener("message", ({ data }: MessageEvent<Record<string, unknown>>) => {
      if (data["hello"]) this.channel?.postMessage({ here: true });
      if (data["hello"] || data["here"]) {
        this.store.notice(
          "tabs",
          "info",
          "This mapping is open in another tab, too. Each tab has its own unsaved changes.",
          [{ title: "OK", run: () => this.store.unnotice("tabs") }],
        );
      }
      if (data["saved"]) void this.checkDisk();
    });
    this.channel.postMessage({ hello: true });
  }

  private reached(reachable: boolean): void {
    const was = this.store.state.reachable;
    if (was === reachable) return;
    this.store.set({ reachable });
    if (reachable) {
      this.store.unnotice("gone");
      this.say("back", "good", "The server is back.");
      void this.ask();
      void this.loadEvent();
      this.surveySoon(0);
    } else {
      this.store.unnotice("back");
      this.store.notice(
        "gone",
        "bad",
        "The server does not answer. Your text is kept. Trying again every two seconds.",
      );
    }
  }

  // Shows a notice for a while
  private say(
    id: string,
    tone: "info" | "good" | "warn" | "bad",
    text: string,
    actions: { title: string; run: () => void }[] = [],
  ): void {
    this.store.notice(id, tone, text, actions);
    const shown = this.store.state.notices.find((notice) => notice.id === id);
    if (tone === "bad" || tone === "warn") return;
    setTimeout(() => {
      if (this.store.state.notices.includes(shown as never)) this.store.unnotice(id);
    }, 8000);
  }
}

// Scrolls the box around an element, and nothing else, until the element is in view
function bring(element: Element | null): void {
  const box = element?.closest(".tab-panel");
  if (!element || !box) return;
  const [at, view] = [element.getBoundingClientRect(), box.getBoundingClientRect()];
  const above = at.top - view.top - 30;
  const below = at.bottom - view.bottom + 10;
  if (above < 0) box.scrollTop += above;
  else if (below > 0) box.scrollTop += Math.min(below, above);
}

function diskIn(body: unknown): MappingFile | null {
  const disk = (body as { disk?: MappingFile } | null)?.disk;
  return disk ? withLines(disk) : null;
}

// Returns a file with the line ends that the editor has; the server writes those of the file
function withLines(file: MappingFile): MappingFile {
  return { ...file, text: file.text.replace(/\r\n?/g, "\n") };
}
