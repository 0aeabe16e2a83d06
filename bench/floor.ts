// The floor: the least that a durable MQTT hub in one Node process does. Parse PUBLISH, write the record, writev and
// fdatasync a group, send its PUBACKs. No authentication, no limits, no recovery, no windows: a ratio's denominator, not
// a design. Started by bench/ingest.ts as a process of its own.
//
//     node bench/floor.ts FILE        prints its port; listens on loopback

import { fdatasync, openSync, writev } from "node:fs";
import { type Socket, createServer } from "node:net";

const file = openSync(process.argv[2] ?? "floor.tmp", "w");

const text = (value: string): Buffer => Buffer.concat([Buffer.from([value.length * 2]), Buffer.from(value)]);
const authMethod = '{"scope":"device","type":"sas","issuer":"iothub","acceptingIpFilterRule":null}';
const authBytes = Buffer.concat([Buffer.from([0x9c, 0x01]), Buffer.from(authMethod)]);
const afterDevice = Buffer.concat([
  text("connectionAuthMethod"),
  authBytes,
  text("connectionDeviceGenerationId"),
  text("636614021491644195"),
  text("enqueuedTime"),
]);
const deviceKey = text("connectionDeviceId");

let block = Buffer.allocUnsafe(1 << 22);
let spare = Buffer.allocUnsafe(1 << 22);
let end = 0;
let isFlushing = false;
let waiting: [Socket, Buffer][] = [];
let timeMs = 0;
let time: Buffer = Buffer.alloc(0);

function record(device: Buffer, chunk: Buffer, from: number, to: number): void {
  if (end + (to - from) + 600 > block.length) {
    const grown = Buffer.allocUnsafe(block.length * 2);
    block.copy(grown, 0, 0, end);
    block = grown;
  }
  const now = Date.now();
  if (now !== timeMs) {
    timeMs = now;
    time = text(`${new Date(now).toISOString().slice(0, -1)}0000Z`);
  }
  end += time.copy(block, end);
  block[end++] = 0;
  block[end++] = 8;
  end += deviceKey.copy(block, end);
  end += device.copy(block, end);
  end += afterDevice.copy(block, end);
  end += time.copy(block, end);
  block[end++] = 0;
  block[end++] = 2;
  for (let rest = (to - from) * 2; ; rest >>>= 7) {
    if (rest < 128) {
      block[end++] = rest;
      break;
    }
    block[end++] = (rest & 127) | 128;
  }
  end += chunk.copy(block, end, from, to);
}

function flush(): void {
  if (isFlushing || end === 0) return;
  isFlushing = true;
  const written = block;
  const acknowledged = waiting;
  const payload = block.subarray(0, end);
  block = spare;
  waiting = [];
  end = 0;
  writev(file, [payload], (error) => {
    if (error !== null) throw error;
    fdatasync(file, (failed) => {
      if (failed !== null) throw failed;
      spare = written;
      isFlushing = false;
      for (const [socket, bytes] of acknowledged) socket.write(bytes);
      if (end > 0) setImmediate(flush);
    });
  });
}

const server = createServer({ noDelay: true }, (socket) => {
  let rest: Buffer | null = null;
  let device = text("");
  socket.on("error", () => {});
  socket.on("data", (data: Buffer) => {
    const chunk = rest === null ? data : Buffer.concat([rest, data]);
    rest = null;
    let at = 0;
    const acks = Buffer.allocUnsafe((chunk.length >> 3) + 8);
    let ackBytes = 0;
    while (at < chunk.length) {
      let bodyAt = at + 1;
      let length = 0;
      let shift = 0;
      let isWhole = false;
      while (bodyAt < chunk.length) {
        const byte = chunk[bodyAt++] as number;
        length |= (byte & 127) << shift;
        shift += 7;
        if (byte < 128) {
          isWhole = true;
          break;
        }
      }
      if (!isWhole || bodyAt + length > chunk.length) break;
      const type = (chunk[at] as number) >> 4;
      if (type === 3) {
        const topicEnd = bodyAt + 2 + chunk.readUInt16BE(bodyAt);
        record(device, chunk, topicEnd + 2, bodyAt + length);
        acks[ackBytes++] = 0x40;
        acks[ackBytes++] = 2;
        acks[ackBytes++] = chunk[topicEnd] as number;
        acks[ackBytes++] = chunk[topicEnd + 1] as number;
      } else if (type === 1) {
        const idBytes = chunk.readUInt16BE(bodyAt + 10);
        device = text(chunk.toString("latin1", bodyAt + 12, bodyAt + 12 + idBytes));
        socket.write(Buffer.from([0x20, 2, 0, 0]));
      }
      at = bodyAt + length;
    }
    if (at < chunk.length) rest = Buffer.from(chunk.subarray(at));
    if (ackBytes > 0) waiting.push([socket, acks.subarray(0, ackBytes)]);
    if (end > 0 && !isFlushing) setImmediate(flush);
  });
});
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  console.log(typeof address === "object" ? address?.port : "");
});
