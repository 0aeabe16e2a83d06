// All targets: what each covers, and a fault to plant in it, so that a test sees that its checks can fail.

import type { Plant } from "./engine/instrument.ts";

interface TargetEntry {
  /** Files whose branches guide the fuzzer, from the root; folders end in a slash. */
  readonly covers: readonly string[];
  readonly plant: Plant;
  /** What is taken out of the modules, because it would leave the process. */
  readonly stubs?: readonly Plant[];
  /** Share of the edges that a few seconds reach at least, where much is out of reach. */
  readonly shareMin?: number;
}

const targets = {
  mqtt: {
    covers: [
      "src/ingest/mqtt/",
      "src/ingest/provisioning/",
      "src/ingest/paced-reading.ts",
      "src/ingest/accept.ts",
      "src/ingest/desired-pushes.ts",
    ],
    plant: {
      path: "src/ingest/mqtt/publish.ts",
      from: "topicEnd + 2;",
      to: "topicEnd + 2 - (topicBytes === 33 ? 1 : 0);",
    },
  },
  amqp: {
    covers: ["src/ingest/amqp/"],
    plant: {
      path: "src/ingest/amqp/settlements.ts",
      from: "this.#writer.onDurable(this.#waiting)",
      to: "this.#waiting.durable()",
    },
  },
  websocket: {
    covers: ["src/ingest/websocket/"],
    plant: { path: "src/ingest/websocket/frames.ts", from: "this.#maskAt = maskAt;", to: "this.#maskAt = 0;" },
  },
  "property-bag": {
    covers: ["src/message/property-bag.ts"],
    plant: { path: "src/message/property-bag.ts", from: `entry.indexOf("=")`, to: `entry.lastIndexOf("=")` },
  },
  record: {
    covers: ["src/message/", "src/lib/varint.ts", "src/avro/record-reader.ts"],
    plant: {
      path: "src/lib/varint.ts",
      from: "while (rest >= 128) {\n    target",
      to: "while (rest > 128) {\n    target",
    },
  },
  "sas-token": {
    covers: ["src/ingest/sas-token.ts", "src/ingest/authenticate.ts", "src/ingest/mqtt/user-name.ts"],
    plant: { path: "src/ingest/sas-token.ts", from: "{1,12}$", to: "{0,12}$" },
  },
  certificate: {
    covers: ["src/lib/certificate.ts", "src/lib/certificate-der.ts"],
    plant: {
      path: "src/lib/certificate.ts",
      from: "if (!isSignedThrough(path)) continue;",
      to: "void isSignedThrough(path);",
    },
  },
  "http-batch": {
    covers: ["src/ingest/https/batch.ts", "src/ingest/https/headers.ts", "src/ingest/https/route.ts"],
    plant: { path: "src/ingest/https/batch.ts", from: "return digits % 4 !== 1 &&", to: "return" },
  },
  "avro-container": {
    covers: ["src/avro/container-reader.ts", "src/avro/record-extent.ts"],
    plant: { path: "src/avro/container-reader.ts", from: "if (at !== block.length)", to: "if (at > block.length)" },
  },
  "storage-secret": {
    covers: [
      "src/registry/storage-settings.ts",
      "src/destinations/azure-blob/connection-string.ts",
      "src/destinations/azure-blob/credential.ts",
      "src/admin/connection-string.ts",
    ],
    plant: {
      path: "src/registry/storage-settings.ts",
      from: "const message = `secret: ${what}.`;",
      to: "const message = `secret: ${what}, unlike AccountKey=${Buffer.alloc(64, 7).toString('base64')}`;",
    },
  },
  "path-template": {
    covers: ["src/export/path-template.ts", "src/destinations/object-path.ts"],
    plant: { path: "src/export/path-template.ts", from: `name.part === 0 ? ""`, to: `name.part <= 1 ? ""` },
  },
  "journal-recovery": {
    covers: ["src/journal/file/"],
    plant: {
      path: "src/journal/file/frame-reader.ts",
      from: "return marked === null ?",
      to: "return marked !== undefined ?",
    },
  },
  "journal-tools": {
    covers: [
      "src/journal/file/frame-reader.ts",
      "src/journal/file/floor.ts",
      "src/journal/file/journal-cat.ts",
      "src/journal/file/journal-check.ts",
      "src/journal/file/partition-table.ts",
      "src/journal/file/seal.ts",
      "src/journal/file/segment-format.ts",
      "src/journal/file/segment-scan.ts",
      "src/journal/file/survey.ts",
    ],
    plant: {
      path: "src/journal/file/journal-check.ts",
      from: "if (isProblem) problems.push",
      to: "if (isProblem && detail === '') problems.push",
    },
  },
  https: {
    covers: [
      "src/ingest/https/answer.ts",
      "src/ingest/https/batch.ts",
      "src/ingest/https/body.ts",
      "src/ingest/https/exchange.ts",
      "src/ingest/https/headers.ts",
      "src/ingest/https/room.ts",
      "src/ingest/https/route.ts",
      "src/ingest/https/devicebound.ts",
      "src/ingest/provisioning/",
      "src/ingest/turns.ts",
      "src/ingest/accept.ts",
    ],
    plant: {
      path: "src/ingest/https/exchange.ts",
      from: "path.writer.onDurable({ durable: () => this.#noContent() }); // J1",
      to: "this.#noContent();",
    },
  },
  "template-content": {
    covers: [
      "src/registry/device-id.ts",
      "src/registry/input.ts",
      "src/registry/property-value.ts",
      "src/registry/property-values.ts",
      "src/registry/template-content.ts",
      "src/avro/snapshot-records.ts",
    ],
    plant: {
      path: "src/registry/property-values.ts",
      from: "stays ? value : definition.initialValue",
      to: "definition.initialValue",
    },
  },
  twin: {
    covers: [
      "src/ingest/provisioning/request.ts",
      "src/registry/reported-value.ts",
      "src/registry/setting-sync.ts",
      "src/registry/twin-section.ts",
      "src/twins/twins.ts",
    ],
    plant: { path: "src/registry/twin-section.ts", from: "marks.delete(key);", to: "" },
  },
  admin: {
    covers: [
      "src/admin/error-answer.ts",
      "src/admin/page-limit.ts",
      "src/admin/query-values.ts",
      "src/admin/validation-words.ts",
      "src/admin/routes/ca-certificates.ts",
      "src/admin/routes/cloud-messages.ts",
      "src/admin/routes/device-keys.ts",
      "src/admin/routes/device-methods.ts",
      "src/admin/routes/device-templates.ts",
      "src/admin/routes/device-twins.ts",
      "src/admin/routes/devices.ts",
      "src/admin/routes/modules.ts",
      "src/admin/routes/policies.ts",
      "src/admin/routes/provisioning.ts",
      "src/admin/routes/registrations.ts",
      "src/admin/routes/storage-accounts.ts",
    ],
    shareMin: 0.3, // no store can be opened
    plant: {
      path: "src/admin/query-values.ts",
      from: "Object.hasOwn(properties, name) ? valueOf(properties[name]?.type, value)",
      to: "Object.hasOwn(properties, name) ? Number(BigInt(String(value)))",
    },
  },
  "device-csv": {
    covers: [
      "src/admin/csv-reader.ts",
      "src/admin/device-import.ts",
      "src/admin/device-sheet.ts",
      "src/cli/fleet-check.ts",
      "src/lib/csv.ts",
      "src/registry/access-key.ts",
      "src/registry/device-id.ts",
      "src/registry/input.ts",
    ],
    plant: {
      path: "src/admin/device-sheet.ts",
      from: "csvLine([device.id, device.name,",
      to: "csvLine([device.id, device.name.trim(),",
    },
  },
  cli: {
    covers: [
      "src/cli/command.ts",
      "src/cli/commands.ts",
      "src/lib/csv.ts",
      "src/cli/device-values.ts",
      "src/cli/errors.ts",
      "src/cli/help-page.ts",
      "src/cli/record-view.ts",
      "src/cli/run.ts",
      "src/cli/table.ts",
      "src/config/option.ts",
      "src/config/resolve.ts",
      "src/config/suggest.ts",
    ],
    plant: { path: "src/lib/csv.ts", from: "safe.replaceAll('\"', '\"\"')", to: "safe" },
    stubs: [
      {
        path: "src/cli/command.ts",
        from: "return (await run({ values, positionals, terminal, environment })) ?? 0;",
        to: "return 0;",
      },
      {
        path: "src/cli/serve.ts",
        from: "// Loaded here: no other command needs it.",
        to: "if (notices !== null) return 0;",
      },
      {
        path: "src/cli/check.ts",
        from: "if (config !== null) {\n      tell(",
        to: "if (config === undefined) {\n      tell(",
      },
    ],
  },
} as const satisfies Readonly<Record<string, TargetEntry>>;

export type TargetName = keyof typeof targets;
export const entryOf = (name: TargetName): TargetEntry => targets[name];
export const targetNames = Object.keys(targets) as readonly TargetName[];

export function isTargetName(text: string): text is TargetName {
  return Object.hasOwn(targets, text);
}
