// Tabs after the ARIA pattern: arrow keys, Home and End move and show, Tab goes into the panel.

import type { ComponentChildren } from "preact";

export interface Tab {
  id: string;
  title: ComponentChildren;
}

interface Props {
  name: string; // a prefix for ids
  label: string;
  tabs: Tab[];
  chosen: string;
  choose: (id: string) => void;
  children: ComponentChildren; // the panel of the chosen tab
  after?: ComponentChildren; // at the end of the row
}

export function Tabs({ name, label, tabs, chosen, choose, children, after }: Props) {
  const move = (event: KeyboardEvent) => {
    const at = tabs.findIndex((tab) => tab.id === chosen);
    const next: Record<string, number> = {
      ArrowRight: (at + 1) % tabs.length,
      ArrowLeft: (at - 1 + tabs.length) % tabs.length,
      Home: 0,
      End: tabs.length - 1,
    };
    const to = next[event.key];
    const tab = to === undefined ? undefined : tabs[to];
    if (!tab) return;
    event.preventDefault();
    choose(tab.id);
    document.getElementById(`${name}-tab-${tab.id}`)?.focus();
  };
  return (
    <>
      <div class="tab-row">
        <div role="tablist" aria-label={label} class="tabs" onKeyDown={move}>
          {tabs.map((tab) => (
            <button
              key={tab.id}
              type="button"
              role="tab"
              id={`${name}-tab-${tab.id}`}
              aria-selected={tab.id === chosen}
              aria-controls={`${name}-panel`}
              tabIndex={tab.id === chosen ? 0 : -1}
              onClick={() => choose(tab.id)}
            >
              {tab.title}
            </button>
          ))}
        </div>
        {after}
      </div>
      <div
        role="tabpanel"
        id={`${name}-panel`}
        aria-labelledby={`${name}-tab-${chosen}`}
        class="tab-panel"
        tabIndex={0}
      >
        {children}
      </div>
    </>
  );
}
