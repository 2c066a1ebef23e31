// Texts from events, shown as text: what is invisible or changes the direction of writing becomes a
// visible mark, and what is long is cut until the reader asks for it.

import { Component, type ComponentChildren } from "preact";

// Controls, zero-width characters, bidirectional controls, line and paragraph separators, tags
const HIDDEN =
  // eslint-disable-next-line no-control-regex
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|\udb40[\udc00-\udfff]/g;
const NAMES: Record<string, string> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

function mark(char: string): string {
  const code = char.codePointAt(0) ?? 0;
  return NAMES[char] ?? `U+${code.toString(16).toUpperCase().padStart(4, "0")}`;
}

// Returns a text as plain text in which everything hidden is visible; for labels and titles
export function plain(text: string, limit = 200): string {
  const cut = text.length > limit ? `${text.slice(0, limit)}…` : text;
  return cut.replace(HIDDEN, (char) => `[${mark(char)}]`);
}

// Returns a text as nodes in which everything hidden is a mark
export function visible(text: string): ComponentChildren[] {
  const found: ComponentChildren[] = [];
  let from = 0;
  for (const match of text.matchAll(HIDDEN)) {
    if (match.index > from) found.push(text.slice(from, match.index));
    found.push(<span class="mark">{mark(match[0])}</span>);
    from = match.index + match[0].length;
  }
  if (from < text.length) found.push(text.slice(from));
  return found;
}

interface Props {
  text: string;
  limit?: number;
}

// A value of an event: isolated, cut to `limit` characters, with a button for the rest
export class Value extends Component<Props, { whole: boolean }> {
  override state = { whole: false };

  override shouldComponentUpdate(props: Props, state: { whole: boolean }): boolean {
    return props.text !== this.props.text || state.whole !== this.state.whole;
  }

  override componentDidUpdate(before: Props): void {
    if (before.text !== this.props.text && this.state.whole) this.setState({ whole: false });
  }

  override render(): ComponentChildren {
    const { text, limit = 300 } = this.props;
    const long = text.length > limit;
    const shown = long && !this.state.whole ? text.slice(0, limit) : text;
    return (
      <bdi class="value mono">
        {visible(shown)}
        {long && (
          <>
            {!this.state.whole && "…"}{" "}
            <button
              type="button"
              class="more"
              aria-expanded={this.state.whole}
              onClick={(event) => {
                event.stopPropagation();
                this.setState({ whole: !this.state.whole });
              }}
            >
              {this.state.whole ? "Show less" : `Show all ${count(text.length)} characters`}
            </button>
          </>
        )}
      </bdi>
    );
  }
}

const NUMBERS = new Intl.NumberFormat("en-US");

export function count(value: number): string {
  return NUMBERS.format(value);
}

// Returns "1 event", "2 events"
export function many(value: number, one: string, more = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : more}`;
}
