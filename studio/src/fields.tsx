// The event: each field with its value and what became of it, or the JSON as it was read.

import { useState } from "preact/hooks";
import type { EventText, FieldFate, Line, Problem } from "./api";
import type { Lights } from "./lit";
import { Value, count, plain } from "./safe";
import type { Studio } from "./studio";
import { Tabs } from "./tabs";

interface Props {
  studio: Studio;
  line: Line | null;
  event: EventText | null;
  problem: Problem | null;
  lights: Lights;
  example: () => void;
}

const FATES: Record<string, [string, string]> = {
  mapped: ["→", "good"],
  unmapped: ["+", "soft"],
  redundant: ["=", "soft"],
  dropped: ["–", "soft"],
  partial: ["½", "warn"],
  lost: ["✕", "bad"],
};

export function Fields({ studio, line, event, problem, lights, example }: Props) {
  const [tab, choose] = useState("fields");
  const fields = line?.fields ?? [];
  const lost = fields.filter((field) => field.fate === "lost" || field.fate === "partial").length;
  return (
    <section class="panel fields" aria-label="Event">
      <Tabs
        name="event"
        label="Event"
        chosen={tab}
        choose={choose}
        tabs={[
          { id: "fields", title: <>Fields {badge(fields.length, lost)}</> },
          { id: "json", title: "JSON" },
        ]}
        after={
          <button
            type="button"
            onClick={example}
            disabled={!line?.valid}
            title="Write this event and its keys into examples (Alt+E)"
          >
            Save as example…
          </button>
        }
      >
        {problem ? (
          <p class="empty">
            {problem.message} {problem.fix}
          </p>
        ) : tab === "json" ? (
          event && (
            <>
              <p class="where mono soft">
                <bdi>{plain(event.where, 200)}</bdi>
              </p>
              <pre class="json">
                <Value key={event.number} text={event.text} limit={6000} />
              </pre>
            </>
          )
        ) : (
          <ul class="field-list">
            {!line && event && (
              <li class="empty">The fields are here once the mapping is valid. JSON shows the event.</li>
            )}
            {line && fields.length === 0 && (
              <li class="empty">Nothing is written of this event. JSON shows all of it.</li>
            )}
            {fields.map((field) => (
              <Field key={field.path} field={field} studio={studio} lit={lights.fields.has(field.path)} />
            ))}
          </ul>
        )}
      </Tabs>
    </section>
  );
}

function badge(fields: number, lost: number) {
  return lost ? (
    <span class="badge bad">{count(lost)} lost</span>
  ) : (
    <span class="badge">{count(fields)}</span>
  );
}

function Field({ field, studio, lit }: { field: FieldFate; studio: Studio; lit: boolean }) {
  const [sign, tone] = FATES[field.fate] ?? ["·", "soft"];
  const pointed = { kind: "field", name: field.path, line: 0 } as const;
  return (
    <li
      class={lit ? "field lit" : "field"}
      data-field={field.path}
      onMouseEnter={() => studio.hover(pointed)}
      onMouseLeave={() => studio.hover(null)}
    >
      <button
        type="button"
        class="field-name mono"
        onFocus={() => studio.pin(pointed)}
        onClick={() => studio.pin(pointed)}
      >
        <bdi>{plain(field.path, 100)}</bdi>
      </button>
      <span class={`fate ${tone}`} title={field.why}>
        <span aria-hidden="true">{sign}</span>{" "}
        {field.fate === "mapped" ? plain(field.keys.join(", "), 60) : field.fate}
      </span>
      <span class="field-value">
        <Value text={field.value} limit={160} />
      </span>
    </li>
  );
}
