// Which keys, fields and lines of the mapping belong to what somebody points at.

import type { Line } from "./api";
import type { Lit } from "./state";

export interface Lights {
  keys: Set<string>;
  fields: Set<string>;
  lines: number[]; // of the text in the editor
}

const NONE: Lights = { keys: new Set(), fields: new Set(), lines: [] };

export function lights(lit: Lit | null, line: Line | null, text: string): Lights {
  if (!lit || !line?.valid) return NONE;
  const keys = new Set<string>();
  const fields = new Set<string>();
  if (lit.kind === "key") keys.add(lit.name);
  if (lit.kind === "field") {
    fields.add(lit.name);
    for (const key of line.fields.find((field) => field.path === lit.name)?.keys ?? []) keys.add(key);
    for (const part of line.parts) if (part.fields.includes(lit.name)) keys.add(part.key);
  }
  const lines = new Set<number>();
  if (lit.kind === "line") {
    const rule = ruleAt(lit.line, line, text);
    if (rule === null) return NONE;
    lines.add(rule);
    for (const part of line.parts) if (part.rule?.own && part.rule.line === rule) keys.add(part.key);
  }
  for (const part of line.parts) {
    if (!keys.has(part.key)) continue;
    if (part.rule?.own) lines.add(part.rule.line);
    if (lit.kind !== "field") for (const field of part.fields) fields.add(field);
  }
  if (lit.kind !== "field") {
    const others = line.fields.filter((it) => it.keys.some((key) => keys.has(key)));
    for (const field of others) fields.add(field.path);
  }
  return { keys, fields, lines: [...lines] };
}

// Returns the line of the rule that a line of the mapping belongs to: itself, or one above it that
// is indented less
function ruleAt(at: number, line: Line, text: string): number | null {
  const rules = new Set(line.parts.flatMap((part) => (part.rule?.own ? [part.rule.line] : [])));
  if (rules.has(at)) return at;
  const rows = text.split("\n");
  const indent = (row: string | undefined): number => /^\s*/.exec(row ?? "")?.[0].length ?? 0;
  let limit = indent(rows[at - 1]);
  if (!rows[at - 1]?.trim() || /^\s*#/.test(rows[at - 1] ?? "")) return null;
  for (let above = at - 1; above >= 1; above--) {
    const row = rows[above - 1];
    if (!row?.trim() || indent(row) >= limit) continue;
    limit = indent(row);
    if (rules.has(above)) return above;
    if (limit === 0) return null;
  }
  return null;
}
