// Columns: what a device sends. What the files say is looked at afterwards (Cell.expectExported).

import { expect } from "vitest";
import type { DriverMessage } from "./driver-protocol.ts";
import type { Feature } from "./features.ts";
import type { Cell } from "./stand.ts";

/** A message with an id, as every careful device sends it. */
export function numbered(number: number): DriverMessage {
  const body = Buffer.from(JSON.stringify({ number })).toString("base64");
  return { body, properties: [], messageId: `m-${number}` };
}

async function connect(cell: Cell): Promise<void> {
  const client = await cell.open();
  const message = numbered(1);
  await client.send(message);
  cell.mustBeExported(message);
  await cell.untilConnected(true);
  await client.close();
  await cell.untilConnected(false);
  const wrongKey = Buffer.alloc(32, 1).toString("base64");
  await expect(
    cell.open({ key: wrongKey }).then(async (stranger) => await stranger.send(numbered(2))),
  ).rejects.toThrow();
}

async function send(cell: Cell): Promise<void> {
  const client = await cell.open();
  const bodies = [
    Buffer.from('{"text":"äöü 世界 🧊"}'),
    Buffer.from(Uint8Array.from({ length: 256 }, (_, at) => at)),
    Buffer.alloc(200 * 1024, 7),
  ];
  const messages = bodies.map((body) => ({ body: body.toString("base64"), properties: [] }));
  await Promise.all(messages.map(async (message) => await client.send(message)));
  cell.mustBeExported(...messages);
}

async function batch(cell: Cell): Promise<void> {
  const client = await cell.open();
  // The SDK sends application properties in a batch, and no others.
  const messages = [1, 2, 3].map((number) => ({ ...numbered(number), messageId: undefined }));
  const withProperty = { ...numbered(4), properties: [["level", "2"]] as const, messageId: undefined };
  const all = [...messages, withProperty].map(({ body, properties }) => ({ body, properties }));
  await client.sendBatch(all);
  cell.mustBeExported(...all);
}

async function properties(cell: Cell): Promise<void> {
  const client = await cell.open();
  const message: DriverMessage = {
    body: Buffer.from('{"temp":4.5}').toString("base64"),
    // By name: Python's SDK sends them so. In lower case: HTTP's headers are.
    properties: [
      ["empty", ""],
      ["iothub-creation-time-utc", "2026-01-02T03:04:05.678Z"],
      ["level", "x&y/z = 100% +"],
    ],
    messageId: "m-1/&=%",
    correlationId: "c 1",
    contentType: "application/json",
    contentEncoding: "utf-8",
  };
  await client.send(message);
  cell.mustBeExported(message);
}

const everybody = ["device", "module"] as const;

export const telemetryFeatures: readonly Feature[] = [
  { id: "connect", title: "connect; a wrong key is refused", kinds: everybody, run: connect },
  { id: "send", title: "send", kinds: everybody, run: send },
  { id: "batch", title: "send a batch", kinds: everybody, run: batch },
  { id: "properties", title: "application and system properties, creation time", kinds: everybody, run: properties },
];
