// The workbench: events on the left, the mapping and its message in the middle, SIEMs on the right.

import "./base.css";
import "./workbench.css";
import { Component, createRef, render } from "preact";
import { type DialogName, KeyList, Paste, SaveExample } from "./dialogs";
import { Events } from "./events";
import { Fields } from "./fields";
import { LineView } from "./line";
import { Problems } from "./problems";
import { Receivers } from "./receivers";
import { many, plain } from "./safe";
import { Sample } from "./sample";
import { Studio } from "./studio";
import { onTheme, switchTheme, theme } from "./theme";

const PANELS = ["#event-list", ".cm-content", ".part", "[id^=siem-tab][tabindex='0']", "[id^=sample-tab][tabindex='0']"];

class Workbench extends Component<{ studio: Studio }, { dialog: DialogName }> {
  override state = { dialog: null as DialogName };
  private readonly editor = createRef<HTMLDivElement>();
  private events: Events | null = null;

  override componentDidMount(): void {
    const { studio } = this.props;
    studio.store.listen(() => this.setState({}));
    onTheme(() => this.setState({}));
    addEventListener("keydown", (event) => this.key(event));
    void studio.begin().then(() => {
      if (this.editor.current) studio.mount(this.editor.current);
    });
  }

  private key(event: KeyboardEvent): void {
    if (this.state.dialog || event.defaultPrevented) return;
    const plainAlt = event.altKey && !event.ctrlKey && !event.metaKey;
    if (plainAlt && event.code === "KeyN") void this.events?.step(1);
    else if (plainAlt && event.code === "KeyP") void this.events?.step(-1);
    else if (plainAlt && event.code === "KeyE") this.open("example");
    else if ((event.ctrlKey || event.metaKey) && !event.altKey && event.key === "s") {
      void this.props.studio.save();
    } else if (event.key === "F6") this.cycle(event.shiftKey ? -1 : 1);
    else return;
    event.preventDefault();
  }

  // Focuses the next panel
  private cycle(by: number): void {
    const found = PANELS.map((panel) => document.querySelector<HTMLElement>(panel));
    const active = document.activeElement;
    const section = active?.closest("section");
    const at = found.findIndex((each) => each && (each === active || each.closest("section") === section));
    for (let step = 1; step <= found.length; step++) {
      const next = found[(at + by * step + found.length * step) % found.length];
      if (next && next !== active) {
        next.focus();
        return;
      }
    }
  }

  private open(dialog: DialogName): void {
    if (dialog === "example" && !this.props.studio.store.state.line?.valid) return;
    this.setState({ dialog });
  }

  override render() {
    const { studio } = this.props;
    const { state } = studio.store;
    const { start, failure, file } = state;
    if (failure) {
      return (
        <main class="failure">
          <h1>cef-bridge studio</h1>
          <p>{failure.message}</p>
          <p>{failure.fix}</p>
        </main>
      );
    }
    if (!start) return <p class="loading">Loading the mapping…</p>;
    if (!file) {
      return (
        <main class="failure">
          <h1>cef-bridge studio</h1>
          <p>No mapping was given.</p>
          {start.live && (
            <p>
              <a href="/live#studio">Open the live page</a>
            </p>
          )}
        </main>
      );
    }
    const lights = studio.lights();
    const stale = state.lineText !== state.text || state.lineProblem !== null;
    const invalid = state.lineProblem;
    const close = () => this.setState({ dialog: null });
    const title = this.exampleName();
    return (
      <>
        <a class="skip" href="#mapping">
          Skip to the mapping
        </a>
        {this.head()}
        <main class="workbench">
          <div class="column left">
            <Events
              mounted={(events) => (this.events = events)}
              studio={studio}
              event={state.event}
              version={state.events}
              paste={() => this.open("paste")}
            />
            <Fields
              studio={studio}
              line={state.line}
              event={state.eventText}
              problem={state.eventProblem}
              lights={lights}
              example={() => this.open("example")}
            />
          </div>
          <div class="column middle">
            <section class="panel mapping" id="mapping" aria-label="Mapping">
              <div class="editor" ref={this.editor} />
              <Problems studio={studio} lint={state.lint} text={state.lintText} about={state.about} />
            </section>
            <LineView
              studio={studio}
              line={state.line}
              problem={invalid}
              stale={stale}
              lights={lights}
              lit={state.hover ?? state.pin}
              keys={start.keys}
            />
          </div>
          <div class="column right">
            <Receivers
              studio={studio}
              receivers={start.receivers}
              chosen={state.receiver}
              line={state.line}
              text={state.lineText}
              stale={stale}
              lights={lights}
            />
            <Sample studio={studio} survey={state.survey} old={state.surveyText !== state.text} />
          </div>
        </main>
        {this.foot()}
        {this.state.dialog === "paste" && <Paste studio={studio} close={close} />}
        {this.state.dialog === "example" && (
          <SaveExample key={title} studio={studio} close={close} title={title} />
        )}
        {this.state.dialog === "keys" && <KeyList close={close} />}
      </>
    );
  }

  private exampleName(): string {
    const parts = this.props.studio.store.state.line?.parts ?? [];
    return plain(parts.find((part) => part.key === "header.name")?.value ?? "example", 80);
  }

  private head() {
    const { studio } = this.props;
    const { start, file } = studio.store.state;
    if (!start || !file) return null;
    const writable = start.edit && !file.shipped;
    return (
      <header class="top">
        <h1>
          <img src="/static/icon.svg" alt="" width="20" height="20" /> cef-bridge <span>studio</span>
        </h1>
        <p class="file">
          <strong class="mono">{plain(file.path, 80)}</strong>
          <span class="tag">{file.format.toUpperCase()}</span>
          {!writable && (
            <span class="tag" title={file.shipped ? "It comes with cef-bridge" : "Start with --edit to save"}>
              read-only
            </span>
          )}
          <span class={studio.dirty ? "dirty shown" : "dirty"} aria-live="polite">
            {studio.dirty ? "● unsaved" : ""}
          </span>
        </p>
        <span class="grow" />
        {start.live && (
          <a class="button" href="/live#studio">
            Live
          </a>
        )}
        <button type="button" aria-label="Undo" title="Undo (Ctrl+Z)" onClick={() => studio.editor?.undo()}>
          <span aria-hidden="true">↶</span>
        </button>
        <button type="button" aria-label="Redo" title="Redo (Ctrl+Y)" onClick={() => studio.editor?.redo()}>
          <span aria-hidden="true">↷</span>
        </button>
        <button type="button" onClick={() => this.open("keys")}>
          Shortcuts
        </button>
        <button
          type="button"
          aria-label={`Switch to ${theme() === "dark" ? "light" : "dark"} colors`}
          title="Light or dark"
          onClick={switchTheme}
        >
          <span aria-hidden="true">◐</span>
        </button>
        <button
          type="button"
          class="primary save"
          title={writable ? "Save (Ctrl+S)" : "Copy the mapping, for a file of your own"}
          disabled={writable && !studio.dirty}
          onClick={() => void (writable ? studio.save() : studio.copy())}
        >
          {writable ? "Save" : "Copy YAML"}
        </button>
      </header>
    );
  }

  private foot() {
    const { start, notices, line, reachable } = this.props.studio.store.state;
    const sample = start?.sample;
    return (
      <footer class="status">
        <span class={reachable ? "dot good" : "dot bad"} aria-hidden="true">
          {reachable ? "●" : "○"}
        </span>
        <div class="notices" role="status" aria-live="polite">
          {notices.length === 0 && <span class="soft">Ready</span>}
          {notices.map((notice) => (
            <span key={notice.id} class={`notice ${notice.tone}`}>
              {plain(notice.text, 400)}{" "}
              {notice.actions.map((action) => (
                <button key={action.title} type="button" onClick={action.run}>
                  {action.title}
                </button>
              ))}
            </span>
          ))}
        </div>
        <span class="soft about-sample">
          {sample && `${sample.more ? "the first " : ""}${many(sample.events, "event")}`}
          {sample?.skipped ? `, ${many(sample.skipped, "line")} skipped` : ""}
          {line ? ` · message made in ${(line.microseconds / 1000).toFixed(1)} ms` : ""} · version {start?.version}
        </span>
      </footer>
    );
  }
}

history.replaceState(null, "", location.pathname); // the cookie has the token from here on
const root = document.getElementById("app");
if (root) {
  root.textContent = "";
  render(<Workbench studio={new Studio()} />, root);
}
