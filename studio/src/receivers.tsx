// What each SIEM's parser makes of the message: the time it takes, the fields it extracts, and what
// is lost or misread, with the change of the mapping that cures it.

import type { Line, Misread, Receiver, ReceiverReading } from "./api";
import type { Lights } from "./lit";
import { Value, many, plain } from "./safe";
import type { Studio } from "./studio";
import { Tabs } from "./tabs";

interface Props {
  studio: Studio;
  receivers: Receiver[];
  chosen: string;
  line: Line | null;
  text: string; // what the line was made of
  stale: boolean;
  lights: Lights;
}

export function Receivers({ studio, receivers, chosen, line, text, stale, lights }: Props) {
  const readings = new Map(line?.receivers.map((reading) => [reading.id, reading]));
  const reading = readings.get(chosen);
  return (
    <section class={stale ? "panel receivers stale" : "panel receivers"} aria-label="SIEMs">
      <Tabs
        name="siem"
        label="SIEMs"
        chosen={chosen}
        choose={(receiver) => studio.store.set({ receiver })}
        tabs={receivers.map((receiver) => tabOf(receiver, readings.get(receiver.id)))}
      >
        {reading && line ? (
          <Reading
            key={reading.id}
            reading={reading}
            studio={studio}
            text={text}
            stale={stale}
            lights={lights}
          />
        ) : (
          <p class="empty">
            {line && line.outcome !== "converted"
              ? `Nothing is sent: the event is ${line.outcome}.`
              : stale
                ? "There is no message while the mapping is invalid."
                : "No message yet."}
          </p>
        )}
      </Tabs>
    </section>
  );
}

function bad(reading: ReceiverReading | undefined): Misread[] {
  return reading?.findings.filter((finding) => finding.kind !== "note") ?? [];
}

function tabOf(receiver: Receiver, reading: ReceiverReading | undefined) {
  const wrong = bad(reading).length;
  const verdict = !reading ? "no message" : wrong ? many(wrong, "problem") : "no problems";
  return {
    id: receiver.id,
    title: (
      <>
        {short(receiver)}
        {receiver.own && <span class="own-dot" title="The mapping is made for it" />}
        <span class={wrong ? "badge bad" : reading ? "badge good" : "badge"} aria-hidden="true">
          {!reading ? "·" : wrong ? `✕ ${wrong}` : "✓"}
        </span>
        <span class="hidden-label">
          {verdict}
          {receiver.own && ", the mapping is made for it"}
        </span>
      </>
    ),
  };
}

function short(receiver: Receiver): string {
  return receiver.title.length <= 12 ? receiver.title : receiver.id.toUpperCase();
}

interface ReadingProps {
  reading: ReceiverReading;
  studio: Studio;
  text: string;
  stale: boolean;
  lights: Lights;
}

const WORDS = { lost: "Lost", misread: "Misread", note: "Note" } as const;
const SIGNS = { lost: "✕", misread: "⚠", note: "i" } as const;
const RANK = { lost: 0, misread: 1, note: 2 } as const;

function Reading({ reading, studio, text, stale, lights }: ReadingProps) {
  const wrong = bad(reading).sort((a, b) => RANK[a.kind] - RANK[b.kind]);
  const notes = reading.findings.filter((finding) => finding.kind === "note");
  const kinds = new Map(wrong.map((finding) => [finding.key, finding.kind]));
  return (
    <>
      <p class="time">
        <span class="soft">Time</span>{" "}
        {reading.time.value ? (
          <>
            <strong class="mono">{plain(reading.time.value, 80)}</strong>{" "}
            <span class="soft">from {plain(reading.time.source, 200)}</span>
          </>
        ) : (
          <>
            <strong>not in the message</strong> <span class="soft">· {plain(reading.time.source, 200)}</span>
          </>
        )}
      </p>
      <Findings findings={wrong} studio={studio} text={text} stale={stale} />
      {reading.fields.length === 0 && <p class="empty">The parser extracts no field.</p>}
      <table class="grid-table" hidden={reading.fields.length === 0}>
        <thead>
          <tr>
            <th scope="col">Field</th>
            <th scope="col">Value</th>
            <th scope="col">Key</th>
          </tr>
        </thead>
        <tbody>
          {reading.fields.map((field, index) => (
            <tr
              key={`${index} ${field.name}`}
              class={[lights.keys.has(field.key) && "lit", kinds.has(field.key) && "wrong"]
                .filter(Boolean)
                .join(" ")}
              onMouseEnter={() => studio.hover({ kind: "key", name: field.key, line: 0 })}
              onMouseLeave={() => studio.hover(null)}
            >
              <td class="mono key">
                <bdi>{plain(field.name, 100)}</bdi>
                {kinds.has(field.key) && (
                  <span class="tag bad"> {WORDS[kinds.get(field.key) ?? "note"].toLowerCase()}</span>
                )}
              </td>
              <td>
                <Value text={field.value} limit={140} />
              </td>
              <td class="mono soft at-key">{plain(field.key, 60)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <Findings findings={notes} studio={studio} text={text} stale={stale} />
    </>
  );
}

interface FindingProps {
  findings: Misread[];
  studio: Studio;
  text: string;
  stale: boolean;
}

// What is wrong is above the fields, notes are below: the fields are what one looks for
function Findings({ findings, studio, text, stale }: FindingProps) {
  if (!findings.length) return null;
  return (
    <ul class="findings">
      {findings.map((finding) => (
        <li key={`${finding.kind} ${finding.key} ${finding.message}`} class={`finding ${finding.kind}`}>
          <p>
            <strong class="kind">
              <span aria-hidden="true">{SIGNS[finding.kind]}</span> {WORDS[finding.kind]}
            </strong>{" "}
            {finding.key && <code>{plain(finding.key, 120)}</code>}
          </p>
          <p>{plain(finding.message, 600)}</p>
          {finding.fix && !finding.mend && <p class="soft">{plain(finding.fix, 600)}</p>}
          {finding.mend && (
            <button
              type="button"
              class="fix mono"
              disabled={stale}
              onClick={() => finding.mend && studio.apply(text, finding.mend)}
            >
              {plain(finding.mend.title, 120)}
            </button>
          )}
        </li>
      ))}
    </ul>
  );
}
