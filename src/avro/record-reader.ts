// Single records, as they stand in the journal: the body of a container's block without its frame.

import avro from "avsc";
import { ColdpathError, messageOf } from "../lib/errors.ts";
import { extentOf } from "./record-extent.ts";
import { type SchemaName, schemaText } from "./schemas.ts";

/**
 * A function that decodes one record of a schema.
 *
 * It throws ColdpathError `record-unreadable` when the bytes are not exactly one record.
 */
export function recordReader(name: SchemaName): (bytes: Buffer) => unknown {
  const type = avro.Type.forSchema(JSON.parse(schemaText(name)));
  const extent = extentOf(type);
  return (bytes) => {
    try {
      extent(bytes, 0);
      return type.fromBuffer(bytes);
    } catch (cause) {
      const message = `${bytes.length} bytes are not a record of the schema ${name}: ${messageOf(cause)}`;
      throw new ColdpathError("invalid", "record-unreadable", message, { cause });
    }
  };
}
