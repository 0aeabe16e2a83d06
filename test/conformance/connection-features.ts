// Columns: what happens to a connection that lasts.

import { expect } from "vitest";
import type { Feature } from "./features.ts";
import type { SdkClient } from "./sdk-client.ts";
import { type Cell, until } from "./stand.ts";
import { numbered } from "./telemetry-features.ts";
import { expectHears, watch } from "./twin-features.ts";

const hasTwins = ({ row }: Cell): boolean => row.transport !== "Http";

/**
 * A token is replaced before it ends: after the first one's end nothing was ended by the hub, and all goes on. Over MQTT that
 * is a new connection each time, over AMQP the same connection, over HTTP a new header.
 */
async function renewal(cell: Cell): Promise<void> {
  const { gate, row } = cell;
  const validSeconds = row.language === "Python" ? 125 : 6;
  // Java's tokens are good for a second more than was said.
  const tokenSeconds = validSeconds + (row.language === "Java" ? 1 : 0);
  const client = await cell.open({ tokenSeconds: { valid: validSeconds, margin: validSeconds - 2 } });
  const endMs = Date.now() + tokenSeconds * 1000;
  const connections = gate.connections;
  if (hasTwins(cell)) await watch(cell, client);
  // Python's SDK renews 120 s before the end, whatever it is told: its connection of five seconds later is the proof.
  const isReconnecting = row.transport.startsWith("Mqtt");
  if (isReconnecting) await until("it connects again", () => gate.connections > connections);
  if (row.language !== "Python") await until("the first token's end", () => Date.now() > endMs + 500);
  expect(await cell.stand.tokensExpired()).toBe(row.isRenewedLate === true ? 1 : 0);
  if (hasTwins(cell)) await expectHears(cell, client, 3);
  await client.send(numbered(1));
  cell.mustBeExported(numbered(1));
}

/** The hub is stopped and started while messages are under way. */
async function restart(cell: Cell): Promise<void> {
  const client = await cell.open();
  if (hasTwins(cell)) await watch(cell, client);
  const numbers = Array.from({ length: 20 }, (_, number) => number);
  const sending = Promise.all(numbers.map(async (number) => await sendAsItsUserDoes(cell, client, number)));
  sending.catch(() => {}); // looked at below
  await cell.stand.restart();
  await sending;
  cell.mustBeExported(...numbers.map(numbered));
  await cell.untilConnected(true);
  if (hasTwins(cell)) await expectHears(cell, client, 3);
}

/** Messages sent while there is no way to the hub are sent when there is one. */
async function cut(cell: Cell): Promise<void> {
  const client = await cell.open();
  await client.send(numbered(0));
  const { refused } = cell.gate;
  cell.gate.shut();
  await cell.untilConnected(false);
  if (cell.row.isUserToSendAgain) await expect(client.send(numbered(1))).rejects.toThrow();
  const numbers = [1, 2, 3, 4, 5];
  const sending = Promise.all(numbers.map(async (number) => await sendAsItsUserDoes(cell, client, number)));
  sending.catch(() => {}); // looked at below
  await until("it tries to connect", () => cell.gate.refused > refused);
  cell.gate.reopen();
  await sending;
  cell.mustBeExported(...[0, ...numbers].map(numbered));
}

/** A gateway's devices share a connection, and come and go on it. */
async function shared(cell: Cell): Promise<void> {
  const { gate } = cell;
  const { connections } = gate;
  const ids = [cell.id, `${cell.id}-two`, `${cell.id}-three`] as const;
  for (const id of ids.slice(1)) await cell.addDevice(id);
  const open = async (deviceId: string): Promise<SdkClient> => await cell.openShared(deviceId, cell.id);
  const [first, second, third] = [await open(ids[0]), await open(ids[1]), await open(ids[2])] as const;
  const send = async (client: SdkClient, deviceId: string, number: number): Promise<void> => {
    await client.send(numbered(number));
    cell.mustBeExportedOf(deviceId, numbered(number));
  };
  // Java's SDK knows the messages of a connection by their ids, whichever device's they are.
  await Promise.all([send(first, ids[0], 1), send(second, ids[1], 2), send(third, ids[2], 3)]);
  expect(gate.connections).toBe(connections + 1);
  await watch(cell, first);
  await second.close();
  await cell.untilConnected(false, ids[1]);
  await expectHears(cell, first, 3);
  await send(third, ids[2], 4);
  await send(await open(ids[1]), ids[1], 5);
  await cell.untilConnected(true, ids[1]);
  expect(gate.connections).toBe(connections + 1);
}

/** Where the SDK hands a broken connection to its user, the user sends again. */
async function sendAsItsUserDoes(cell: Cell, client: SdkClient, number: number): Promise<void> {
  if (!cell.row.isUserToSendAgain) return await client.send(numbered(number));
  await until(`message ${number} is sent`, async () => {
    return await client.send(numbered(number)).then(
      () => true,
      () => false,
    );
  });
}

const everybody = ["device", "module"] as const;

export const connectionFeatures: readonly Feature[] = [
  { id: "renewal", title: "token renewal", kinds: everybody, run: renewal },
  { id: "restart", title: "the hub starts again while messages are under way", kinds: everybody, run: restart },
  { id: "shared", title: "several devices over one connection", kinds: ["device"], run: shared },
  { id: "cut", title: "messages of the time without a connection", kinds: everybody, run: cut },
];
