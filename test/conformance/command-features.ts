// Columns: direct methods and cloud-to-device messages.

import { expect } from "vitest";
import type { DriverMessage } from "./driver-protocol.ts";
import type { Feature } from "./features.ts";
import type { SdkClient } from "./sdk-client.ts";
import { type Cell, until } from "./stand.ts";

async function method(cell: Cell): Promise<void> {
  const call = { name: "reboot", payload: { delay: 3 }, connectTimeoutSeconds: 0 };
  await expect(cell.api("POST", "/methods", call)).rejects.toThrow(/: 404 /);
  const client = await cell.open();
  await client.answerMethod("reboot", 207, { done: ["ä"] });
  const answer = await cell.api("POST", "/methods", { ...call, connectTimeoutSeconds: 10 });
  expect(answer).toMatchObject({ status: 207, payload: { done: ["ä"] } });
  const [payload] = await client.until("method", (calls) => calls.length === 1);
  expect(payload).toEqual({ delay: 3 });
}

const textOf = ({ body }: DriverMessage): string => Buffer.from(body, "base64").toString();

async function post(cell: Cell, text: string): Promise<void> {
  const properties = { level: "x&y/z = 100%" };
  await cell.api("POST", "/cloud-messages", { body: text, properties, messageId: `c-${text}`, correlationId: "c 1" });
}

/** The hub says that this became of the messages, in any order. */
async function untilEnded(cell: Cell, expected: Readonly<Record<string, string>>): Promise<void> {
  interface Item {
    readonly messageId: string;
    readonly state: string;
  }
  let states: Record<string, string> = {};
  await until("all messages ended", async () => {
    const { items } = await cell.api<{ items: readonly Item[] }>("GET", "/cloud-messages");
    states = Object.fromEntries(items.map(({ messageId, state }) => [messageId, state]));
    return items.every(({ state }) => state !== "queued" && state !== "delivering");
  });
  expect(states).toEqual(expected);
}

/** The SDK has settled so many messages, and says of none that it could not. */
async function expectSettled(client: SdkClient, count: number): Promise<void> {
  const settled = await client.until("settled", (all) => all.length >= count);
  expect(settled).toEqual(Array.from({ length: count }, () => null));
}

async function complete(cell: Cell): Promise<void> {
  const client = await cell.open();
  await client.watchMessages("complete");
  await post(cell, "one");
  const [message] = await client.until("message", (messages) => messages.length === 1);
  expect(message && textOf(message)).toBe("one");
  expect(message).toMatchObject({ messageId: "c-one", correlationId: "c 1" });
  const { language, transport } = cell.row;
  const prefix = language === "Node.js" && transport === "Http" ? "iothub-app-" : "";
  expect(message?.properties).toContainEqual([`${prefix}level`, "x&y/z = 100%"]);
  await expectSettled(client, 1);
  await untilEnded(cell, { "c-one": "completed" });
}

async function reject(cell: Cell): Promise<void> {
  const client = await cell.open();
  await client.watchMessages("reject", "complete");
  await post(cell, "one");
  await client.until("message", (messages) => messages.length === 1);
  await expectSettled(client, 1);
  await untilEnded(cell, { "c-one": "rejected" });
  await post(cell, "two");
  const messages = await client.until("message", (all) => all.some((message) => textOf(message) === "two"));
  expect(messages.map(textOf)).toEqual(["one", "two"]);
}

async function abandon(cell: Cell): Promise<void> {
  const client = await cell.open();
  await client.watchMessages("abandon", "complete");
  await post(cell, "one");
  await expectSettled(client, 1);
  const messages = await client.until("message", (all) => all.length === 2);
  expect(messages.map(textOf)).toEqual(["one", "one"]);
  await untilEnded(cell, { "c-one": "completed" });
}

async function queued(cell: Cell): Promise<void> {
  for (const text of ["one", "two", "three"]) await post(cell, text);
  const client = await cell.open();
  await client.watchMessages("complete");
  const texts = (await client.until("message", (all) => all.length === 3)).map(textOf);
  // Python's SDK hands messages to several threads, and which of them is first says nothing of the hub.
  if (cell.row.language === "Python") expect(new Set(texts)).toEqual(new Set(["one", "two", "three"]));
  else expect(texts).toEqual(["one", "two", "three"]);
  await untilEnded(cell, { "c-one": "completed", "c-two": "completed", "c-three": "completed" });
}

export const commandFeatures: readonly Feature[] = [
  { id: "method", title: "direct method", kinds: ["device", "module"], run: method },
  { id: "complete", title: "cloud-to-device message: complete", kinds: ["device"], run: complete },
  { id: "reject", title: "cloud-to-device message: reject", kinds: ["device"], run: reject },
  { id: "abandon", title: "cloud-to-device message: abandon, and get it again", kinds: ["device"], run: abandon },
  { id: "queued", title: "cloud-to-device messages of the time away", kinds: ["device"], run: queued },
];
