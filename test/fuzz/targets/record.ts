// Measurements records: what the hot encoder writes is what avsc reads, and avsc's reader refuses the rest by name.
//
// The input: a byte of choices; property bag, module id, model id and body, each behind a length of two bytes.

import fc from "fast-check";
import { isUtf8 } from "node:buffer";
import { recordReader } from "../../../src/avro/record-reader.ts";
import { longBytes, writeLong } from "../../../src/lib/varint.ts";
import { EnqueuedTime, printEnqueuedTime } from "../../../src/message/enqueued-time.ts";
import { type Sender, authScopes, countedBytes, messageSystemProperties } from "../../../src/message/message.ts";
import { parsePropertyBag } from "../../../src/message/property-bag.ts";
import { recordBytesMax, recordHead, writeRecord } from "../../../src/message/record-encoder.ts";
import { codeOf } from "../../../src/lib/errors.ts";
import { type Target, InputReader, claim } from "../engine/target.ts";

interface Record_ {
  readonly EnqueuedTimeUtc: string;
  readonly Properties: Readonly<Record<string, string>>;
  readonly SystemProperties: Readonly<Record<string, string>>;
  readonly Body: Buffer;
}
const read = recordReader("measurements") as (bytes: Buffer) => Record_;

function parts(choices: number, ...texts: (string | Uint8Array)[]): Buffer {
  const pieces = texts.map((text) => Buffer.from(text));
  return Buffer.concat([
    Buffer.from([choices]),
    ...pieces.flatMap((piece) => [Buffer.from([piece.length >> 8, piece.length & 255]), piece]),
  ]);
}

export const target: Target = {
  bytesMax: 3000,
  seeds: () => [
    parts(0, "", "", "", '{"t":1}'),
    parts(0xff, "$.mid=1&%24.sub=c&a=1&é=%F0%9F%98%80", "mod", "dtmi:a:b;1", new Uint8Array(200)),
    parts(0x21, "__proto__=1&constructor=2&toString=3&1=4", "m", "", ""),
    parts(7, new Uint8Array(130).fill(97), new Uint8Array(64).fill(0xc3), "x", "y"),
  ],
  grammar: fc
    .tuple(
      fc.nat(255),
      fc.dictionary(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), { maxKeys: 6 }),
      fc.string({ unit: "binary" }),
      fc.uint8Array({ maxLength: 300 }),
    )
    .map(([choices, bag, module_, body]) =>
      parts(
        choices,
        Object.entries(bag)
          .map(([key, value]) => `${encodeURIComponent(key)}=${encodeURIComponent(value)}`)
          .join("&"),
        module_,
        module_,
        body,
      ),
    ),
  run: (input) => {
    const reader = new InputReader(input);
    const choices = reader.byte();
    const text = (): string => {
      const bytes = reader.take(reader.short() % 1000);
      return isUtf8(bytes) ? bytes.toString() : bytes.toString("latin1");
    };
    const bag = text();
    const [moduleId, modelId] = [text(), text()];
    const body = reader.rest();
    const authScope = authScopes[choices & 3] as (typeof authScopes)[number];
    const timeMs = ((choices >> 4) * 17_000_000_000_123 + input.length) % 253_402_300_800_000;
    const sender: Sender = {
      deviceId: "dev-1",
      authScope,
      generationId: "639000000000000000",
      ...((choices & 4) === 0 ? {} : { moduleId }),
      ...((choices & 8) === 0 ? {} : { modelId }),
    };
    const properties = parsePropertyBag(bag);
    if (properties !== null) {
      const head = recordHead(sender, properties);
      const time = new EnqueuedTime();
      time.set(timeMs);
      const from = input.length % 7;
      const most = recordBytesMax(head, body.length);
      const buffer = Buffer.alloc(from + most + 1, 0xaa);
      const end = writeRecord(buffer, from, time, head, body, 0, body.length);
      claim(end <= from + most && buffer[buffer.length - 1] === 0xaa, "M1: it needs more room than it says");
      const bytes = buffer.subarray(from, end);
      const record = read(bytes);
      claim(record.EnqueuedTimeUtc === printEnqueuedTime(timeMs), "its time is another");
      claim(record.Body.equals(body), "its body is another");
      const application = [...properties.application].filter(([key]) => key !== "__proto__");
      claim(
        application.every(
          ([key, value]) => Object.hasOwn(record.Properties, key) && record.Properties[key] === value,
        ) && Object.keys(record.Properties).length === application.length,
        () => `its properties are ${JSON.stringify(record.Properties)}`,
      );
      const system: Record<string, string | undefined> = record.SystemProperties;
      claim(
        system["connectionDeviceId"] === "dev-1" && system["connectionModuleId"] === sender.moduleId,
        "D1: its sender is another",
      );
      claim(
        system["dt-dataschema"] === sender.modelId && system["enqueuedTime"] === record.EnqueuedTimeUtc,
        "its model or time is another",
      );
      for (const name of messageSystemProperties)
        claim(system[name] === properties.system.get(name), `its ${name} is another`);
      claim(countedBytes(properties, body.length) <= bag.length * 4 + body.length, "it counts more than came");
    }
    // As bytes of chance: one record, or refused by name.
    try {
      read(body);
    } catch (error) {
      claim(codeOf(error) === "record-unreadable", () => String(error));
    }
    // Avro's integers, of every length.
    const sign = (choices & 16) === 0 ? 1 : -1;
    const long = (sign * Math.floor(timeMs * 4096)) / 2 ** (choices % 53);
    const value = Math.trunc(long);
    const bytes = Buffer.alloc(12);
    claim(writeLong(bytes, 1, value) === 1 + longBytes(value), "an integer has another length than it says");
  },
};
