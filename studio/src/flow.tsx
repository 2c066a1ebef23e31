// The flow picture: sources, engine, queues and destinations, with what moves between them.

import type { ComponentChildren } from "preact";
import type { Live, LiveDestination, LiveSource } from "./api";
import { plain } from "./safe";
import { age, count, rate, size } from "./words";

type Tone = "good" | "bad" | "calm";

const SIGNS: Record<Tone, string> = { good: "●", bad: "▲", calm: "○" };

function Badge({ tone, word }: { tone: Tone; word: string }) {
  return (
    <span class={`badge ${tone}`}>
      <span aria-hidden="true">{SIGNS[tone]}</span> {word}
    </span>
  );
}

function Fact({ name, value, bad }: { name: string; value: string; bad?: boolean }) {
  return (
    <div class={bad ? "fact bad" : "fact"}>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

// A line between two boxes; it moves while something flows
function Pipe({ flows, bad }: { flows: boolean; bad?: boolean }) {
  return <span class={`pipe${bad ? " bad" : flows ? " flows" : ""}`} aria-hidden="true" />;
}

function Box(props: {
  title: string;
  kind: string;
  badge?: ComponentChildren;
  said?: string;
  bad?: boolean;
  children: ComponentChildren;
}) {
  return (
    <div class={props.bad ? "box bad" : "box"}>
      <div class="head">
        <h3 title={plain(props.title)}>
          <bdi>{plain(props.title, 80)}</bdi>
        </h3>
        {props.badge}
      </div>
      <p class="kind soft">
        <bdi>{props.kind}</bdi>
      </p>
      <dl>{props.children}</dl>
      {props.said !== undefined && (
        <p class="said">
          <bdi>{plain(props.said, 300)}</bdi>
        </p>
      )}
    </div>
  );
}

const KINDS: Record<string, string> = {
  files: "files",
  kubearmor: "KubeArmor's relay",
  stdin: "standard input",
  kafka: "Kafka",
};

function Source({ source, now }: { source: LiveSource; now: number }) {
  const tone: Tone = source.error ? "bad" : source.state === "ended" ? "calm" : "good";
  const since = source.lastEvent === null ? "none yet" : `${age(Math.max(now - source.lastEvent, 0))} ago`;
  return (
    <li>
      <Box
        title={source.name}
        kind={KINDS[source.kind] ?? source.kind}
        badge={<Badge tone={tone} word={source.state} />}
        bad={source.error !== ""}
        said={source.error || source.text}
      >
        <Fact name="lines/s" value={rate(source.perSecond)} />
        <Fact name="lines" value={count(source.read)} />
        <Fact name="last" value={since} />
      </Box>
      <Pipe flows={source.perSecond > 0} bad={source.error !== ""} />
    </li>
  );
}

function Queue({ it }: { it: LiveDestination }) {
  const used = it.limitBytes ? it.queuedBytes / it.limitBytes : 0;
  return (
    <Box title="Queue" kind={`of ${plain(it.name, 60)}`} bad={used >= 0.9}>
      <Fact name="waiting" value={count(it.queued)} bad={it.state === "down" && it.queued > 0} />
      <Fact name="in flight" value={count(it.inFlight)} />
      <Fact name="oldest" value={it.oldest === null ? "–" : age(it.oldest)} />
      <div class="fact wide">
        <dt>on disk</dt>
        <dd>
          {size(it.queuedBytes)} of {size(it.limitBytes)}
          <span class="meter" aria-hidden="true">
            <span style={{ width: `${Math.min(used, 1) * 100}%` }} />
          </span>
        </dd>
      </div>
    </Box>
  );
}

interface DestinationProps {
  it: LiveDestination;
  fed: boolean; // messages come from the engine
  onTap: (name: string) => void;
}

function Destination({ it, fed, onTap }: DestinationProps) {
  const down = it.state === "down";
  const tone: Tone = down ? "bad" : it.state === "connected" ? "good" : "calm";
  return (
    <li data-destination={it.name}>
      <Pipe flows={fed} />
      <Queue it={it} />
      <Pipe flows={it.perSecond > 0} bad={down} />
      <div class="end">
        <Box
          title={it.name}
          kind={plain(it.address, 120)}
          badge={<Badge tone={tone} word={it.state} />}
          bad={down || it.error !== ""}
          said={it.error || it.text}
        >
          <Fact name="confirmed/s" value={rate(it.perSecond)} />
          <Fact name="confirmed" value={count(it.confirmed)} />
          {it.unconfirmed > 0 && <Fact name="unconfirmed" value={count(it.unconfirmed)} />}
          <Fact name="dropped" value={count(it.dropped)} bad={it.dropped > 0} />
          <Fact name="dead letters" value={count(it.deadLettered)} bad={it.deadLettered > 0} />
        </Box>
        <button type="button" class="tap-this" onClick={() => onTap(it.name)}>
          Tap <span class="hidden-label">{plain(it.name, 60)}</span>
        </button>
      </div>
    </li>
  );
}

export function Flow({ live, onTap }: { live: Live; onTap: (name: string) => void }) {
  return (
    <section class="flow" aria-label="Flow from sources to destinations">
      <div class="column">
        <h2>Sources</h2>
        <ul class="sources">
          {live.sources.map((source) => (
            <Source key={source.name} source={source} now={live.now} />
          ))}
        </ul>
      </div>
      <div class="column middle">
        <h2>Engine</h2>
        <div class="engine">
          <Box title={live.engine} kind="lines to messages">
            <Fact name="lines/s" value={rate(live.conversion.perSecond)} />
            <Fact name="lines" value={count(live.conversion.read)} />
          </Box>
        </div>
      </div>
      <div class="column right">
        <h2>
          <span>Queues</span> <span>Destinations</span>
        </h2>
        <ul class="destinations">
          {live.destinations.map((it) => (
            <Destination key={it.name} it={it} fed={live.conversion.perSecond > 0} onTap={onTap} />
          ))}
        </ul>
      </div>
    </section>
  );
}
