// Numbers, times and the words of closed lists, as the live page writes them.

const WHOLE = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const SHORT = new Intl.NumberFormat("en-US", { maximumFractionDigits: 1 });

export function count(value: number): string {
  return WHOLE.format(value);
}

export function rate(value: number): string {
  return value > 0 && value < 10 ? SHORT.format(value) : WHOLE.format(value);
}

export function size(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit ? SHORT.format(value) : value} ${units[unit] ?? ""}`;
}

export function age(seconds: number): string {
  if (seconds < 120) return `${WHOLE.format(seconds)} s`;
  if (seconds < 7200) return `${WHOLE.format(seconds / 60)} min`;
  if (seconds < 172800) return `${WHOLE.format(seconds / 3600)} h`;
  return `${WHOLE.format(seconds / 86400)} days`;
}

// The meanings of the reasons of `cef_bridge/stats.py`
const REASONS: Record<string, string> = {
  "not-json": "looks like an event, and cannot be parsed",
  "too-deep": "nested deeper than 64 levels",
  "too-long": "over the limit for a record",
  unfinished: "the rest of the line never came",
  damaged: "the source could not bring it whole",
  "no-kind": "has neither Type nor Operation",
  "karmor-text": "output of karmor for people: use karmor logs --json",
  "no-event": "no KubeArmor event",
  fault: "a defect of cef-bridge: please report it",
  json: "JSON that is no KubeArmor event",
  text: "text, such as a log line of the relay",
  other: "another reason, or counted by an earlier version",
};

export function meaning(reason: string): string {
  return REASONS[reason] ?? "";
}
