// A stream within a WebSocket whose other side is in the test's hand: it reads when it is told to.

import { type Duplex, duplexPair } from "node:stream";
import { beforeEach, expect, test } from "vitest";
import { clientFrame, hubFrames } from "../../../test/fuzz/websocket-stream.ts";
import { WebSocketStream } from "./websocket-stream.ts";

let device: Duplex;
let stream: WebSocketStream;
let failures: string[];
beforeEach(() => {
  const [client, beneath] = duplexPair();
  device = client;
  failures = [];
  stream = new WebSocketStream(beneath, Buffer.alloc(0), (text) => failures.push(text));
  stream.on("data", () => {});
});

const turns = async (): Promise<void> => {
  for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate);
};

/** All that the device was told, once it reads. */
async function told(): Promise<ReturnType<typeof hubFrames>> {
  const chunks: Buffer[] = [];
  device.on("data", (chunk: Buffer) => chunks.push(chunk));
  await turns();
  return hubFrames(Buffer.concat(chunks), false);
}

/** More than the device takes unread. */
function fill(): void {
  for (let index = 0; index < 8; index++) stream.write(Buffer.alloc(8_000, index));
}

const ping = (text: string): Buffer => clientFrame(text, { first: 0x89 });

test("the last of many pings is answered, and of the others as many as the device reads", async () => {
  fill();
  for (const text of ["one", "two", "three", "four"]) device.write(ping(text));
  await turns();
  const { pongs } = await told();
  expect(pongs.map(String)).toEqual(["one", "four"]);
});

test("pings that come together are answered, the last of them too", async () => {
  device.write(Buffer.concat([ping("one"), ping("two"), ping("three")]));
  const { pongs } = await told();
  expect(pongs.map(String).at(-1)).toBe("three");
});

test("M1: what comes behind a malformed frame is neither heard nor counted, however long the device does not read", async () => {
  fill();
  device.write(clientFrame("x", { first: 0x81 }));
  for (let index = 0; index < 50; index++) {
    device.write(clientFrame("more"));
    await turns();
  }
  expect(failures).toEqual(["frames are binary, not text"]);
  expect(stream.listenerCount("finish")).toBeLessThan(3);
  expect((await told()).closed).toBe(1003);
});

test("nothing is said behind a Close", async () => {
  fill();
  device.write(clientFrame(Buffer.from([0x0f, 0xa0]), { first: 0x88 }));
  await turns();
  expect((await told()).closed).toBe(4000);
});
