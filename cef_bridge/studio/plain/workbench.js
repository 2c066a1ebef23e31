// The workbench without the build: text areas, lists and tables. What comes from events or from
// the mapping is written as text, never as HTML.

history.replaceState(null, "", location.pathname); // the cookie has the token from here on
const $ = (id) => document.getElementById(id);
const page = crypto.randomUUID();
const state = { start: null, hash: "", event: 1, total: 0, line: null, undo: [], timer: 0, turn: 0 };

class Refused extends Error {
  constructor(status, body) {
    const problem = body?.error ?? { message: `The server answered ${status}.`, fix: "" };
    super([problem.message, problem.fix].filter(Boolean).join(" "));
    this.status = status;
    this.body = body;
  }
}

async function ask(path, body) {
  const init = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
  let answer;
  try {
    answer = await fetch(path, { ...init, headers: { "Content-Type": "application/json" } });
  } catch {
    throw new Error("The server does not answer. Check that cef-bridge studio still runs.");
  }
  const said = await answer.json().catch(() => null);
  if (!answer.ok || said === null) throw new Refused(answer.status, said);
  return said;
}

function say(text) {
  $("status").textContent = text;
}

// Runs something that may fail, and says why it did
function tried(run) {
  return async (...words) => {
    try {
      return await run(...words);
    } catch (error) {
      say(error.message);
      return undefined;
    }
  };
}

function item(text, kind = "") {
  const made = document.createElement("li");
  made.textContent = text;
  if (kind) made.className = kind;
  return made;
}

function row(cells) {
  const made = document.createElement("tr");
  for (const cell of cells) {
    const data = document.createElement("td");
    data.textContent = cell;
    made.append(data);
  }
  return made;
}

function button(text, run) {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = text;
  made.addEventListener("click", run);
  return made;
}

function keep() {
  state.undo.push($("mapping").value);
  $("undo").disabled = false;
}

// Applies the edits of a fix to the mapping's text
function apply(edits) {
  keep();
  let text = $("mapping").value;
  for (const edit of [...edits].sort((one, two) => two.from - one.from)) {
    text = text.slice(0, edit.from) + edit.insert + text.slice(edit.to);
  }
  $("mapping").value = text;
  changed();
}

const fixButton = (fix) => button(fix.title, () => apply(fix.edits));

function changed() {
  clearTimeout(state.timer);
  state.timer = setTimeout(look, 60);
}

const look = tried(async () => {
  const text = $("mapping").value;
  const turn = ++state.turn;
  const [lint, line] = await Promise.all([
    ask("/api/lint", { text }),
    ask("/api/line", { text, event: state.event }),
  ]);
  if (turn !== state.turn) return;
  showLint(lint);
  state.line = line;
  showLine();
  if (line.valid) await survey(text, turn);
});

function showLint(lint) {
  const rows = lint.findings.map((found) => {
    const at = found.place ? `Line ${found.place.line}` : found.where;
    const made = item([at, found.code, found.message, found.hint].filter(Boolean).join(" "), found.severity);
    made.append(" ", ...found.fixes.map(fixButton));
    return made;
  });
  $("problems").replaceChildren(...(rows.length ? rows : [item("No problems.")]));
}

function showLine() {
  const line = state.line;
  const why = line.problem?.message ?? line.reason;
  const size = line.bytes ? `${line.bytes} of ${line.maxBytes} bytes` : "";
  $("outcome").textContent = line.valid
    ? [line.outcome, why, size].filter(Boolean).join(", ")
    : `The mapping cannot be used. ${why}`;
  $("line").textContent = line.message;
  const parts = line.parts.map((part) =>
    row([
      part.label ? `${part.key} (${part.label})` : part.key,
      part.value,
      part.rule ? `${part.rule.file}:${part.rule.line}` : "",
      part.fields.join(", "),
      [...part.steps, ...part.notes].join("; "),
    ]),
  );
  $("parts").replaceChildren(...parts);
  const fields = line.fields.map((field) =>
    row([field.path, field.value, field.keys.length ? field.keys.join(", ") : field.why]),
  );
  $("fields").replaceChildren(...fields);
  const absent = line.unwritten.map((each) =>
    item(`${each.key}: ${each.why.map((it) => it.why).join("; ")}`),
  );
  $("unwritten").replaceChildren(...absent);
  showReading();
}

function showReading() {
  const reading = state.line?.receivers.find((each) => each.id === $("siem").value);
  $("time").textContent = reading ? `Time: ${reading.time.value} from ${reading.time.source}` : "";
  const findings = (reading?.findings ?? []).map((found) => {
    const words = [`${found.kind}:`, found.key, found.message, found.fix && `Fix: ${found.fix}`];
    const made = item(words.filter(Boolean).join(" "), found.kind);
    if (found.mend) made.append(" ", fixButton(found.mend));
    return made;
  });
  $("findings").replaceChildren(...findings);
  const fields = (reading?.fields ?? []).map((field) => row([field.name, field.value, field.key]));
  $("extracted").replaceChildren(...fields);
}

async function survey(text, turn) {
  let found = await ask("/api/survey", { text, page });
  while (found.state === "running" && turn === state.turn) {
    $("progress").textContent = `${found.done} of ${found.of} events`;
    await new Promise((done) => setTimeout(done, 150));
    found = await ask(`/api/survey/${found.id}`);
  }
  if (turn !== state.turn || found.state === "cancelled") return;
  $("progress").textContent = found.problem?.message ?? `${found.of} events`;
  $("numbers").replaceChildren(...numbers(found).map((each) => item(each)));
}

function numbers(found) {
  const total = (name) => found.coverage.reduce((sum, field) => sum + field[name], 0);
  const { outcomes, sizes, diff } = found;
  const lines = [
    `${outcomes.converted} converted, ${outcomes.filtered} filtered, ${outcomes.rejected} rejected`,
    `Fields: ${total("mapped")} mapped, ${total("leftover")} unmapped, ${total("lost")} lost`,
    `Bytes: ${sizes.least} to ${sizes.most}, median ${sizes.median}; ${sizes.over} truncated at ${sizes.limit}`,
    `Severities 0 to 10: ${found.severities.join(" ")}`,
  ];
  if (diff) {
    lines.push(`Against the saved mapping: ${diff.changed} messages changed, ${diff.same} equal`);
    for (const key of diff.keys.slice(0, 20)) {
      lines.push(`${key.key}: added in ${key.added}, removed in ${key.removed}, changed in ${key.changed}`);
    }
  }
  const never = found.rules.filter((rule) => rule.own && !rule.fired);
  if (never.length) lines.push(`Never fired: ${never.map((it) => `${it.key} (line ${it.line})`).join(", ")}`);
  return lines;
}

const choose = tried(async (number) => {
  if (!(number >= 1 && number <= state.total)) return;
  state.event = number;
  $("number").value = String(number);
  $("event").value = (await ask(`/api/event/${number}`)).text;
  await look();
});

const list = tried(async () => {
  const filter = encodeURIComponent($("filter").value);
  const found = await ask(`/api/events?from=0&count=100&filter=${filter}`);
  state.total = found.total;
  $("number").max = String(found.total);
  const rows = found.events.map((each) => {
    const made = document.createElement("li");
    const words = [each.number, each.type, each.operation, each.verdict, each.title, each.pod];
    made.append(button(words.filter(Boolean).join(" "), () => choose(each.number)));
    return made;
  });
  $("events").replaceChildren(...rows);
});

const paste = tried(async () => {
  const { numbers } = await ask("/api/events", { text: $("event").value });
  await list();
  await choose(numbers[0]);
});

const example = tried(async () => {
  const name = `event ${state.event}`;
  const made = await ask("/api/example", { text: $("mapping").value, event: state.event, name });
  if (made.problem) {
    say([made.problem.message, made.problem.fix].join(" "));
    return;
  }
  apply(made.edits);
  say("The example is in the mapping. Save it.");
});

const save = tried(async () => {
  const text = $("mapping").value;
  try {
    const saved = await ask("/api/save", { text, hash: state.hash });
    state.hash = saved.hash;
    const { passed, failed, messages } = saved.tests;
    say([`Saved. Examples: ${passed} passed, ${failed} failed.`, ...messages].join(" "));
    changed();
  } catch (error) {
    if (error.status !== 409) throw error;
    if (!confirm(`${error.message} Save over it?`)) return;
    state.hash = error.body.disk.hash;
    await save();
  }
});

const reload = tried(async () => {
  const { mapping } = await ask("/api/start");
  if ($("mapping").value !== mapping.text) {
    keep();
    $("mapping").value = mapping.text;
  }
  state.hash = mapping.hash;
  say("");
  await look();
});

let reachable = true;
async function watch() {
  try {
    const disk = await ask("/api/disk");
    if (!reachable) say("The server is back.");
    reachable = true;
    if (disk.hash !== state.hash) say("The file on disk has changed. Load it, or save over it.");
  } catch (error) {
    reachable = false;
    say(error.message);
  }
}

const begin = tried(async () => {
  const start = (state.start = await ask("/api/start"));
  const { sample, mapping } = start;
  const more = sample.more ? ", and more that are left out" : "";
  $("about").textContent = `${start.version}. ${sample.name}: ${sample.events} events${more}.`;
  $("name").textContent = mapping.path;
  $("mapping").value = mapping.text;
  state.hash = mapping.hash;
  $("save").disabled = !start.edit;
  for (const each of start.receivers) {
    const option = document.createElement("option");
    option.value = each.id;
    option.textContent = each.title;
    $("siem").append(option);
  }
  await list();
  await choose(1);
  setInterval(watch, 2000);
});

$("mapping").addEventListener("input", changed);
$("siem").addEventListener("change", showReading);
$("filter").addEventListener("input", list);
$("number").addEventListener("change", () => choose(Number($("number").value)));
$("previous").addEventListener("click", () => choose(state.event - 1));
$("next").addEventListener("click", () => choose(state.event + 1));
$("paste").addEventListener("click", paste);
$("example").addEventListener("click", example);
$("save").addEventListener("click", save);
$("reload").addEventListener("click", reload);
$("undo").addEventListener("click", () => {
  $("mapping").value = state.undo.pop() ?? $("mapping").value;
  $("undo").disabled = !state.undo.length;
  changed();
});
begin();
