// The promise under SIGKILL, over AMQP: each message that was accepted stands in exactly one record, and nothing stands twice. The
// device never sends anything again.

import { afterEach, expect, test } from "vitest";
import { AmqpClient } from "../lib/amqp-client.ts";
import { type BenchDevice, DeviceBench, sasToken } from "../lib/device-bench.ts";

const rounds = 4;
const inFlight = 200;
let bench: DeviceBench | null = null;
afterEach(async () => {
  await bench?.close();
  bench = null;
});

test(`J1, E1: SIGKILL ${rounds} times under load: what was accepted is exported once, and nothing twice`, async () => {
  bench = await DeviceBench.open();
  const devices = await Promise.all(
    ["a", "b", "c"].map(async (name) => await (bench as DeviceBench).device(`kill-${name}`)),
  );
  const sent = new Set<string>();
  const accepted = new Set<string>();
  for (let round = 0; round < rounds; round++) {
    const { hub } = bench;
    const loads = devices.map(async (device) => await load(hub.address.ports.amqps, device, round, sent, accepted));
    const enough = accepted.size + 1_500;
    const endMs = performance.now() + 20_000;
    while (accepted.size < enough && performance.now() < endMs) await new Promise((resolve) => setTimeout(resolve, 10));
    await hub.kill();
    await Promise.all(loads);
    await bench.start();
  }
  await bench.exported();
  const found = (await Promise.all(devices.map(async ({ id }) => await (bench as DeviceBench).messages.of(id))))
    .flat()
    .map(({ body }) => String(body));
  const once = new Set(found);
  expect(accepted.size).toBeGreaterThan(rounds * 500);
  expect(found.length).toBe(once.size); // nothing twice
  expect([...accepted].filter((body) => !once.has(body))).toEqual([]); // nothing lost
  expect([...once].filter((body) => !sent.has(body))).toEqual([]); // nothing made up
});

/** Sends as fast as it is accepted, until the connection ends. */
async function load(
  port: number,
  { id, key }: BenchDevice,
  round: number,
  sent: Set<string>,
  accepted: Set<string>,
): Promise<void> {
  const client = await AmqpClient.device(port, id, sasToken(`localhost/devices/${id}`, key), { ca: bench?.ca });
  const link = await client.events(id);
  let number = 0;
  const one = async (): Promise<void> => {
    while (!client.isEnded) {
      const body = `${id} ${round} ${number++}`;
      sent.add(body);
      const { state } = await client.send(link, { body });
      if (state === "accepted") accepted.add(body);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, one));
}
