// What the mapping does to the whole sample: severities, sizes, coverage, and what changes against
// the saved mapping. Counted in the background.

import { useState } from "preact/hooks";
import type { Survey } from "./api";
import { Value, count, many, plain } from "./safe";
import type { Studio } from "./studio";
import { Tabs } from "./tabs";

interface Props {
  studio: Studio;
  survey: Survey | null;
  old: boolean; // of an older text
}

export function Sample({ studio, survey, old }: Props) {
  const [tab, choose] = useState("overview");
  const changed = survey?.diff?.changed ?? 0;
  const lost = survey?.coverage.filter((row) => row.lost).length ?? 0;
  return (
    <section class="panel sample" aria-label="Sample">
      <Tabs
        name="sample"
        label="The whole sample"
        chosen={tab}
        choose={choose}
        tabs={[
          { id: "overview", title: "Sample" },
          {
            id: "coverage",
            title: <>Coverage {lost > 0 && <span class="badge bad">{lost} lost</span>}</>,
          },
          {
            id: "changes",
            title: <>Changes {survey?.diff && <span class="badge">{count(changed)}</span>}</>,
          },
        ]}
        after={<Progress survey={survey} old={old} />}
      >
        {!survey ? (
          <p class="empty">Counting…</p>
        ) : survey.problem ? (
          <p class="empty">
            {plain(survey.problem.message, 300)} {plain(survey.problem.fix, 300)}
          </p>
        ) : tab === "overview" ? (
          <Overview survey={survey} />
        ) : tab === "coverage" ? (
          <Coverage survey={survey} studio={studio} />
        ) : (
          <Changes survey={survey} studio={studio} />
        )}
      </Tabs>
    </section>
  );
}

function Progress({ survey, old }: { survey: Survey | null; old: boolean }) {
  if (!survey) return null;
  const running = survey.state === "running" || old;
  return (
    <span class="progress soft">
      {running ? (
        <>
          <progress aria-label="Events counted" value={old ? 0 : survey.done} max={Math.max(1, survey.of)} />{" "}
          {count(old ? 0 : survey.done)} of {count(survey.of)}
        </>
      ) : survey.state === "done" ? (
        many(survey.of, "event")
      ) : (
        "stopped"
      )}
    </span>
  );
}

function Overview({ survey }: { survey: Survey }) {
  const most = Math.max(1, ...survey.severities);
  const { sizes, outcomes } = survey;
  const label = survey.severities
    .map((events, severity) => (events ? `severity ${severity}: ${events}` : ""))
    .filter(Boolean)
    .join(", ");
  const never = survey.rules.filter((rule) => rule.own && !rule.fired);
  return (
    <>
      <div class="histogram" role="img" aria-label={`Events by severity. ${label || "None"}`}>
        {survey.severities.map((events, severity) => (
          <div key={severity} class="bar">
            <span class="bar-count" title={count(events)}>
              {events ? short(events) : ""}
            </span>
            <span
              class={`bar-fill s${severity >= 7 ? "high" : severity >= 4 ? "mid" : "low"}`}
              style={{ height: events ? `${Math.max(3, Math.round((events / most) * 100))}%` : "0" }}
            />
            <span class="bar-name">{severity}</span>
          </div>
        ))}
      </div>
      <p class="soft histogram-title" aria-hidden="true">
        Events by severity
      </p>
      <dl class="facts">
        <div>
          <dt>Converted</dt>
          <dd>{count(outcomes.converted)}</dd>
        </div>
        <div>
          <dt>Filtered</dt>
          <dd>{count(outcomes.filtered)}</dd>
        </div>
        <div>
          <dt>Rejected</dt>
          <dd class={outcomes.rejected ? "bad" : ""}>{count(outcomes.rejected)}</dd>
        </div>
        <div>
          <dt>Bytes: least, median, most</dt>
          <dd>
            {count(sizes.least)} · {count(sizes.median)} · {count(sizes.most)}
          </dd>
        </div>
        <div>
          <dt>Truncated to {count(sizes.limit)} bytes</dt>
          <dd class={sizes.over ? "bad" : ""}>{count(sizes.over)}</dd>
        </div>
      </dl>
      {never.length > 0 && (
        <p class="soft never">
          Rules that no event of the sample used:{" "}
          {never.slice(0, 12).map((rule) => (
            <span key={`${rule.key} ${rule.line}`}>
              <code>{plain(rule.key, 60)}</code> (line {rule.line}){" "}
            </span>
          ))}
          {never.length > 12 && `and ${never.length - 12} more`}
        </p>
      )}
    </>
  );
}

// Fits above a bar
function short(events: number): string {
  return events < 10_000 ? count(events) : `${count(Math.round(events / 1000))}k`;
}

function Coverage({ survey, studio }: { survey: Survey; studio: Studio }) {
  const rows = [...survey.coverage].sort(
    (a, b) => b.lost - a.lost || b.leftover - a.leftover || b.events - a.events,
  );
  return (
    <table class="grid-table">
      <thead>
        <tr>
          <th scope="col">Field</th>
          <th scope="col" class="num">
            Events
          </th>
          <th scope="col" class="num">
            Mapped
          </th>
          <th scope="col" class="num">
            Unmapped
          </th>
          <th scope="col" class="num">
            Lost
          </th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr
            key={row.path}
            onMouseEnter={() => studio.hover({ kind: "field", name: row.path, line: 0 })}
            onMouseLeave={() => studio.hover(null)}
          >
            <td class="mono key">
              <bdi title={row.keys.length ? plain(row.keys.join(", "), 200) : "no key"}>
                {plain(row.path, 80)}
              </bdi>
            </td>
            <td class="num">{count(row.events)}</td>
            <td class="num">
              {count(row.mapped)}
              <meter
                aria-label={`mapped of ${plain(row.path, 80)}`}
                value={row.mapped}
                max={Math.max(1, row.events)}
              />
            </td>
            <td class="num">{count(row.leftover)}</td>
            <td class={row.lost ? "num bad" : "num"}>{count(row.lost)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Changes({ survey, studio }: { survey: Survey; studio: Studio }) {
  const { diff } = survey;
  if (!diff) return <p class="empty">The saved mapping is invalid: there is nothing to compare with.</p>;
  if (!diff.changed) return <p class="empty">No message of the sample differs from the saved mapping's.</p>;
  return (
    <>
      <p class="facts-line">
        <strong>{many(diff.changed, "message")}</strong> changed, {count(diff.same)} the same as by the saved
        mapping.
      </p>
      <table class="grid-table">
        <thead>
          <tr>
            <th scope="col">Key</th>
            <th scope="col" class="num">
              Added
            </th>
            <th scope="col" class="num">
              Removed
            </th>
            <th scope="col" class="num">
              Changed
            </th>
          </tr>
        </thead>
        <tbody>
          {diff.keys.map((row) => (
            <tr key={row.key}>
              <td class="mono key">{plain(row.key, 80)}</td>
              <td class="num">{row.added ? `+${count(row.added)}` : ""}</td>
              <td class={row.removed ? "num bad" : "num"}>{row.removed ? `−${count(row.removed)}` : ""}</td>
              <td class="num">{row.changed ? count(row.changed) : ""}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <ol class="samples">
        {diff.samples.map((sample) => {
          const [before, after] = around(sample.before, sample.after);
          return (
            <li key={sample.number}>
              <button type="button" class="link" onClick={() => studio.choose(sample.number)}>
                Event {sample.number}
              </button>
              <p class="before">
                <span class="sign">
                  − <span class="hidden-label">before</span>
                </span>
                <Value text={before || "no message"} limit={220} />
              </p>
              <p class="after">
                <span class="sign">
                  + <span class="hidden-label">now</span>
                </span>
                <Value text={after || "no message"} limit={220} />
              </p>
            </li>
          );
        })}
      </ol>
    </>
  );
}

// Returns two texts from shortly before their first difference on
function around(before: string, after: string): [string, string] {
  let at = 0;
  while (at < before.length && at < after.length && before[at] === after[at]) at++;
  const from = Math.max(0, at - 24);
  const cut = (text: string) => (text && from ? `…${text.slice(from)}` : text);
  return [cut(before), cut(after)];
}
