// Columns: the device twin.

import { expect } from "vitest";
import type { Feature } from "./features.ts";
import type { SdkClient } from "./sdk-client.ts";
import { type Cell, until } from "./stand.ts";

async function twin(cell: Cell): Promise<void> {
  const client = await cell.open();
  await cell.setSpeed(3);
  const { desired, reported } = await client.twin();
  expect(desired).toMatchObject({ speed: { value: 3 }, $version: 2 });
  expect(reported).toMatchObject({ $version: 1 });
}

async function reported(cell: Cell): Promise<void> {
  const client = await cell.open();
  await client.report({ firmware: "7.1", gone: 1, speed: { value: 1, desiredVersion: 1, statusCode: 200 } });
  await client.report({ gone: null });
  expect(await cell.api("GET", "/twin")).toMatchObject({ reported: { content: { firmware: "7.1" } } });
  const asProperty = { properties: { device: { firmware: "7.1" } } };
  if (cell.row.kind === "device") expect(await cell.api("GET", "")).toMatchObject(asProperty);
  const kept = await client.twin();
  expect(kept.reported).toMatchObject({ firmware: "7.1", speed: { desiredVersion: 1 }, $version: 3 });
  expect(kept.reported).not.toHaveProperty("gone");
  await expect(client.report({ "a.b": 1 })).rejects.toThrow();
}

async function desired(cell: Cell): Promise<void> {
  const client = await cell.open();
  await watch(cell, client);
  await expectHears(cell, client, 5);
}

/** The SDK does not read its twin again after a connection broke, so the hub must tell. */
async function desiredAway(cell: Cell): Promise<void> {
  const client = await cell.open();
  await watch(cell, client);
  cell.gate.shut();
  await cell.untilConnected(false);
  await cell.setSpeed(7);
  cell.gate.reopen();
  await heard(client, 7);
}

/**
 * Has the client watch its desired properties; resolves when it does. No SDK says when it has subscribed: it is told of changes
 * until it hears of one.
 */
export async function watch(cell: Cell, client: SdkClient): Promise<void> {
  await client.watchDesired();
  let speed = 1;
  await until("it hears of changes", async () => {
    await cell.setSpeed(++speed / 100);
    return client.events("desired").some((patch) => isSpeed(patch, speed / 100));
  });
}

/** The client hears of a change that is made now. */
export async function expectHears(cell: Cell, client: SdkClient, speed: number): Promise<void> {
  await cell.setSpeed(speed);
  await heard(client, speed);
}

async function heard(client: SdkClient, speed: number): Promise<void> {
  await client.until("desired", (patches) => patches.some((patch) => isSpeed(patch, speed)));
}

function isSpeed(patch: Readonly<Record<string, unknown>>, speed: number): boolean {
  const setting = patch["speed"] as { value?: unknown } | undefined;
  return setting?.value === speed && typeof patch["$version"] === "number";
}

const everybody = ["device", "module"] as const;

export const twinFeatures: readonly Feature[] = [
  { id: "twin", title: "read the twin", kinds: everybody, run: twin },
  { id: "reported", title: "report properties", kinds: everybody, run: reported },
  { id: "desired", title: "hear of desired properties", kinds: everybody, run: desired },
  {
    id: "desired-away",
    title: "hear of what was desired while cut off",
    kinds: everybody,
    run: desiredAway,
  },
];
