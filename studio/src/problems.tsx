// What lint found in the mapping, with a fix for one click and the page of each rule.

import type { Finding, Lint } from "./api";
import { many, plain } from "./safe";
import type { Studio } from "./studio";

interface Props {
  studio: Studio;
  lint: Lint | null;
  text: string; // what lint read
  about: string; // code of the page that is open
}

const RANK = { error: 0, warning: 1, note: 2 } as const;
const SIGNS = { error: "✕", warning: "⚠", note: "i" } as const;

export function Problems({ studio, lint, text, about }: Props) {
  // The worst first: few are in view
  const findings = (lint?.findings ?? []).toSorted((a, b) => RANK[a.severity] - RANK[b.severity]);
  return (
    <div class="problems" role="region" aria-label="Problems" tabIndex={findings.length ? 0 : -1}>
      <p class="problems-head" role="status">
        {!lint ? (
          <span class="soft">Checking…</span>
        ) : findings.length ? (
          <span class={lint.valid ? "warn" : "bad"}>
            <span aria-hidden="true">{lint.valid ? "⚠" : "✕"}</span> {summary(findings)}
          </span>
        ) : (
          <span class="good">
            <span aria-hidden="true">✓</span> No problems
          </span>
        )}
      </p>
      <ul>
        {findings.map((finding, index) => (
          <Row
            key={`${index} ${finding.code} ${finding.where}`}
            finding={finding}
            studio={studio}
            text={text}
            open={finding.code !== "" && finding.code === about && firstOf(findings, index)}
          />
        ))}
      </ul>
    </div>
  );
}

function firstOf(findings: Finding[], index: number): boolean {
  return findings.findIndex((it) => it.code === findings[index]?.code) === index;
}

function summary(findings: Finding[]): string {
  const words = { error: "error", warning: "warning", note: "note" } as const;
  return (Object.keys(words) as (keyof typeof words)[])
    .map((severity) => [severity, findings.filter((it) => it.severity === severity).length] as const)
    .filter(([, found]) => found)
    .map(([severity, found]) => many(found, words[severity]))
    .join(", ");
}

function Row({ finding, studio, text, open }: { finding: Finding; studio: Studio; text: string; open: boolean }) {
  return (
    <li class={`problem ${finding.severity}`}>
      <p>
        <span class="kind">
          <span aria-hidden="true">{SIGNS[finding.severity]}</span>
          <span class="hidden-label">{finding.severity}</span>{" "}
          {finding.code || "YAML"}
        </span>{" "}
        <button
          type="button"
          class="link mono"
          disabled={!finding.place}
          onClick={() => studio.editor?.revealFinding(finding)}
          title={plain(finding.where, 200)}
        >
          {finding.place ? `${finding.place.line}:${finding.place.column}` : plain(finding.where, 40)}
        </button>{" "}
        {plain(finding.message, 600)} <span class="soft">{plain(finding.hint, 300)}</span>
      </p>
      <p class="problem-actions">
        {finding.fixes.map((fix) => (
          <button key={fix.title} type="button" class="fix" onClick={() => studio.apply(text, fix)}>
            {plain(fix.title, 120)}
          </button>
        ))}
        {finding.page && (
          <button
            type="button"
            class="link"
            aria-expanded={open}
            onClick={() => studio.store.set({ about: open ? "" : finding.code })}
          >
            About {finding.code}
          </button>
        )}
      </p>
      {open && <pre class="rule-page">{finding.page}</pre>}
    </li>
  );
}
