// `coldpath device messages`: what a device said last, and with --follow what it says.

import { setTimeout as sleep } from "node:timers/promises";
import { ColdpathError } from "../lib/errors.ts";
import { type Client, segment } from "./client.ts";
import { serverCommand } from "./family.ts";
import { findDevice } from "./lookup.ts";
import { oneLine } from "./table.ts";
import type { Terminal } from "./terminal.ts";

interface MessageAnswer {
  readonly enqueuedTime: string;
  readonly partition: number;
  readonly offset: number;
  readonly properties: Readonly<Record<string, string>>;
  readonly systemProperties: Readonly<Record<string, string>>;
  readonly bodyText: string | null;
  readonly bodyBase64: string | null;
  readonly bytes: number;
}

interface MessageList {
  readonly items: readonly MessageAnswer[];
  readonly scannedFrom: string | null;
  readonly complete: boolean;
  readonly endedBy: "limit" | "answer" | "bytes" | "time" | null;
  readonly unreadable: readonly { readonly window: string; readonly message: string }[];
}

/** Between two tries to reach the server again. */
const reconnectMs = 3000;
const catchUpLimit = 1000;

export const deviceMessagesCommand = serverCommand({
  name: "device messages",
  purpose: "show the last messages of a device, and with --follow those to come",
  arguments: ["ID"],
  details:
    "The oldest is shown first. They are read back from the journal, whether they are exported or not, as far as it goes and as much of it as the server reads for one answer.",
  options: {
    follow: {
      group: "Options",
      type: "boolean",
      isFlagOnly: true,
      description: "Show messages as they come, until Ctrl-C.",
    },
    limit: {
      group: "Options",
      type: "integer",
      min: "1",
      max: "1000",
      default: "20",
      isFlagOnly: true,
      description: "At most so many of the last ones.",
    },
    minutes: {
      group: "Options",
      type: "integer",
      min: "1",
      max: "5256000",
      isFlagOnly: true,
      description: "Only those of the last so many minutes.",
    },
  },
  examples: [
    ["coldpath device messages fridge-7", "the last twenty"],
    ["coldpath device messages fridge-7 --follow --json | jq .bodyText", "what it says, for a program: a line each"],
  ],
  run: async ({ client, values, positionals: [idOrName = ""], terminal }) => {
    const { id } = await findDevice(client, idOrName);
    const { limit, minutes, follow, json } = values;
    const show = async (message: MessageAnswer): Promise<void> =>
      await terminal.write(`${json === true ? JSON.stringify(message) : printMessage(message, terminal)}\n`);
    if (follow === true) await followMessages(client, id, { limit, minutes }, show, terminal);
    else {
      const list = await client.get<MessageList>(`/devices/${segment(id)}/messages`, { limit, minutes });
      for (const message of list.items.toReversed()) await show(message);
      tellWhatIsMissing(list, terminal);
    }
  },
});

/** Never returns: a server that is away is tried again. */
async function followMessages(
  client: Client,
  id: string,
  last: { readonly limit: number; readonly minutes: number | undefined },
  show: (message: MessageAnswer) => Promise<void>,
  terminal: Terminal,
): Promise<never> {
  const path = `/devices/${segment(id)}`;
  /** The last offset that was shown, of each partition. */
  const shown = new Map<number, number>();
  const showNew = async (message: MessageAnswer): Promise<void> => {
    if (message.offset <= (shown.get(message.partition) ?? -1)) return;
    shown.set(message.partition, message.offset);
    await show(message);
  };
  let isFirst = true;
  let isAway = false;
  for (;;) {
    try {
      const events = await client.events(`${path}/live`);
      // After the stream is open, so that nothing falls between.
      const list = await client.get<MessageList>(`${path}/messages`, isFirst ? last : { limit: catchUpLimit });
      if (isFirst) tellWhatIsMissing(list, terminal);
      else if (!list.complete && list.items.every(({ partition, offset }) => offset > (shown.get(partition) ?? -1))) {
        terminal.complain("coldpath: More came meanwhile than could be read back; some are not shown.");
      }
      if (isAway) terminal.complain("coldpath: The server is there again.");
      isFirst = false;
      isAway = false;
      for (const message of list.items.toReversed()) await showNew(message);
      for await (const { event, data } of events) {
        if (event === "message") await showNew(data as MessageAnswer);
        else if (event === "skipped") {
          terminal.complain(`coldpath: ${(data as { count: number }).count} more in this second, not shown.`);
        }
      }
    } catch (error) {
      if (isFirst || !(error instanceof ColdpathError) || error.kind !== "unavailable") throw error;
    }
    if (!isAway) terminal.complain("coldpath: The connection to the server ended; trying again.");
    isAway = true;
    await sleep(reconnectMs);
  }
}

const why = {
  limit: null,
  answer: "more did not go into one answer",
  bytes: "as much of the journal was read as may be (--message-scan-bytes-max of the server)",
  time: "it took as long as it may (--message-scan-time of the server)",
};

function tellWhatIsMissing({ items, scannedFrom, endedBy, unreadable }: MessageList, terminal: Terminal): void {
  const reason = endedBy === null ? null : why[endedBy];
  if (items.length === 0 && reason === null) terminal.complain("coldpath: There is no message of it.");
  if (reason !== null && scannedFrom !== null) {
    terminal.complain(`coldpath: Looked at what came since ${scannedFrom}: ${reason}.`);
  }
  for (const { window, message } of unreadable) terminal.complain(`coldpath: ${window} could not be read: ${message}`);
}

/** Time, body and properties in one line. Nothing that a device wrote moves the cursor. */
function printMessage(message: MessageAnswer, terminal: Terminal): string {
  const { enqueuedTime, bodyText, bodyBase64, properties } = message;
  const time = `${enqueuedTime.slice(0, 23)}Z`;
  const body = bodyText === null ? `base64:${bodyBase64 ?? ""}` : bodyText === "" ? "(empty)" : bodyText.trim();
  const named = Object.entries(properties).map(([name, value]) => `${name}=${value}`);
  const more = named.length === 0 ? "" : `  ${terminal.style("dim", oneLine(named.join(" ")))}`;
  return `${terminal.style("dim", time)}  ${oneLine(body)}${more}`;
}
