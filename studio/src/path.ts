// Where in a mapping the cursor is: the keys that lead there, and whether a key or a value is
// expected. Works on text that is not valid YAML yet, as it is while somebody types.

export interface Spot {
  path: (string | number)[]; // of the mapping or value that is being written; lists count as 0
  kind: "key" | "value";
  from: number; // where the word under the cursor begins, as an offset into the text
  siblings: string[]; // keys that the same mapping has already
}

const KEY = /^(\s*)((?:- +)*)(?:(["']?)([^"'#:{}[\],][^:{}[\],]*?)\3\s*:(?:\s+|$))?(.*)$/s;

interface Row {
  indent: number; // of its key
  dashes: number[]; // columns of its dashes
  key: string | null;
  rest: string;
  restAt: number; // column of the rest
}

function row(text: string): Row | null {
  const found = KEY.exec(text);
  if (!found || /^\s*(#|$)/.test(text)) return null;
  const [, space = "", dash = "", , key, rest = ""] = found;
  const dashes: number[] = [];
  for (let at = 0; at < dash.length; at++) if (dash[at] === "-") dashes.push(space.length + at);
  return {
    indent: space.length + dash.length,
    dashes,
    key: key === undefined ? null : key.trim(),
    rest,
    restAt: text.length - rest.length,
  };
}

export function spotAt(text: string, offset: number): Spot | null {
  const start = text.lastIndexOf("\n", offset - 1) + 1;
  const first = flowStart(text, start);
  const line = text.slice(first, offset);
  const unquoted = line.slice(line.lastIndexOf("\n") + 1).replace(/"[^"]*"|'[^']*'/g, "");
  if (/(^|\s)#/.test(unquoted)) return null;
  const word = /[\w.*/-]*$/.exec(line)?.[0] ?? "";
  const from = offset - word.length;
  const here = row(line.length ? line : " ");
  const indent = here ? here.indent : line.length;
  const path = parents(text, first, here?.dashes[0] ?? indent);
  for (const _ of here?.dashes ?? []) path.push(0);

  if (!here || (here.key === null && !/^[{[]/.test(here.rest))) {
    // A word alone: a key of the mapping, or an item of a list of texts
    return { path, kind: "key", from, siblings: siblings(text, first, indent) };
  }
  if (here.key !== null) path.push(here.key);
  return inFlow(here.rest, path, from) ?? { path, kind: "value", from, siblings: [] };
}

// Returns where the line begins in which a flow mapping was opened that is still open at `start`
function flowStart(text: string, start: number): number {
  let at = start;
  for (let lines = 0; lines < 40 && at > 0; lines++) {
    at = text.lastIndexOf("\n", at - 2) + 1;
    if (openAt(text.slice(at, start))) return at;
  }
  return start;
}

// Returns whether a flow mapping or list is open at the end of a text
function openAt(text: string): boolean {
  let depth = 0;
  let quote = "";
  for (const char of text) {
    if (quote) quote = char === quote ? "" : quote;
    else if (char === '"' || char === "'") quote = char;
    else if (char === "{" || char === "[") depth++;
    else if (char === "}" || char === "]") depth--;
  }
  return depth > 0;
}

// Returns the keys above a line that is indented so much
function parents(text: string, before: number, indent: number): (string | number)[] {
  const path: (string | number)[] = [];
  let limit = indent;
  let at = before;
  while (at > 0 && limit > 0) {
    const start = text.lastIndexOf("\n", at - 2) + 1;
    const found = row(text.slice(start, at - 1));
    at = start;
    if (!found) continue;
    if (found.key !== null && found.indent < limit) {
      path.unshift(found.key);
      limit = found.indent;
    }
    for (const dash of [...found.dashes].reverse()) {
      if (dash < limit) {
        path.unshift(0);
        limit = dash;
      }
    }
  }
  return path;
}

// Returns the keys of the block mapping that a line belongs to
function siblings(text: string, start: number, indent: number): string[] {
  const found: string[] = [];
  const lines = text.split("\n");
  const own = text.slice(0, start).split("\n").length - 1;
  for (const step of [-1, 1]) {
    for (let at = own + step; at >= 0 && at < lines.length; at += step) {
      const other = row(lines[at] ?? "");
      if (!other) continue;
      if (other.indent < indent && other.dashes.length === 0) break;
      if (other.indent === indent && other.key) found.push(other.key);
      if (other.dashes.length && other.indent <= indent) break;
    }
  }
  return found;
}

// Follows braces and brackets of the rest of a line up to its end
function inFlow(rest: string, path: (string | number)[], from: number): Spot | null {
  const stack: { list: boolean; key: string | null; keys: string[] }[] = [];
  let word = "";
  let quote = "";
  for (const char of rest) {
    const top = stack.at(-1);
    if (quote) {
      if (char === quote) quote = "";
      else word += char;
    } else if (char === '"' || char === "'") {
      quote = char;
      word = "";
    } else if (char === "{" || char === "[") {
      stack.push({ list: char === "[", key: null, keys: [] });
      word = "";
    } else if (char === "}" || char === "]") {
      stack.pop();
      word = "";
    } else if (char === ":" && top && !top.list && top.key === null) {
      top.key = word.trim();
      top.keys.push(top.key);
      word = "";
    } else if (char === "," && top) {
      top.key = null;
      word = "";
    } else {
      word += char;
    }
  }
  const top = stack.at(-1);
  if (!top) return null;
  const deep = [...path];
  for (const [at, each] of stack.entries()) {
    if (each.list) deep.push(0);
    else if (each.key !== null) deep.push(each.key);
    else if (at < stack.length - 1) return null;
  }
  const kind = !top.list && top.key === null ? "key" : "value";
  return { path: deep, kind, from, siblings: kind === "key" ? top.keys : [] };
}
