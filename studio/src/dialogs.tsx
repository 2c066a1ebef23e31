// The dialogs of the workbench: paste events, save an example, keys.

import { useState } from "preact/hooks";
import { Dialog } from "./dialog";
import type { Studio } from "./studio";

export type DialogName = "paste" | "example" | "keys" | null;

interface Props {
  studio: Studio;
  close: () => void;
}

export function Paste({ studio, close }: Props) {
  const [text, write] = useState("");
  const [problem, tell] = useState("");
  const send = async () => {
    const failed = await studio.paste(text);
    if (failed) tell(failed);
    else close();
  };
  return (
    <Dialog title="Paste events" close={close}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void send();
        }}
      >
        <label>
          One or more events of KubeArmor, as JSON
          <textarea
            rows={12}
            class="mono"
            spellcheck={false}
            value={text}
            onInput={(event) => write(event.currentTarget.value)}
          />
        </label>
        <p class="bad" role="alert">
          {problem}
        </p>
        <p class="dialog-foot">
          <button type="submit" class="primary" disabled={!text.trim()}>
            Add to the sample
          </button>
          <button type="button" onClick={close}>
            Cancel
          </button>
        </p>
      </form>
    </Dialog>
  );
}

export function SaveExample({ studio, close, title }: Props & { title: string }) {
  const [name, write] = useState(title);
  const [problem, tell] = useState("");
  const send = async () => {
    const failed = await studio.saveExample(name);
    if (failed) tell(failed);
    else close();
  };
  return (
    <Dialog title="Save as example" close={close}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void send();
        }}
      >
        <p class="soft">
          Writes the event and the keys of its message into <code>examples:</code>.{" "}
          <code>mapping test</code> checks them from then on.
        </p>
        <label>
          Name
          <input type="text" value={name} onInput={(event) => write(event.currentTarget.value)} />
        </label>
        <p class="bad" role="alert">
          {problem}
        </p>
        <p class="dialog-foot">
          <button type="submit" class="primary" disabled={!name.trim()}>
            Add to examples
          </button>
          <button type="button" onClick={close}>
            Cancel
          </button>
        </p>
      </form>
    </Dialog>
  );
}

const KEYS: [string, string][] = [
  ["Ctrl+S", "Save"],
  ["Ctrl+.", "Apply the suggested fix"],
  ["F8, Shift+F8", "Next, previous problem"],
  ["Ctrl+Space", "Suggestions"],
  ["Ctrl+Z, Ctrl+Y", "Undo, redo"],
  ["Ctrl+F", "Search in the mapping"],
  ["Alt+N, Alt+P", "Next, previous event"],
  ["F6, Shift+F6", "Next, previous panel"],
  ["Alt+E", "Save the event as example"],
  ["Arrow keys", "Move in events, keys and tabs"],
  ["Enter, on a key", "Go to its rule"],
];

export function KeyList({ close }: { close: () => void }) {
  return (
    <Dialog title="Keyboard shortcuts" close={close}>
      <dl class="keys">
        {KEYS.map(([key, what]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
      <p class="soft">On a Mac: Command in place of Ctrl, Option in place of Alt.</p>
    </Dialog>
  );
}
