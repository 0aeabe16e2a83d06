// Devices that vanish: the network forwards nothing any more, and nobody is told. Over each protocol the hub ends them in their
// time, and what was on its way comes over the next connection. Real seconds, so the stories run side by side.

import type { Duplex } from "node:stream";
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CuttingProxy } from "../../test/lib/cutting-proxy.ts";
import { IngestHub, until } from "../../test/lib/ingest-hub.ts";
import {
  Heard,
  TalkingAmqpDevice,
  type TalkingDevice,
  TalkingMqttDevice,
  type TalkingOptions,
} from "../../test/lib/talking-device.ts";
import { WebSocketDuplex } from "../../test/lib/websocket-duplex.ts";

const path = "/$iothub/websocket";
const withinMs = 10_000;

let hub: IngestHub;
beforeAll(async () => {
  hub = await IngestHub.open({ idleTimeOutMs: 1_000 });
});
afterAll(() => hub.close());

interface Protocol {
  readonly port: () => number;
  readonly stream: (port: number) => Duplex | Promise<Duplex>;
  readonly open: (options: TalkingOptions) => Promise<TalkingDevice>;
}

const plain = (port: number): Duplex => connect({ port, host: "127.0.0.1", noDelay: true });
const webSocket = (subProtocol: string) => async (port: number) =>
  await WebSocketDuplex.open(`ws://127.0.0.1:${port}${path}`, subProtocol);

const overMqtt = async (options: TalkingOptions): Promise<TalkingDevice> => await TalkingMqttDevice.open(options);
const overAmqp = async (options: TalkingOptions): Promise<TalkingDevice> => await TalkingAmqpDevice.open(options);

const protocols: Readonly<Record<string, Protocol>> = {
  mqtt: { port: () => hub.mqttPort, stream: plain, open: overMqtt },
  "mqtt-ws": { port: () => hub.httpPort, stream: webSocket("mqtt"), open: overMqtt },
  amqp: { port: () => hub.amqpPort, stream: plain, open: overAmqp },
  "amqp-ws": { port: () => hub.httpPort, stream: webSocket("AMQPWSB10"), open: overAmqp },
};

describe.concurrent("A device that vanished", () => {
  test.each(Object.keys(protocols))("D2: over %s is ended in its time, and gets what it missed", async (name) => {
    const { port, stream, open } = protocols[name] as Protocol;
    const deviceId = `vanished-${name}`;
    await hub.createDevice(deviceId);
    const proxy = await CuttingProxy.start(port);
    const heard = new Heard();
    const options = { deviceId, token: hub.token(deviceId), heard, keepAliveSeconds: 1 };
    const vanishing = await open({ ...options, stream: await stream(proxy.port) });
    await hub.cloudMessages.send(deviceId, { messageId: "before", body: Buffer.from("1") });
    await until(() => heard.messages.includes("before"), "what is sent before comes");

    proxy.freeze();
    const sinceMs = performance.now();
    await hub.cloudMessages.send(deviceId, { messageId: "after", body: Buffer.from("2") });
    const { version } = await wanted(deviceId, { speed: 3 });
    await until(() => !hub.table.isOpen(deviceId), "it is ended", withinMs);
    expect(performance.now() - sinceMs).toBeGreaterThan(1_000);
    expect(heard.messages).not.toContain("after");

    const next = await open({ ...options, stream: await stream(port()) });
    await until(() => heard.messages.includes("after"), "the message comes", withinMs);
    await until(() => heard.pushes.at(-1)?.version === version, "it hears what is wanted", withinMs);
    expect(heard.pushes.at(-1)?.patch).toMatchObject({ speed: 3 });
    next.destroy();
    vanishing.destroy();
    await proxy.stop();
  });
});

async function wanted(deviceId: string, patch: Record<string, number>): Promise<{ readonly version: number }> {
  await hub.registry.patchDesired(deviceId, patch);
  return (await hub.registry.deviceTwin(deviceId)).desired;
}
