// A server-sent stream that comes back: with back-off after an end, at once when the connection is there again.
//
// It rests while the page is hidden: a browser has six connections to a server over HTTP/1.1, for all its tabs together, and each
// stream holds one. What came meanwhile is not repeated: whoever listens asks again when it opens.

import { connection } from "../api/connection.ts";

const waitMsMin = 1_000;
const waitMsMax = 30_000;
/** A look at another tab ends nothing. */
const hiddenMsMax = 5_000;

export interface EventStreamOptions {
  readonly path: string;
  /** What to do with each kind of event; its data is JSON. */
  readonly on: Readonly<Record<string, (content: unknown) => void>>;
  /** Told when the stream opens, and when it ends or cannot be opened. */
  readonly onState?: (isOpen: boolean) => void;
}

const hurries = new Set<() => void>();

/** Has streams that wait for their next try opened at once: what stood in their way is gone. */
export function hurryStreams(): void {
  for (const hurry of hurries) hurry();
}

/** Opens the stream and keeps it open. @returns what closes it for good. */
export function openEventStream({ path, on, onState }: EventStreamOptions): () => void {
  let source: EventSource | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let waitMs = waitMsMin;
  let isResting = false;
  let restTimer: ReturnType<typeof setTimeout> | undefined;

  const open = (): void => {
    clearTimeout(timer);
    source?.close();
    source = new EventSource(path);
    source.addEventListener("open", () => {
      waitMs = waitMsMin;
      connection.reached();
      onState?.(true);
    });
    source.addEventListener("error", () => {
      // EventSource would try again each few seconds for ever; ours waits longer and longer, and knows of the connection.
      source?.close();
      source = null;
      onState?.(false);
      void connection.probe();
      timer = setTimeout(open, waitMs * (0.75 + Math.random() / 2));
      waitMs = Math.min(waitMs * 2, waitMsMax);
    });
    for (const [kind, handle] of Object.entries(on)) {
      source.addEventListener(kind, (event) => {
        const content: unknown = JSON.parse((event as MessageEvent<string>).data);
        handle(content);
      });
    }
  };

  const hurry = (): void => {
    if (source !== null || isResting) return;
    waitMs = waitMsMin;
    open();
  };
  let wasLost = connection.lostSinceMs !== null;
  const unsubscribe = connection.subscribe(() => {
    const isLost = connection.lostSinceMs !== null;
    if (wasLost && !isLost) hurry();
    wasLost = isLost;
  });
  hurries.add(hurry);
  const rest = (): void => {
    isResting = true;
    clearTimeout(timer);
    source?.close();
    source = null;
  };
  const onVisibility = (): void => {
    if (document.hidden) {
      restTimer ??= setTimeout(rest, hiddenMsMax);
      return;
    }
    clearTimeout(restTimer);
    restTimer = undefined;
    if (isResting) {
      isResting = false;
      waitMs = waitMsMin;
      open();
    }
  };
  document.addEventListener("visibilitychange", onVisibility);
  open();
  onVisibility();
  return () => {
    document.removeEventListener("visibilitychange", onVisibility);
    unsubscribe();
    hurries.delete(hurry);
    clearTimeout(timer);
    clearTimeout(restTimer);
    source?.close();
    source = null;
  };
}
