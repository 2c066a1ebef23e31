// Places of the server's answers, as offsets into the editor's text. Both count UTF-16 units.

import type { Place } from "./api";

// Returns from and to of a place; a place of no width covers a character
export function rangeOf(text: string, place: Place): { from: number; to: number } {
  let start = 0;
  for (let line = 1; line < place.line; line++) {
    const end = text.indexOf("\n", start);
    if (end < 0) break;
    start = end + 1;
  }
  const found = text.indexOf("\n", start);
  const end = found < 0 ? text.length : found;
  const from = Math.min(end, start + Math.max(0, place.column - 1));
  const to = Math.min(end, start + Math.max(0, place.endColumn - 1));
  return { from, to: to > from ? to : Math.min(from + 1, end) };
}
