// The one live stream of the page (GET /live), shared by all that shows it: the status once a second, and what was changed by
// whomever, which has the queries of that collection asked again. Open while something uses it.

import { useSyncExternalStore } from "react";
import type { Schema } from "../api/client.ts";
import { type Collection, collections, invalidate, queryClient } from "../api/query-client.ts";
import { openEventStream } from "./event-stream.ts";

export type LiveStatus = Schema<"LiveStatus">;

export interface Live {
  readonly isOpen: boolean;
  /** The last status; null before the first. */
  readonly status: LiveStatus | null;
}

/** Changes of this time are asked for once: an import of a thousand devices is one question, not a thousand. */
const gatherMs = 500;
const collectionsOfKind: Readonly<Record<string, readonly Collection[]>> = {
  device: ["devices"],
  template: ["device-templates"],
  "device-template": ["device-templates"],
  provisioning: ["provisioning"],
  // The overview of provisioning counts them.
  registration: ["registrations", "provisioning"],
  "ca-certificate": ["ca-certificates"],
  "storage-account": ["storage-accounts"],
  export: ["exports"],
  policy: ["policies"],
  user: ["users"],
  token: ["tokens"],
  session: ["session"],
};

let live: Live = { isOpen: false, status: null };
const listeners = new Set<() => void>();
let close: (() => void) | null = null;
let wasOpened = false;
const changed = new Set<Collection>();
let gathering: ReturnType<typeof setTimeout> | undefined;

function set(next: Live): void {
  live = next;
  for (const listener of listeners) listener();
}

function hear(content: unknown): void {
  const { kind } = content as { readonly kind?: string };
  const concerned = collectionsOfKind[kind ?? ""] ?? collections.filter((name) => name === kind);
  if (concerned.length === 0) return;
  for (const collection of concerned) changed.add(collection);
  gathering ??= setTimeout(() => {
    gathering = undefined;
    const names = [...changed];
    changed.clear();
    void invalidate(...names);
  }, gatherMs);
}

/** Not in the middle of a change: a new password ends the stream before its own answer brings the new session. */
function askForSession(): void {
  setTimeout(() => {
    if (queryClient.isMutating() > 0) askForSession();
    else void invalidate("session");
  }, gatherMs);
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  close ??= openEventStream({
    path: "/api/v1/live",
    on: { status: (content) => set({ isOpen: true, status: content as LiveStatus }), changed: hear },
    onState: (isOpen) => {
      set({ ...live, isOpen });
      // What was changed while it was closed is not repeated.
      if (isOpen && wasOpened) void queryClient.invalidateQueries();
      wasOpened ||= isOpen;
      // It ends with the session, too: somebody may have signed out in another tab.
      if (!isOpen) askForSession();
    },
  });
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    close?.();
    close = null;
    wasOpened = false;
    live = { isOpen: false, status: null };
  };
}

/** What the live stream says now. The stream is one, however many use this. */
export function useLive(): Live {
  return useSyncExternalStore(subscribe, () => live);
}
