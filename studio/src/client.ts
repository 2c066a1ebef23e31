// Requests to the server: JSON in and out, errors as values that a user can read.

import type { Problem } from "./api";

export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly problem: Problem,
    readonly body: unknown,
  ) {
    super(problem.message);
  }
}

// The server did not answer at all
export class Gone extends Error {}

type Listener = (reachable: boolean) => void;
const listeners = new Set<Listener>();

// Calls back after each request that was not cancelled: whether anybody answered
export function onReach(listener: Listener): void {
  listeners.add(listener);
}

export async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  return request<T>(path, signal ? { signal } : {});
}

export async function post<T>(path: string, body: unknown, signal?: AbortSignal): Promise<T> {
  return request<T>(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
    ...(signal ? { signal } : {}),
  });
}

export function cancelled(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}

// Returns what to tell a user about an error of these functions
export function problemOf(error: unknown): Problem {
  if (error instanceof Refused) return error.problem;
  if (error instanceof Gone) {
    return { message: "The server does not answer.", fix: "Check that cef-bridge studio still runs." };
  }
  return { message: `Unexpected error: ${String(error)}.`, fix: "Reload the page." };
}

async function request<T>(path: string, init: RequestInit): Promise<T> {
  let answer: Response;
  let text: string;
  try {
    answer = await fetch(path, { ...init, cache: "no-store", credentials: "same-origin" });
    text = await answer.text();
  } catch (error) {
    if (cancelled(error)) throw error;
    reach(false);
    throw new Gone(String(error));
  }
  reach(true);
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    body = null;
  }
  if (!answer.ok || body === null) throw new Refused(answer.status, problemIn(body, answer), body);
  return body as T;
}

function problemIn(body: unknown, answer: Response): Problem {
  const error = (body as { error?: Partial<Problem> } | null)?.error;
  if (error?.message) return { message: error.message, fix: error.fix ?? "" };
  if (answer.status === 401) {
    return {
      message: "The server does not accept this page's token.",
      fix: "Open the URL that cef-bridge studio printed last.",
    };
  }
  return { message: `The server answered ${answer.status}.`, fix: "Look at its output." };
}

function reach(reachable: boolean): void {
  for (const listener of listeners) listener(reachable);
}
