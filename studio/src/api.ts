// What the server of `cef-bridge studio` and of `forward --metrics` answers, as types. The one
// description of it: cef_bridge/studio/ answers so, and tests/studio/test_contract.py holds both
// against each other. All requests go to the page's own origin. The page's URL brings the token
// once (?token=…); a cookie (HttpOnly, SameSite=Strict) has it from then on. Scripts may send
// "Authorization: Bearer TOKEN" instead.
//
// An error is {error: Problem} with 400 (the request), 401 (no token), 403 (wrong Host or Origin),
// 404, 409 (a file changed meanwhile), 413 (too large), 429 (too many surveys) or 502 (no forwarder).

export interface Problem {
  message: string; // the fact, in one sentence or more
  fix: string; // what to do next; may be empty
}

// A place in a text: lines from 1, columns from 1. All offsets and columns of this file count
// UTF-16 units, as texts of browsers do.
export interface Place {
  line: number;
  column: number;
  endColumn: number;
}

// A change of the mapping's text: from..to are replaced
export interface Edit {
  from: number;
  to: number;
  insert: string;
}

export interface Fix {
  title: string; // "Write NamespaceName"
  edits: Edit[];
}

// GET /api/start
export interface Start {
  version: string;
  edit: boolean; // whether /api/save writes
  mapping: MappingFile | null; // null: only the live page is served
  receivers: Receiver[];
  schema: object; // JSON Schema of mappings
  keys: CefKey[];
  fields: FieldSeen[];
  sample: { name: string; events: number; lines: number; skipped: number; more: boolean };
  live: boolean; // whether /api/live answers
}

export interface MappingFile {
  name: string;
  path: string; // as it was named on the command line
  shipped: boolean; // comes with cef-bridge: never written
  format: "cef" | "leef";
  text: string;
  hash: string; // of the text on disk
}

export interface Receiver {
  id: string; // splunk, sc4s, qradar, …
  title: string;
  own: boolean; // the mapping is made for it
}

export interface CefKey {
  key: string;
  type: string; // String, Integer, TimeStamp, …
  length: number | null; // characters at most
  about: string;
}

export interface FieldSeen {
  path: string; // as a mapping names it: NamespaceName, process.actor
  about: string;
  events: number; // how many of the sample have it
  values: string[]; // the most frequent ones, cut to 80 characters, ten at most
}

// GET /api/events?filter=TEXT&from=0&count=100
export interface EventList {
  total: number;
  matching: number;
  events: EventRow[];
}

export interface EventRow {
  number: number; // from 1; what /api/event and /api/line take
  type: string; // ContainerLog
  operation: string; // Process
  verdict: string; // blocked, audited, passed, failed; empty where there is none
  title: string; // what was done: the resource or the command line, 120 characters at most
  pod: string;
  time: string;
  pasted: boolean;
}

// POST /api/events {text}: events pasted by the user; they are kept at the end of the sample
export interface Pasted {
  numbers: number[];
}

// GET /api/event/N
export interface EventText {
  number: number;
  text: string; // indented JSON, or the line as it was read
  where: string; // FILE:LINE
}

// POST /api/lint {text}
export interface Lint {
  valid: boolean; // whether the mapping can be compiled
  findings: Finding[];
}

export interface Finding {
  code: string; // M008; empty for a syntax error of YAML
  severity: "error" | "warning" | "note";
  place: Place | null; // null: in a parent, or the file as a whole
  where: string; // FILE:LINE:COLUMN
  message: string;
  hint: string; // "Did you mean NamespaceName?"
  page: string; // the page of the rule, as plain text; empty without a code
  fixes: Fix[];
}

// POST /api/line {text, event}
export interface Line {
  valid: boolean; // false: only `problem` is set; /api/lint says more
  problem: Problem | null;
  outcome: "converted" | "filtered" | "rejected" | "skipped";
  reason: string; // why it is filtered, rejected or skipped
  message: string; // the whole line
  bytes: number;
  maxBytes: number;
  parts: LinePart[]; // in the order of the line; together they are not the whole line
  unwritten: Unwritten[]; // keys of the mapping that this event does not have
  fields: FieldFate[]; // every field of the event
  receivers: ReceiverReading[]; // in the order of Start.receivers
  microseconds: number; // what the server took for it
}

export interface LinePart {
  key: string; // dproc; header.name; syslog.hostname
  label: string; // of cs1Label and so on
  value: string; // before escaping
  start: number; // where its value (without "key=") stands in `message`, in UTF-16 units
  end: number;
  rule: RulePlace | null; // null: left-over field, or written by cef-bridge itself
  fields: string[]; // paths of the event's fields that it comes from
  steps: string[]; // what was done to the value: "basename", "constant"
  notes: string[]; // what was cut, escaped, dropped
}

export interface RulePlace {
  file: string;
  line: number;
  own: boolean; // in the text that was sent; false: in a parent
}

export interface Unwritten {
  key: string;
  why: { rule: string; why: string }[];
}

export interface FieldFate {
  path: string;
  value: string; // cut to 2,000 characters
  fate: string; // mapped, leftover, redacted, … as mapping explain names it
  keys: string[];
  why: string; // in words, where it is in no key
}

export interface ReceiverReading {
  id: string;
  time: { value: string; source: string };
  fields: { name: string; value: string; key: string }[];
  findings: Misread[];
}

export interface Misread {
  kind: "lost" | "misread" | "note";
  key: string;
  message: string;
  fix: string; // in words
  mend: Fix | null; // a change of the mapping that cures it
}

// POST /api/survey {text, page}: over the whole sample, in the background. `page` is a random text a
// tab; a new survey of a page cancels its last one.
// GET /api/survey/ID
export interface Survey {
  id: string;
  state: "running" | "done" | "cancelled" | "failed";
  problem: Problem | null;
  done: number; // events so far
  of: number;
  severities: number[]; // eleven counts: 0 to 10
  sizes: { least: number; median: number; most: number; over: number; limit: number };
  outcomes: { converted: number; filtered: number; rejected: number };
  coverage: { path: string; events: number; mapped: number; leftover: number; lost: number; keys: string[] }[];
  rules: { key: string; line: number; own: boolean; fired: number }[];
  diff: {
    same: number;
    changed: number; // events whose line is another one than by the saved mapping
    keys: { key: string; added: number; removed: number; changed: number }[];
    samples: { number: number; before: string; after: string }[]; // five at most
  } | null; // null: the saved mapping cannot be compiled
}

// POST /api/example {text, event, name}: what "save as example" makes of the text
export interface Example {
  edits: Edit[];
  passes: boolean;
  problem: Problem | null;
}

// POST /api/save {text, hash}: 409 with {error, disk: MappingFile} where the file is another one now
export interface Saved {
  hash: string;
  tests: { passed: number; failed: number; messages: string[] }; // as mapping test
}

// GET /api/disk: asked every two seconds
export interface Disk {
  hash: string;
  changed: boolean; // not the text that was read or saved last
}

// GET /api/live?since=TIME: asked every second; TIME is the last of History.times that is known.
// Counters are those of /metrics: of a source by this process, of a destination of its queue's
// whole life.
export interface Live {
  version: string;
  engine: string; // native, python
  uptime: number; // seconds
  now: number; // Unix time, seconds
  fault: string; // why the forwarder cannot go on; empty while it can
  stopping: boolean;
  sources: LiveSource[];
  conversion: { read: number; perSecond: number }; // lines of all sources
  destinations: LiveDestination[];
  rejects: Reason[];
  skipped: Reason[]; // noise: lines that are no events
  history: History;
}

export interface Reason {
  destination: string;
  reason: string; // a word of a closed list
  count: number;
}

export interface LiveSource {
  name: string;
  kind: string; // files, kubearmor, stdin, kafka
  state: "connected" | "waiting" | "ended";
  text: string; // the state in words
  read: number; // lines
  perSecond: number;
  lastEvent: number | null; // Unix time
  error: string; // what is wrong now; empty while nothing is
}

export interface LiveDestination {
  name: string;
  address: string; // without secrets
  state: "connected" | "down" | "waiting"; // waiting: no connection now, and nothing is wrong
  text: string; // the state in words
  received: number; // received = converted + filtered + rejected + skipped + blank
  converted: number;
  filtered: number;
  rejected: number;
  skipped: number;
  blank: number;
  queued: number; // messages that wait
  queuedBytes: number;
  limitBytes: number;
  inFlight: number;
  confirmed: number;
  unconfirmed: number; // sent over a transport without receipts
  resent: number; // by this process
  dropped: number;
  deadLettered: number;
  perSecond: number; // confirmed, or sent without a receipt
  oldest: number | null; // seconds
  error: string; // what is wrong now; empty while nothing is
  lastError: string; // the last one, over or not; empty where there was none
}

// The last hour, a row each ten seconds. null: the destination was not there
export interface History {
  times: number[];
  read: (number | null)[]; // per second
  destinations: {
    name: string;
    confirmed: (number | null)[]; // per second, as LiveDestination.perSecond
    queued: (number | null)[]; // waiting and in flight
  }[];
}

// POST /api/tap {destination, on}: off by default, off again after five minutes
// GET /api/tap/DESTINATION
// What was tapped is forgotten when the tap ends.
export interface Tap {
  on: boolean;
  until: number | null; // Unix time
  sampled: number; // one of so many lines is looked at
  messages: { time: number; message: string; event: string }[]; // 50 at most, the newest last
}
