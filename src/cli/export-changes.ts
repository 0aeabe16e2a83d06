// `coldpath export create | edit | on | off | delete`.

import type { OptionTable, Values } from "../config/option.ts";
import { serverOptions } from "../config/options.ts";
import { type BacklogPolicy, codecs, exportTypes, formatRevisions } from "../registry/registry.ts";
import { segment, type Client } from "./client.ts";
import type { ExportAnswer } from "./export-views.ts";
import { serverCommand } from "./family.ts";
import { findExport, findStorage } from "./lookup.ts";
import { confirm, yesOption } from "./output.ts";
import type { Terminal } from "./terminal.ts";

const group = "The export";

const settingOptions = {
  storage: { group, type: "string", isFlagOnly: true, description: "Id or name of the storage account." },
  container: { group, type: "string", isFlagOnly: true, description: "The container; it must exist." },
  types: {
    group,
    type: "string",
    isFlagOnly: true,
    pattern: /^(?:measurements|devices|deviceTemplates)(?:,(?:measurements|devices|deviceTemplates))*$/,
    form: `one or more of ${exportTypes.join(",")}`,
    description: `What to export, separated by commas: ${exportTypes.join(",")}.`,
  },
  "path-template": {
    group,
    type: "string",
    isFlagOnly: true,
    description: "Names of files in the container, of {type} {hub} {YYYY} {MM} {dd} {hh} {mm} {NN} and text.",
  },
  codec: { group, type: "enum", values: codecs, isFlagOnly: true, description: "Compression of the files." },
  revision: {
    group,
    type: "enum",
    values: formatRevisions,
    isFlagOnly: true,
    description: "Form of the records of devices: 2018-09 adds deviceId.",
  },
  "block-bytes": {
    ...serverOptions["export-block-bytes"],
    group,
    isFlagOnly: true,
    description: "Size of a block in a file, before compression.",
  },
  "file-bytes-max": {
    ...serverOptions["file-bytes-max"],
    group,
    isFlagOnly: true,
    description: "A minute's file larger than this goes on in another one.",
  },
  backlog: {
    group,
    type: "string",
    isFlagOnly: true,
    pattern: /^(?:hold|\d+(?:\.\d+)?(?:h|MiB|GiB|TiB)(?:,\d+(?:\.\d+)?(?:h|MiB|GiB|TiB))?)$/,
    form: "hold, hours (72h), bytes (10GiB), or both (72h,10GiB)",
    description:
      "What becomes of minutes that cannot be written: held (then a full journal refuses devices), or the oldest are let go, with the gap on record.",
  },
} as const satisfies OptionTable;

// Without their defaults: what is left out is the server's to say, or stays.
const { default: _block, ...blockBytes } = settingOptions["block-bytes"];
const { default: _file, ...fileBytesMax } = settingOptions["file-bytes-max"];
const editOptions = {
  ...settingOptions,
  "block-bytes": blockBytes,
  "file-bytes-max": fileBytesMax,
} as const satisfies OptionTable;

export const createExportCommand = serverCommand({
  name: "export create",
  purpose: "make an export and turn it on",
  arguments: ["NAME"],
  usage: "--storage STORAGE --container CONTAINER",
  details:
    "Once a minute it writes what devices sent in that minute, and snapshots of the devices and device templates that changed; the first ones have all of them. Left out: all three types, {type}/{hub}/{YYYY}/{MM}/{dd}/{hh}/{mm}/{NN}.avro, codec null, revision 2018-07.",
  options: {
    ...editOptions,
    on: { group, type: "boolean", default: "true", isFlagOnly: true, description: "Turn it on at once." },
  },
  examples: [
    ["coldpath export create lake --storage azure --container iot", "everything, at the usual paths"],
    [
      "coldpath export create small --storage lake --container iot2 --types measurements --codec deflate",
      "only messages",
    ],
  ],
  run: async ({ client, values, positionals: [name = ""], terminal }) => {
    const one = await client.post<ExportAnswer>("/exports", {
      name,
      types: exportTypes,
      ...(await settingsOf(client, values)),
      backlog: backlogOf(values.backlog),
      on: values.on,
    });
    if (values.json === true) terminal.print(JSON.stringify(one, null, 2));
    else
      terminal.print(
        `The export ${one.name} was made and is ${one.on ? `on. Its next file: ${one.nextPath}` : "off"}.`,
      );
  },
});

export const editExportCommand = serverCommand({
  name: "export edit",
  purpose: "change an export; minutes that are over are still written as before",
  arguments: ["EXPORT"],
  details: "What is left out stays. A change is in force from the next minute on.",
  options: {
    name: { group, type: "string", isFlagOnly: true, description: "Its new name." },
    ...editOptions,
  },
  examples: [
    ["coldpath export edit lake --codec deflate", "compressed files from the next minute on"],
    ["coldpath export edit lake --types measurements,devices", "no more snapshots of device templates"],
  ],
  run: async ({ client, values, positionals: [id = ""], terminal }) => {
    const former = await findExport<ExportAnswer>(client, id);
    const one = await client.patch<ExportAnswer>(`/exports/${segment(former.id)}`, {
      name: values.name,
      ...(await settingsOf(client, values)),
      backlog: backlogOf(values.backlog),
      etag: former.etag,
    });
    if (values.json === true) {
      terminal.print(JSON.stringify(one, null, 2));
      return;
    }
    const { version, windowFirst } = one.latestDefinition;
    if (one.etag === former.etag) terminal.print(`The export ${one.name} was so already.`);
    else if (version === former.latestDefinition.version) terminal.print(`The export ${one.name} was changed.`);
    else terminal.print(`The export ${one.name} was changed: definition ${version}, in force from ${windowFirst}.`);
  },
});

export const turnExportCommands = [
  turnCommand("on", "turn an export on, from the minute under way"),
  turnCommand("off", "turn an export off; the minute under way is still exported"),
];

export const deleteExportCommand = serverCommand({
  name: "export delete",
  purpose: "delete an export that is off and owes nothing; its files stay",
  arguments: ["EXPORT"],
  options: yesOption,
  examples: [
    ["coldpath export off lake && coldpath export delete lake", "asks first"],
    ["coldpath export delete lake --yes", "for scripts"],
  ],
  run: async ({ client, values, positionals: [id = ""], terminal }) => {
    const one = await findExport<ExportAnswer>(client, id);
    await confirm("export delete", `Delete the export ${one.name}?`, values, terminal);
    await client.delete(`/exports/${segment(one.id)}`);
    if (values.json === true) terminal.print(JSON.stringify({ deleted: one.id }));
    else terminal.print(`The export ${one.name} was deleted; its files stay.`);
  },
});

function turnCommand(verb: "on" | "off", purpose: string) {
  return serverCommand({
    name: `export ${verb}`,
    purpose,
    arguments: ["EXPORT"],
    options: {},
    examples: [
      [`coldpath export ${verb} lake`, "one export"],
      [`coldpath export ${verb} lake --json`, "the result for a program"],
    ],
    run: async ({ client, values, positionals: [id = ""], terminal }) => {
      const { id: exportId } = await findExport<ExportAnswer>(client, id);
      const one = await client.post<ExportAnswer>(`/exports/${segment(exportId)}/${verb}`);
      printTurned(one, values.json === true, terminal);
    },
  });
}

function printTurned(one: ExportAnswer, json: boolean, terminal: Terminal): void {
  const { name, on, nextPath, tenures } = one;
  if (json) terminal.print(JSON.stringify(one, null, 2));
  else if (on) terminal.print(`The export ${name} is on. Its next file: ${nextPath}`);
  else terminal.print(`The export ${name} is off; its last minute is ${tenures.at(-1)?.windowLast ?? "none"}.`);
}

async function settingsOf(client: Client, values: Values<typeof editOptions>) {
  const { storage, container, types, pathTemplate, codec, revision, blockBytes, fileBytesMax } = values;
  return {
    storageAccountId: storage === undefined ? undefined : (await findStorage(client, storage)).id,
    container,
    ...(types === undefined ? {} : { types: types.split(",") }),
    pathTemplate,
    codec,
    formatRevision: revision,
    blockBytes,
    fileBytesMax,
  };
}

const unitBytes = { MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 } as const;

/** `72h,10GiB` as the API takes it; undefined when it was left out. */
function backlogOf(text: string | undefined): BacklogPolicy | undefined {
  if (text === undefined) return undefined;
  let letGoAfterHours: number | null = null;
  let letGoAfterBytes: number | null = null;
  for (const limit of text === "hold" ? [] : text.split(",")) {
    const amount = Number.parseFloat(limit);
    const unit = limit.slice(-3);
    if (unit === "MiB" || unit === "GiB" || unit === "TiB") letGoAfterBytes = Math.ceil(amount * unitBytes[unit]);
    else letGoAfterHours = amount;
  }
  return { letGoAfterHours, letGoAfterBytes };
}
