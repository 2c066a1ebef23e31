// Light and dark: as the system says, or as the user chose with the switch of a page.

type Theme = "light" | "dark";

const KEY = "cef-bridge-theme";
const system = matchMedia("(prefers-color-scheme: dark)");
const listeners = new Set<(theme: Theme) => void>();

function chosen(): Theme | null {
  try {
    const value = localStorage.getItem(KEY);
    return value === "light" || value === "dark" ? value : null;
  } catch {
    return null; // storage is blocked
  }
}

export function theme(): Theme {
  return chosen() ?? (system.matches ? "dark" : "light");
}

function apply(): void {
  const own = chosen();
  if (own) document.documentElement.dataset["theme"] = own;
  else delete document.documentElement.dataset["theme"];
  for (const listener of listeners) listener(theme());
}

// Switches to the other one; back to the system's own, it follows the system again
export function switchTheme(): void {
  const next: Theme = theme() === "dark" ? "light" : "dark";
  try {
    if (next === (system.matches ? "dark" : "light")) localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, next);
  } catch {
    // storage is blocked: nothing to remember
  }
  apply();
}

export function onTheme(listener: (theme: Theme) => void): void {
  listeners.add(listener);
}

system.addEventListener("change", apply);
addEventListener("storage", (event) => {
  if (event.key === KEY) apply();
});
apply();
