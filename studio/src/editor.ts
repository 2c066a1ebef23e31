// The mapping editor: CodeMirror with what lint found, completion, and lines lit from outside.

import {
  autocompletion,
  closeBrackets,
  closeBracketsKeymap,
  completionKeymap,
} from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, redo, undo } from "@codemirror/commands";
import { yaml } from "@codemirror/lang-yaml";
import {
  HighlightStyle,
  bracketMatching,
  indentOnInput,
  indentService,
  indentUnit,
  syntaxHighlighting,
} from "@codemirror/language";
import {
  type Diagnostic,
  lintGutter,
  nextDiagnostic,
  previousDiagnostic,
  setDiagnostics,
} from "@codemirror/lint";
import { highlightSelectionMatches, search, searchKeymap } from "@codemirror/search";
import { Compartment, EditorState, StateEffect, StateField, Transaction } from "@codemirror/state";
import {
  Decoration,
  type DecorationSet,
  EditorView,
  highlightActiveLine,
  highlightActiveLineGutter,
  highlightSpecialChars,
  keymap,
  lineNumbers,
} from "@codemirror/view";
import { tags } from "@lezer/highlight";
import type { Finding, Fix, Start } from "./api";
import { completions } from "./completion";
import { onTheme, theme } from "./theme";
import { rangeOf } from "./units";

export interface EditorEvents {
  changed: (text: string) => void;
  caret: (line: number) => void;
  pointed: (line: number | null) => void;
  save: () => void;
  about: (finding: Finding) => void; // show the page of its rule
}

const lightLines = StateEffect.define<number[]>();
const lit = Decoration.line({ class: "cm-lit" });
const litLines = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update(found, change) {
    let next = found.map(change.changes);
    for (const effect of change.effects) {
      if (!effect.is(lightLines)) continue;
      const doc = change.state.doc;
      const lines = effect.value.filter((line) => line >= 1 && line <= doc.lines).sort((a, b) => a - b);
      next = Decoration.set(lines.map((line) => lit.range(doc.line(line).from)));
    }
    return next;
  },
  provide: (field) => EditorView.decorations.from(field),
});

const look = EditorView.theme({
  "&": { height: "100%", fontSize: "12.5px", color: "var(--text)", backgroundColor: "var(--panel)" },
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "1.5" },
  ".cm-content": { caretColor: "var(--accent)", padding: "6px 0" },
  ".cm-cursor": { borderLeftColor: "var(--accent)" },
  ".cm-gutters": {
    backgroundColor: "var(--sunken)",
    color: "var(--soft)",
    borderRight: "1px solid var(--line)",
  },
  ".cm-activeLine": { backgroundColor: "color-mix(in srgb, var(--accent) 6%, transparent)" },
  ".cm-activeLineGutter": { backgroundColor: "var(--hover)", color: "var(--text)" },
  ".cm-lit": {
    backgroundColor: "var(--lit)",
    boxShadow: "inset 3px 0 0 var(--lit-line)",
  },
  ".cm-selectionMatch": { backgroundColor: "var(--accent-soft)" },
  "&.cm-focused .cm-matchingBracket": { backgroundColor: "var(--accent-soft)" },
  ".cm-tooltip": {
    backgroundColor: "var(--panel)",
    color: "var(--text)",
    border: "1px solid var(--line-strong)",
    borderRadius: "6px",
    boxShadow: "var(--shadow)",
    maxWidth: "min(560px, 92vw)",
  },
  ".cm-tooltip.cm-tooltip-autocomplete > ul": { fontFamily: "var(--mono)", maxHeight: "15em" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul > li": { padding: "2px 8px" },
  ".cm-tooltip-autocomplete ul li[aria-selected]": {
    backgroundColor: "var(--accent)",
    color: "var(--accent-text)",
  },
  ".cm-tooltip-autocomplete li[aria-selected] .cm-completionDetail": { color: "inherit" },
  ".cm-completionDetail": { color: "var(--soft)", fontStyle: "normal" },
  ".cm-completionMatchedText": { textDecoration: "none", fontWeight: "700" },
  ".cm-completionInfo": { padding: "6px 9px", whiteSpace: "pre-wrap", overflowWrap: "anywhere" },
  ".cm-diagnostic": { padding: "6px 10px", borderLeftWidth: "3px", whiteSpace: "pre-wrap" },
  ".cm-diagnostic-error": { borderLeftColor: "var(--bad)" },
  ".cm-diagnostic-warning": { borderLeftColor: "var(--warn)" },
  ".cm-diagnostic-info": { borderLeftColor: "var(--accent)" },
  ".cm-diagnosticAction": {
    backgroundColor: "var(--accent)",
    color: "var(--accent-text)",
    borderRadius: "4px",
    padding: "2px 8px",
    margin: "4px 6px 0 0",
  },
  ".cm-panels": { backgroundColor: "var(--sunken)", color: "var(--text)" },
  ".cm-panels.cm-panels-bottom": { borderTop: "1px solid var(--line)" },
  ".cm-textfield": {
    backgroundColor: "var(--panel)",
    color: "var(--text)",
    border: "1px solid var(--line-strong)",
  },
  ".cm-button": {
    backgroundImage: "none",
    backgroundColor: "var(--panel)",
    color: "var(--text)",
    border: "1px solid var(--line-strong)",
  },
  ".cm-specialChar": { color: "var(--bad)", fontWeight: "700" },
});

const colors = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: "var(--key)" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--string)" },
  { tag: [tags.number, tags.bool, tags.null, tags.keyword], color: "var(--number)" },
  { tag: [tags.comment, tags.lineComment], color: "var(--comment)", fontStyle: "italic" },
  { tag: [tags.punctuation, tags.separator, tags.bracket], color: "var(--soft)" },
]);

// Returns the columns that a line behind another one begins with: below a key that has no value yet,
// or beside its siblings. Lines that are there already stay as they are.
function indentOf(before: string, broken: number | null): number | null | undefined {
  if (broken === null) return undefined;
  const [, space = "", dashes = "", rest = ""] = /^(\s*)((?:- +)*)(.*)$/.exec(before) ?? [];
  const column = space.length + dashes.length;
  return /^[^#]*:\s*(#.*)?$/.test(rest) ? column + 2 : column;
}

export class MappingEditor {
  readonly view: EditorView;
  private findings: { finding: Finding; text: string }[] = [];
  private hovered: number | null = null;

  constructor(
    parent: HTMLElement,
    text: string,
    start: Start,
    private readonly events: EditorEvents,
  ) {
    const nonce = document.querySelector<HTMLMetaElement>("meta[name=csp-nonce]")?.content ?? "";
    const dark = new Compartment();
    this.view = new EditorView({
      parent,
      state: EditorState.create({
        doc: text,
        extensions: [
          EditorView.cspNonce.of(nonce),
          dark.of(EditorView.darkTheme.of(theme() === "dark")),
          lineNumbers(),
          EditorView.lineWrapping,
          highlightActiveLine(),
          highlightActiveLineGutter(),
          highlightSpecialChars(),
          highlightSelectionMatches(),
          history(),
          indentUnit.of("  "),
          indentService.of((context, at) => indentOf(context.lineAt(at, -1).text, context.simulatedBreak)),
          indentOnInput(),
          bracketMatching(),
          closeBrackets(),
          yaml(),
          syntaxHighlighting(colors),
          lintGutter(),
          search({ top: false }),
          autocompletion({ override: [completions(start)], maxRenderedOptions: 60 }),
          litLines,
          look,
          EditorView.contentAttributes.of({
            "aria-label": "Mapping, YAML",
            spellcheck: "false",
            tabindex: "0",
          }),
          keymap.of([
            { key: "Mod-s", preventDefault: true, run: () => (this.events.save(), true) },
            { key: "F8", run: nextDiagnostic },
            { key: "Shift-F8", run: previousDiagnostic },
            { key: "Mod-.", run: () => this.fixHere() },
            ...completionKeymap,
            ...closeBracketsKeymap,
            ...searchKeymap,
            ...historyKeymap,
            ...defaultKeymap,
          ]),
          EditorView.updateListener.of((update) => {
            if (update.docChanged) this.events.changed(update.state.doc.toString());
            if (update.selectionSet || update.docChanged) {
              const user = update.transactions.some((it) => it.annotation(Transaction.userEvent));
              if (user) this.events.caret(this.caretLine());
            }
          }),
          EditorView.domEventHandlers({
            mousemove: (event) => this.point(event),
            mouseleave: () => this.unpoint(),
            focus: () => this.events.caret(this.caretLine()),
          }),
        ],
      }),
    });
    onTheme((now) =>
      this.view.dispatch({ effects: dark.reconfigure(EditorView.darkTheme.of(now === "dark")) }),
    );
  }

  get text(): string {
    return this.view.state.doc.toString();
  }

  caretLine(): number {
    const { state } = this.view;
    return state.doc.lineAt(state.selection.main.head).number;
  }

  // Replaces the whole text; undo brings the old one back
  replace(text: string): void {
    if (text === this.text) return;
    this.view.dispatch({
      changes: { from: 0, to: this.view.state.doc.length, insert: text },
      userEvent: "input.replace",
    });
  }

  // Makes a change that was made for `text`; returns false where the text is another one by now
  apply(text: string, fix: Pick<Fix, "edits">): boolean {
    if (text !== this.text) return false;
    const changes = fix.edits.map(({ from, to, insert }) => ({ from, to, insert }));
    const first = changes[0];
    this.view.dispatch({
      changes,
      userEvent: "input.fix",
      ...(first ? { effects: EditorView.scrollIntoView(first.from, { y: "nearest", yMargin: 40 }) } : {}),
    });
    return true;
  }

  show(text: string, findings: Finding[]): void {
    if (text !== this.text) return;
    this.findings = findings.map((finding) => ({ finding, text }));
    const found: Diagnostic[] = [];
    for (const finding of findings) {
      if (!finding.place) continue;
      const { from, to } = rangeOf(text, finding.place);
      found.push({
        from,
        to,
        severity: finding.severity === "note" ? "info" : finding.severity,
        ...(finding.code ? { source: finding.code } : {}),
        message: [finding.message, finding.hint].filter(Boolean).join("\n"),
        actions: [
          ...finding.fixes.map((fix) => ({
            name: fix.title,
            apply: () => void this.apply(text, fix),
          })),
          ...(finding.page
            ? [{ name: `About ${finding.code}`, apply: () => this.events.about(finding) }]
            : []),
        ],
      });
    }
    this.view.dispatch(setDiagnostics(this.view.state, found));
  }

  light(lines: number[]): void {
    this.view.dispatch({ effects: lightLines.of(lines) });
  }

  // Brings a line into view; `caret` also puts the caret there
  reveal(line: number, caret: boolean): void {
    const { doc } = this.view.state;
    if (line < 1 || line > doc.lines) return;
    const at = doc.line(line);
    this.view.dispatch({
      ...(caret ? { selection: { anchor: at.from + (/^\s*/.exec(at.text)?.[0].length ?? 0) } } : {}),
      effects: EditorView.scrollIntoView(at.from, { y: caret ? "center" : "nearest", yMargin: 30 }),
    });
    if (caret) this.view.focus();
  }

  revealFinding(finding: Finding): void {
    if (!finding.place) return;
    const { from } = rangeOf(this.text, finding.place);
    this.view.dispatch({
      selection: { anchor: from },
      effects: EditorView.scrollIntoView(from, { y: "center" }),
    });
    this.view.focus();
  }

  undo(): void {
    undo(this.view);
  }

  redo(): void {
    redo(this.view);
  }

  // Applies the first fix of the caret's line, else of the whole text
  private fixHere(): boolean {
    const line = this.caretLine();
    const fixable = this.findings.filter((it) => it.finding.fixes.length && it.finding.place);
    const chosen = fixable.find((it) => it.finding.place?.line === line) ?? fixable[0];
    const fix = chosen?.finding.fixes[0];
    return chosen && fix ? this.apply(chosen.text, fix) : false;
  }

  private point(event: MouseEvent): void {
    const at = this.view.posAtCoords({ x: event.clientX, y: event.clientY });
    const line = at === null ? null : this.view.state.doc.lineAt(at).number;
    if (line === this.hovered) return;
    this.hovered = line;
    this.events.pointed(line);
  }

  private unpoint(): void {
    this.hovered = null;
    this.events.pointed(null);
  }
}
