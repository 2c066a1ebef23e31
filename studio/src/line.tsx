// The line that the mapping makes of the event: as it is sent, each key a part, and as a table.

import { useState } from "preact/hooks";
import type { ComponentChildren } from "preact";
import type { CefKey, FieldFate, Line, LinePart, Problem } from "./api";
import type { Lights } from "./lit";
import { Value, count, plain, visible } from "./safe";
import type { Lit } from "./state";
import type { Studio } from "./studio";
import { Tabs } from "./tabs";

interface Props {
  studio: Studio;
  line: Line | null;
  problem: Problem | null;
  stale: boolean;
  lights: Lights;
  lit: Lit | null;
  keys: CefKey[];
}

const CUT = 400; // characters of a value in the line

export function LineView(props: Props) {
  const { studio, line, problem, lights, keys, lit } = props;
  const [tab, choose] = useState("line");
  const parts = line?.parts ?? [];
  const noted = parts.filter((part) => part.notes.length);
  const left = (line?.fields ?? []).filter((field) => field.fate !== "mapped");
  return (
    <section class={problem ? "panel line stale" : "panel line"} aria-label="Message">
      <Tabs
        name="line"
        label="Message"
        chosen={tab}
        choose={choose}
        tabs={[
          { id: "line", title: "Message" },
          { id: "keys", title: <>Keys <span class="badge">{parts.length}</span></> },
          {
            id: "notes",
            title: <>Altered <span class="badge">{noted.length}</span></>,
          },
          { id: "left", title: <>Unmapped <span class="badge">{left.length}</span></> },
          { id: "unwritten", title: <>Absent <span class="badge">{line?.unwritten.length ?? 0}</span></> },
        ]}
        after={line?.message && <Size line={line} />}
      >
        {tab === "line" && <Message {...props} />}
        {tab === "keys" && <Keys parts={parts} studio={studio} lights={lights} />}
        {tab === "notes" && (
          <Notes parts={noted} studio={studio} lights={lights} />
        )}
        {tab === "left" && (
          <dl class="why-list">
            {left.length === 0 && <p class="empty">Rules read every field of this event.</p>}
            {left.map((field) => (
              <div key={field.path}>
                <dt class="mono">
                  <bdi>{plain(field.path, 100)}</bdi> <span class="tag">{field.fate}</span>
                </dt>
                <dd>{becameOf(field)}</dd>
              </div>
            ))}
          </dl>
        )}
        {tab === "unwritten" && (
          <dl class="why-list">
            {line?.unwritten.map((each) => (
              <div key={each.key}>
                <dt class="mono">{plain(each.key, 100)}</dt>
                <dd>
                  {each.why.map((it) => (
                    <div key={it.rule}>
                      <span class="mono soft">{plain(it.rule, 80)}</span> {plain(it.why, 300)}
                    </div>
                  ))}
                </dd>
              </div>
            ))}
          </dl>
        )}
      </Tabs>
      <Details studio={studio} line={line} lights={lights} lit={lit} keys={keys} problem={problem} />
    </section>
  );
}

function Size({ line }: { line: Line }) {
  const over = line.maxBytes > 0 && line.bytes > line.maxBytes;
  return (
    <span class={over ? "size bad" : "size soft"} title="Bytes of the message, and the limit">
      {count(line.bytes)}/{count(line.maxBytes)} B
    </span>
  );
}

// Moves between parts: arrow keys, Home, End; Enter goes to the rule
function travel(event: KeyboardEvent, studio: Studio): void {
  const box = event.currentTarget as HTMLElement;
  const parts = [...box.querySelectorAll<HTMLElement>("[data-key]")];
  const at = parts.indexOf(document.activeElement as HTMLElement);
  const steps: Record<string, number> = {
    ArrowRight: at + 1,
    ArrowDown: at + 1,
    ArrowLeft: at - 1,
    ArrowUp: at - 1,
    Home: 0,
    End: parts.length - 1,
  };
  if (event.key === "Enter" && at >= 0) {
    event.preventDefault();
    studio.goToRule(parts[at]?.dataset["key"] ?? "");
    return;
  }
  const to = steps[event.key];
  if (to === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  parts[Math.max(0, Math.min(parts.length - 1, to))]?.focus();
}

function pointing(studio: Studio, key: string) {
  const pointed = { kind: "key", name: key, line: 0 } as const;
  return {
    "data-key": key,
    onMouseEnter: () => studio.hover(pointed),
    onMouseLeave: () => studio.hover(null),
    onFocus: () => studio.pin(pointed),
    onClick: (event: MouseEvent) => (event.currentTarget as HTMLElement).focus(),
    onDblClick: () => studio.goToRule(key),
  };
}

function Message({ studio, line, problem, lights }: Props) {
  if (!line) {
    return <p class="empty">{problem ? `${problem.message} ${problem.fix}` : "Choose an event."}</p>;
  }
  if (line.outcome !== "converted") {
    return (
      <p class="empty">
        <strong>The event is {line.outcome}.</strong> {plain(line.reason, 500)}
      </p>
    );
  }
  const found: ComponentChildren[] = [];
  const inherited = line.parts.some((part) => part.rule && !part.rule.own);
  let at = 0;
  for (const [index, part] of line.parts.entries()) {
    if (part.start < at) continue;
    found.push(...between(line.message.slice(at, part.start)));
    const value = line.message.slice(part.start, part.end);
    const cut = value.length > CUT;
    found.push(
      <span
        key={`${index}`}
        role="option"
        tabIndex={index === 0 ? 0 : -1}
        aria-selected={lights.keys.has(part.key)}
        aria-label={`${part.key}${part.label ? `, ${part.label}` : ""}: ${plain(part.value, 120) || "empty"}`}
        class={classes(part, lights, inherited)}
        {...pointing(studio, part.key)}
      >
        {visible(cut ? value.slice(0, CUT) : value)}
        {cut && <span class="tag">… {count(value.length - CUT)} more</span>}
      </span>,
    );
    at = part.end;
  }
  found.push(...between(line.message.slice(at)));
  return (
    <div
      class="message mono"
      role="listbox"
      aria-label="Keys of the message"
      aria-orientation="horizontal"
      onKeyDown={(event) => travel(event, studio)}
    >
      {found}
    </div>
  );
}

// `inherited`: other rules are a parent's, so those of this text are marked
function classes(part: LinePart, lights: Lights, inherited: boolean): string {
  const names = ["part"];
  if (lights.keys.has(part.key)) names.push("lit");
  if (inherited && part.rule?.own) names.push("own");
  if (part.notes.length) names.push("noted");
  return names.join(" ");
}

// What is between two values: keys are told from the rest
function between(text: string): ComponentChildren[] {
  const shown = text.length > 2 * CUT ? `${text.slice(0, 2 * CUT)}…` : text;
  return shown
    .split(/([\w.-]+(?==))/)
    .map((each, index) =>
      index % 2 ? <span class="part-key">{each}</span> : <span class="gap">{visible(each)}</span>,
    );
}

function Keys({ parts, studio, lights }: { parts: LinePart[]; studio: Studio; lights: Lights }) {
  return (
    <table class="grid-table" onKeyDown={(event) => travel(event, studio)}>
      <thead>
        <tr>
          <th scope="col">Key</th>
          <th scope="col">Value</th>
          <th scope="col">From</th>
          <th scope="col">Rule</th>
        </tr>
      </thead>
      <tbody>
        {parts.map((part, index) => (
          <tr
            key={part.key}
            tabIndex={index === 0 ? 0 : -1}
            class={lights.keys.has(part.key) ? "lit" : ""}
            {...pointing(studio, part.key)}
          >
            <td class="mono key">
              {plain(part.key, 60)}
              {part.label && <span class="soft"> {plain(part.label, 40)}</span>}
            </td>
            <td>
              <Value text={part.value} limit={120} />
            </td>
            <td class="mono">{plain(part.fields.join(", "), 80)}</td>
            <td class="mono soft at-rule" title={ruleOf(part)}>
              <bdi>{ruleOf(part)}</bdi>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Notes({ parts, studio, lights }: { parts: LinePart[]; studio: Studio; lights: Lights }) {
  if (!parts.length) return <p class="empty">Nothing is cut, escaped or dropped.</p>;
  return (
    <ul class="note-list" onKeyDown={(event) => travel(event, studio)}>
      {parts.map((part, index) => (
        <li
          key={part.key}
          tabIndex={index === 0 ? 0 : -1}
          class={lights.keys.has(part.key) ? "lit" : ""}
          {...pointing(studio, part.key)}
        >
          <span class="mono key">{plain(part.key, 60)}</span>{" "}
          {part.notes.map((note) => (
            <span key={note} class="remark">
              {plain(note, 300)}
            </span>
          ))}
        </li>
      ))}
    </ul>
  );
}

function becameOf(field: FieldFate): string {
  if (field.keys.length) return `Written to ${plain(field.keys.join(", "), 200)}.`;
  return plain(field.why.replace(`${field.fate}: `, ""), 300); // the tag before it says that
}

function ruleOf(part: LinePart): string {
  return part.rule ? `${plain(part.rule.file, 60)}:${part.rule.line}` : "cef-bridge";
}

interface DetailProps {
  studio: Studio;
  line: Line | null;
  lights: Lights;
  lit: Lit | null;
  keys: CefKey[];
  problem: Problem | null;
}

// One place, of one height, that says all of what somebody points at
function Details({ studio, line, lights, lit, keys, problem }: DetailProps) {
  const parts = line?.parts.filter((part) => lights.keys.has(part.key)) ?? [];
  const field = lit?.kind === "field" ? line?.fields.find((it) => it.path === lit.name) : undefined;
  let content: ComponentChildren;
  if (field) {
    content = (
      <>
        <p>
          <strong class="mono">{plain(field.path, 100)}</strong> <span class="tag">{field.fate}</span>{" "}
          {becameOf(field)}
        </p>
        <Value key={field.path} text={field.value} limit={240} />
      </>
    );
  } else if (parts.length) {
    content = parts.slice(0, 4).map((part) => (
      <Part key={part.key} part={part} studio={studio} about={keys.find((key) => key.key === part.key)} />
    ));
  } else {
    content = (
      <p class="soft">
        Point at a key, a rule or a field: the other two light up. Arrow keys move, Enter goes to the rule.
      </p>
    );
  }
  return (
    <div class="details" role="region" aria-label="Details" tabIndex={0}>
      {problem && line && (
        <p class="stale-note">
          <span aria-hidden="true">⚠</span> The mapping is invalid. This is the message of its last valid
          text.
        </p>
      )}
      {content}
    </div>
  );
}

function Part({ part, studio, about }: { part: LinePart; studio: Studio; about: CefKey | undefined }) {
  const length = about?.length ? ` ≤ ${count(about.length)}` : "";
  return (
    <div class="detail">
      <p>
        <strong class="mono key">{plain(part.key, 60)}</strong>
        {part.label && <span class="mono"> {plain(part.label, 60)}</span>}{" "}
        {about && (
          <span class="tag">
            {about.type}
            {length}
          </span>
        )}{" "}
        <span class="soft">{about?.about}</span>
      </p>
      <p class="flow">
        <span class="mono">{plain(part.fields.join(", "), 160) || "constant"}</span>
        {part.steps.map((step) => (
          <span key={step}>
            <span aria-label="then" role="img">
              →
            </span>{" "}
            <span class="mono">{plain(step, 120)}</span>
          </span>
        ))}
        <span>
          {part.rule?.own ? (
            <button type="button" class="link" onClick={() => studio.goToRule(part.key)}>
              line {part.rule.line}
            </button>
          ) : (
            <span class="soft mono">{ruleOf(part)}</span>
          )}
        </span>
        {part.notes.map((note) => (
          <span key={note} class="remark">
            {plain(note, 300)}
          </span>
        ))}
      </p>
      <Value key={part.key} text={part.value} limit={240} />
    </div>
  );
}

