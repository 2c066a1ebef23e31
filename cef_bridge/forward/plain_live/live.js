// The plain live page: /api/live each second, as tables. All texts are written by textContent.

const $ = (id) => document.getElementById(id);
const number = (value) => (value === null ? "-" : Math.round(value).toLocaleString("en-US"));

const TABLES = [
  {
    title: "Sources",
    rows: (live) => live.sources,
    columns: {
      Source: (it) => it.name,
      State: (it) => (it.error ? `${it.state}: ${it.error}` : it.state),
      "Lines/s": (it) => it.perSecond,
      Lines: (it) => it.read,
    },
    bad: (it) => it.error !== "",
  },
  {
    title: "Destinations",
    rows: (live) => live.destinations,
    columns: {
      Destination: (it) => it.name,
      Address: (it) => it.address,
      State: (it) => (it.error ? `${it.state}: ${it.error}` : it.state),
      "Confirmed/s": (it) => it.perSecond,
      Waiting: (it) => it.queued,
      "In flight": (it) => it.inFlight,
      Confirmed: (it) => it.confirmed,
      Unconfirmed: (it) => it.unconfirmed,
      Dropped: (it) => it.dropped,
      "Dead letters": (it) => it.deadLettered,
      "Oldest, s": (it) => it.oldest,
    },
    bad: (it) => it.state === "down" || it.error !== "",
  },
  {
    title: "Conversion",
    rows: (live) => live.destinations,
    columns: {
      Destination: (it) => it.name,
      Received: (it) => it.received,
      Converted: (it) => it.converted,
      Filtered: (it) => it.filtered,
      Rejected: (it) => it.rejected,
      Skipped: (it) => it.skipped,
      Blank: (it) => it.blank,
    },
    bad: () => false,
  },
  ...[
    ["Rejected records by reason", "rejects"],
    ["Skipped lines by reason", "skipped"],
  ].map(([title, name]) => ({
    title,
    rows: (live) => live[name],
    columns: {
      Destination: (it) => it.destination,
      Reason: (it) => it.reason,
      Count: (it) => it.count,
    },
    bad: () => false,
  })),
];

function element(name, text, className) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

function table({ title, rows, columns, bad }, live) {
  const section = element("section");
  section.append(element("h2", title));
  const found = rows(live);
  if (!found.length) {
    section.append(element("p", "None."));
    return section;
  }
  const kind = (value) => (typeof value === "string" ? "" : "number");
  const head = element("tr");
  for (const [name, read] of Object.entries(columns)) {
    const cell = element("th", name, kind(read(found[0])));
    cell.scope = "col";
    head.append(cell);
  }
  const body = element("tbody");
  for (const row of found) {
    const line = element("tr", undefined, bad(row) ? "bad" : "");
    for (const read of Object.values(columns)) {
      const value = read(row);
      line.append(element("td", kind(value) ? number(value) : value, kind(value)));
    }
    body.append(line);
  }
  const made = element("table");
  const top = element("thead");
  top.append(head);
  made.append(top, body);
  const wide = element("div", undefined, "wide");
  wide.tabIndex = 0;
  wide.setAttribute("role", "region");
  wide.setAttribute("aria-label", title);
  wide.append(made);
  section.append(wide);
  return section;
}

function say(text, bad) {
  if ($("state").textContent !== text) $("state").textContent = text;
  $("state").className = bad ? "bad" : "";
}

async function ask(path, body) {
  const answer = await fetch(path, {
    method: body ? "POST" : "GET",
    headers: body ? { "Content-Type": "application/json" } : {},
    body: body ? JSON.stringify(body) : null,
    signal: AbortSignal.timeout(5000),
  });
  if (answer.ok) return answer.json();
  const said = await answer.json().catch(() => null);
  const problem = said?.error ?? { message: `It answers ${answer.status}.`, fix: "" };
  throw new Error(`${problem.message} ${problem.fix}`.trim());
}

function showTap(tap) {
  $("tap-switch").textContent = tap.on ? "Tap off" : "Tap on";
  $("tap-switch").setAttribute("aria-pressed", String(tap.on));
  const left = tap.on ? Math.max(tap.until - Date.now() / 1000, 0) : 0;
  $("tap-state").textContent = tap.on
    ? `One of ${tap.sampled} messages. Ends in ${Math.ceil(left / 60)} min.`
    : "Off. It shows messages, which may hold secrets of the workload.";
  if (!tap.on) return; // what was seen stays on the page
  $("tapped").replaceChildren(
    ...tap.messages.toReversed().map((it) => {
      const item = element("li");
      item.append(element("pre", it.message), element("pre", it.event));
      return item;
    }),
  );
}

function showNames(destinations) {
  const names = destinations.map((it) => it.name);
  const known = [...$("tap-of").options].map((it) => it.value);
  if (names.join("\n") === known.join("\n")) return;
  const chosen = $("tap-of").value;
  $("tap-of").replaceChildren(...names.map((name) => new Option(name, name)));
  if (names.includes(chosen)) $("tap-of").value = chosen;
}

async function look() {
  try {
    const live = await ask(`/api/live?since=${Date.now() / 1000}`);
    say(live.fault || `Version ${live.version}, engine ${live.engine}.`, live.fault !== "");
    $("tables").replaceChildren(...TABLES.map((each) => table(each, live)));
    showNames(live.destinations);
    const name = $("tap-of").value;
    if (name) showTap(await ask(`/api/tap/${encodeURIComponent(name)}`));
  } catch (error) {
    const gone = error instanceof TypeError || error.name === "TimeoutError";
    say(gone ? "The forwarder does not answer. Trying again." : error.message, true);
  }
  setTimeout(look, 1000);
}

$("tap-switch").addEventListener("click", async () => {
  const on = $("tap-switch").getAttribute("aria-pressed") === "false";
  if (on) $("tapped").replaceChildren();
  try {
    showTap(await ask("/api/tap", { destination: $("tap-of").value, on }));
  } catch (error) {
    $("tap-state").textContent = error.message;
  }
});
history.replaceState(null, "", location.pathname); // the cookie has the token from here on
look();
