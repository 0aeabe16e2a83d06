// Measurements files as test data: a message per body, written with avsc.

import { createWriteStream } from "node:fs";
import { finished } from "node:stream/promises";
import avro from "avsc";
import { schemaText } from "../../src/avro/avro.ts";

/** One message per body; null is the Avro null. */
export async function writeMessages(path: string, bodies: readonly (string | Buffer | null)[]): Promise<void> {
  const type = avro.Type.forSchema(JSON.parse(schemaText("measurements")));
  const encoder = new avro.streams.BlockEncoder(type);
  const file = encoder.pipe(createWriteStream(path));
  for (const body of bodies) {
    encoder.write({
      EnqueuedTimeUtc: "2026-01-02T03:04:05.6780000Z",
      Properties: {},
      SystemProperties: { connectionDeviceId: "dev-1" },
      Body: typeof body === "string" ? Buffer.from(body) : body,
    });
  }
  encoder.end();
  await finished(file);
}
