// The avro room: schemas and their versions, and object container files, written and read.
//
// Owns:      the four schema texts (schemas/*.avsc, printed by `coldpath schema`, documented in docs/formats.md); the
//            container writer; the reader around npm avsc; the encoding of snapshot records.
// Does not:  know segments, windows, paths or where bytes go; encode measurements (message, on the hot path).
//
// Rules every schema keeps so that all documented readers can read the files: test/interop/readers.test.ts and
// schemas.test.ts.

export type { ContainerOptions, RecordRun } from "./container-writer.ts";
export { writeContainer } from "./container-writer.ts";
export type { ContainerHeader } from "./container-reader.ts";
export { openContainer } from "./container-reader.ts";
export { recordReader } from "./record-reader.ts";
export type { SchemaName } from "./schemas.ts";
export { schemaName, schemaNames, schemaText } from "./schemas.ts";
export type { DeviceState, TemplateState } from "./snapshot-records.ts";
export { deviceEncoder, templateEncoder } from "./snapshot-records.ts";
