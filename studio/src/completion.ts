// What can be written where the cursor is: from the JSON Schema of mappings, the fields of the
// sample with their values, and the output keys with type and length.

import type { Completion, CompletionContext, CompletionResult } from "@codemirror/autocomplete";
import type { CefKey, FieldSeen, Start } from "./api";
import { spotAt } from "./path";
import { count, many, plain } from "./safe";

interface Schema {
  $ref?: string;
  anyOf?: Schema[];
  oneOf?: Schema[];
  allOf?: Schema[];
  properties?: Record<string, Schema>;
  additionalProperties?: Schema | boolean;
  items?: Schema;
  enum?: unknown[];
  const?: unknown;
  description?: string;
}

const CONDITIONS = "#/$defs/conditions";
const FIELD = "#/$defs/field";

export function completions(start: Start) {
  const root = start.schema as Schema & { $defs?: Record<string, Schema> };
  const keys = new Map(start.keys.map((key) => [key.key, key]));
  const fields = new Map(start.fields.map((field) => [field.path, field]));

  // All schemas that a schema may mean, with the names of the references that led there
  const flat = (schema: Schema | undefined, seen: Set<string>): Schema[] => {
    if (!schema || typeof schema !== "object") return [];
    const found: Schema[] = [schema];
    if (schema.$ref && !seen.has(schema.$ref)) {
      seen.add(schema.$ref);
      found.push(...flat(root.$defs?.[schema.$ref.replace("#/$defs/", "")], seen));
    }
    for (const each of [...(schema.anyOf ?? []), ...(schema.oneOf ?? []), ...(schema.allOf ?? [])]) {
      found.push(...flat(each, seen));
    }
    return found;
  };
  const step = (schemas: Schema[], name: string | number, seen: Set<string>): Schema[] =>
    schemas.flatMap((schema) => {
      if (typeof name === "number") return flat(schema.items, seen);
      const own = schema.properties?.[name];
      if (own) return flat(own, seen);
      const other = schema.additionalProperties;
      return typeof other === "object" ? flat(other, seen) : [];
    });

  return (context: CompletionContext): CompletionResult | null => {
    const text = context.state.doc.toString();
    const spot = spotAt(text, context.pos);
    if (!spot) return null;
    if (!context.explicit && spot.from === context.pos) {
      const before = text.slice(Math.max(0, context.pos - 2), context.pos);
      if (!/[{[:,] ?$/.test(before)) return null;
    }
    let seen = new Set<string>();
    let here = flat(root, seen);
    for (const name of spot.path) {
      seen = new Set();
      here = step(here, name, seen);
    }
    const options = new Map<string, Completion>();
    const add = (option: Completion) => {
      if (!options.has(option.label)) options.set(option.label, option);
    };
    if (spot.kind === "key") {
      for (const schema of here) {
        for (const [name, about] of Object.entries(schema.properties ?? {})) {
          if (spot.siblings.includes(name)) continue;
          const option = seen.has(CONDITIONS)
            ? fieldOption(name, fields.get(name), about.description)
            : spot.path[0] === "extension" && spot.path.length === 1
              ? keyOption(name, keys.get(name), about.description)
              : { label: name, type: "property", info: about.description ?? "" };
          add({ ...option, apply: `${name}: ` });
        }
      }
      // An item of a list of texts looks like a key until its colon is written
      if (spot.path.at(-1) === 0) values(here, seen, fields, add);
    } else {
      values(here, seen, fields, add);
      const condition = spot.path.at(-1);
      const of = typeof condition === "string" && spot.path.includes("when") ? fields.get(condition) : null;
      for (const value of of?.values ?? []) add(valueOption(value, condition as string));
    }
    if (!options.size) return null;
    return { from: spot.from, options: [...options.values()], validFor: /^[\w.*/-]*$/ };
  };
}

function values(
  here: Schema[],
  seen: Set<string>,
  fields: Map<string, FieldSeen>,
  add: (option: Completion) => void,
): void {
  if (seen.has(FIELD)) {
    for (const field of fields.values()) add(fieldOption(field.path, field));
  }
  for (const schema of here) {
    for (const each of schema.enum ?? []) {
      if (typeof each !== "string") continue;
      if (seen.has(FIELD)) add(fieldOption(each, fields.get(each)));
      else add({ label: each, type: "constant", info: schema.description ?? "" });
    }
    if (typeof schema.const === "string") add({ label: schema.const, type: "constant" });
  }
}

function fieldOption(path: string, field: FieldSeen | undefined, about = ""): Completion {
  const seen = field?.events ?? 0;
  const rows = [field?.about || about, seen ? `In ${many(seen, "event")} of the sample:` : "Not in the sample."];
  for (const value of field?.values ?? []) rows.push(`  ${plain(value, 80)}`);
  return {
    label: path,
    type: "variable",
    detail: seen ? plain(field?.values[0] ?? "", 28) : "",
    info: () => lines(rows),
    boost: seen ? 2 : 0,
  };
}

function keyOption(name: string, key: CefKey | undefined, about = ""): Completion {
  const length = key?.length ? `, at most ${many(key.length, "character")}` : "";
  return {
    label: name,
    type: "property",
    detail: key ? `${key.type}${key.length ? ` ≤ ${count(key.length)}` : ""}` : "",
    info: () => lines([key?.about || about, ...(key ? [`${key.type}${length}`] : [])]),
  };
}

function valueOption(value: string, field: string): Completion {
  return { label: plain(value, 80), type: "constant", detail: field, apply: quoted(value) };
}

function quoted(value: string): string {
  return /^[A-Za-z_/.][\w./-]*$/.test(value) && !/^(true|false|yes|no|on|off|null|y|n)$/i.test(value)
    ? value
    : JSON.stringify(value);
}

function lines(rows: string[]): HTMLElement {
  const box = document.createElement("div");
  for (const row of rows.filter(Boolean)) {
    const line = document.createElement("div");
    line.textContent = row;
    box.append(line);
  }
  return box;
}
