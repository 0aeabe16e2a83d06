// `coldpath migrate iot-central`: the way of a fleet from an IoT Central application to here, checked before anything is changed.

import { readFileSync } from "node:fs";
import { ColdpathError, messageOf } from "../lib/errors.ts";
import { accessKeyOf } from "../registry/access-key.ts";
import { idScopeOf } from "../registry/id-scope.ts";
import type { Device, Enrollment, EnrollmentGroup, KeyPair } from "../registry/registry.ts";
import { type Client, segment } from "./client.ts";
import { termsOf, termsOptions } from "./enrollment-terms.ts";
import { type ExitCode, UsageError } from "./errors.ts";
import { serverCommand } from "./family.ts";
import { type FleetRow, type FleetVerdict, checkFleet, fleetVerdicts } from "./fleet-check.ts";
import { listOf } from "./lookup.ts";
import { everyPage } from "./pages.ts";
import type { ProvisioningAnswer } from "./provisioning.ts";
import { readSecret } from "./storage-secret.ts";
import { renderTable } from "./table.ts";
import type { Terminal } from "./terminal.ts";

const name = "migrate iot-central";
const group = "Options";
const azureHost = "global.azure-devices-provisioning.net";

/** What somebody may miss, said before they do. */
const staysBehind: readonly string[] = [
  "Messages and history: export them from IoT Central first; what is sent from now on is exported from here.",
  "Device templates: make them here (`coldpath template create FILE.json --publish`); give each the `modelId` that its devices name.",
  "Cloud properties and settings of devices; devices report their own properties again.",
  "Devices with certificates: upload their CA certificate (`coldpath ca-certificate`), or set their thumbprints.",
  "Rules, jobs, dashboards, users, API tokens, data exports, file uploads, IoT Edge.",
];

interface Outcome {
  readonly isApplied: boolean;
  readonly idScope: string;
  readonly isScopeAccepted: boolean;
  /** Null: there was none of this name, and nothing was made. */
  readonly enrollmentGroupId: string | null;
  readonly fleet: Readonly<Record<FleetVerdict, number>> | null;
  readonly existing: number;
  readonly enrollmentsMade: number;
  /** All that the group alone does not bring over; without keys. */
  readonly rows: readonly Omit<FleetRow, "keys">[];
  readonly provisioningHost: { readonly before: string; readonly after: string };
  readonly staysBehind: readonly string[];
}

export const migrateIotCentralCommand = serverCommand({
  name,
  purpose: "bring the devices of an IoT Central application here",
  usage: "--id-scope ID_SCOPE --keys-file FILE [--devices devices.csv] [--apply]",
  details:
    "In the application: Permissions, Device connection groups, SAS-IoT-Devices shows the ID scope and the keys of the group; Devices, Export gives devices.csv, with keys. It checks that the keys of the devices are those of the group, and changes nothing without --apply. Then devices need another provisioning host, and trust in this server's certificate; nothing else.",
  options: {
    "id-scope": { group, type: "string", isFlagOnly: true, description: "The application's ID scope." },
    "keys-file": {
      group,
      type: "string",
      isFlagOnly: true,
      form: "a file's name, or - for standard input",
      description: "File with the group's primary key and, on a line of its own, the secondary one.",
    },
    devices: { group, type: "string", isFlagOnly: true, description: "The application's devices.csv, with keys." },
    group: {
      group,
      type: "string",
      isFlagOnly: true,
      default: "IoT Central",
      description: "Name of the enrollment group that is made here.",
    },
    ...termsOptions,
    apply: {
      group,
      type: "boolean",
      isFlagOnly: true,
      description: "Accepts the ID scope, and makes the group and enrollments for devices with keys of their own.",
    },
  },
  examples: [
    ["coldpath migrate iot-central --id-scope 0ne00AB12CD --keys-file keys.txt --devices devices.csv", "only looks"],
    ["coldpath migrate iot-central --id-scope 0ne00AB12CD --keys-file keys.txt --template Pump --apply", "does it"],
  ],
  exitCodes: { 1: "some devices cannot come over as they are" },
  run: async ({ client, values, terminal }): Promise<ExitCode> => {
    const { idScope, keysFile, devices } = values;
    if (idScope === undefined) throw new UsageError(name, "Give the application's --id-scope.");
    if (keysFile === undefined) throw new UsageError(name, "Give the group's keys with --keys-file.");
    const groupKeys = await readGroupKeys(keysFile, terminal);
    const rows = devices === undefined ? null : await checkFleet(readFile(devices), groupKeys);
    const isApplied = values.apply === true;
    const outcome = await migrate(
      client,
      { idScope, groupName: values.group, groupKeys, rows, isApplied },
      async () => await termsOf(client, values),
    );
    if (values.json === true) terminal.print(JSON.stringify(outcome, null, 2));
    else print(outcome, values.group, terminal);
    const left = (["x509", "no-keys", "unusable"] as const).some((verdict) => (outcome.fleet?.[verdict] ?? 0) > 0);
    return left ? 1 : 0;
  },
});

interface Migration {
  readonly idScope: string;
  readonly groupName: string;
  readonly groupKeys: KeyPair;
  readonly rows: readonly FleetRow[] | null;
  readonly isApplied: boolean;
}

async function migrate(client: Client, of: Migration, terms: () => Promise<object>): Promise<Outcome> {
  const { idScope, groupName, groupKeys, rows, isApplied } = of;
  // What would be refused later is refused while nobody has changed anything.
  idScopeOf(idScope, "id-scope");
  const given = await terms();
  const provisioning = await client.get<ProvisioningAnswer>("/provisioning");
  const isKnown = provisioning.idScope === idScope || provisioning.furtherIdScopes.includes(idScope);
  const present = await presentGroup(client, groupName, groupKeys);
  const existingIds = rows === null ? new Set<string>() : await idsOf(client);
  let enrollmentGroupId = present?.id ?? null;
  let enrollmentsMade = 0;
  if (isApplied) {
    if (!isKnown) {
      await client.patch("/provisioning", { furtherIdScopes: [...provisioning.furtherIdScopes, idScope] });
    }
    enrollmentGroupId ??= (
      await client.post<EnrollmentGroup>("/enrollment-groups", { name: groupName, ...groupKeys, ...given })
    ).id;
    const enrolled = new Set(
      (await everyPage<Enrollment>(client, "/enrollments", {})).map((one) => one.registrationId),
    );
    for (const { deviceId: registrationId, keys } of rows ?? []) {
      if (keys === undefined || enrolled.has(registrationId)) continue;
      await client.post("/enrollments", { registrationId, ...keys, ...given });
      enrolled.add(registrationId);
      enrollmentsMade++;
    }
  }
  return {
    isApplied,
    idScope,
    isScopeAccepted: isKnown || isApplied,
    enrollmentGroupId,
    fleet: rows === null ? null : countOf(rows),
    existing: (rows ?? []).filter(({ deviceId }) => existingIds.has(deviceId)).length,
    enrollmentsMade,
    rows: (rows ?? []).filter(({ verdict }) => verdict !== "derived").map(({ keys: _keys, ...row }) => row),
    provisioningHost: { before: azureHost, after: provisioning.host },
    staysBehind,
  };
}

/** @throws ColdpathError `enrollment-exists` when one of this name has other keys. */
async function presentGroup(client: Client, groupName: string, keys: KeyPair): Promise<EnrollmentGroup | null> {
  const present = (await listOf<EnrollmentGroup>(client, "/enrollment-groups")).find((one) => one.name === groupName);
  if (present === undefined) return null;
  const { primaryKey } = await client.get<KeyPair>(`/enrollment-groups/${segment(present.id)}/keys`);
  if (Buffer.from(primaryKey).equals(Buffer.from(keys.primaryKey))) return present;
  throw new ColdpathError("conflict", "enrollment-exists", `The enrollment group ${groupName} has other keys.`, {
    field: "group",
    hint: "Give another name with --group.",
  });
}

async function idsOf(client: Client): Promise<ReadonlySet<string>> {
  return new Set((await everyPage<Device>(client, "/devices", {})).map(({ id }) => id));
}

function countOf(rows: readonly FleetRow[]): Readonly<Record<FleetVerdict, number>> {
  const counts = fleetVerdicts.map((verdict) => [verdict, rows.filter((row) => row.verdict === verdict).length]);
  return Object.fromEntries(counts) as Record<FleetVerdict, number>;
}

async function readGroupKeys(file: string, terminal: Terminal): Promise<KeyPair> {
  const [primary = "", secondary, ...more] = (await readSecret(name, file, terminal)).split(/\s+/);
  if (more.length > 0) throw new UsageError(name, "The keys file has more than two keys.");
  const primaryKey = accessKeyOf(primary, "keys-file");
  // With one key there is one that opens; the other is as good.
  return { primaryKey, secondaryKey: secondary === undefined ? primaryKey : accessKeyOf(secondary, "keys-file") };
}

function readFile(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new ColdpathError("invalid", "file-unreadable", `Cannot read ${file}: ${messageOf(cause)}.`, {
      hint: "Name the devices.csv that IoT Central exported.",
      cause,
    });
  }
}

function print(outcome: Outcome, groupName: string, terminal: Terminal): void {
  const { isApplied, idScope, isScopeAccepted, enrollmentGroupId, fleet, existing, enrollmentsMade, rows } = outcome;
  const say = (text: string): void => terminal.print(text);
  say(`ID scope ${idScope}: ${isScopeAccepted ? "accepted" : "will be accepted"}.`);
  say(
    `Enrollment group ${groupName}: ${enrollmentGroupId === null ? "will be made" : "is there"}, with the given keys.`,
  );
  if (fleet === null) say("Devices: not checked; give the application's devices.csv with --devices.");
  else {
    say(`Devices whose keys are derived from the group's: ${fleet.derived}.`);
    if (fleet["own-keys"] > 0) {
      const made = isApplied ? `${enrollmentsMade} enrollments were made` : "an enrollment will be made for each";
      say(`Devices with keys of their own: ${fleet["own-keys"]}; ${made}.`);
      if (fleet.derived === 0) terminal.complain("coldpath: No device has a key of this group. Are these its keys?");
    }
    if (existing > 0)
      say(`Devices that are here already: ${existing}; they are found again when a key of theirs is the same.`);
    const left = rows.filter(({ verdict }) => verdict !== "own-keys");
    if (left.length > 0) {
      say(`Devices that do not come over as they are: ${left.length}.`);
      const shown = left.slice(0, 50).map(({ row, deviceId, verdict, message }) => {
        return [String(row), deviceId, verdict, message ?? ""];
      });
      say(renderTable(["row", "device", "why", ""], shown, terminal));
    }
  }
  const { before, after } = outcome.provisioningHost;
  say(`\nOn the devices: change the provisioning host from ${before} to ${after}, and have them trust this server's`);
  say("certificate (`tls/ca.pem` in the data directory, unless a public authority signed it). Nothing else.");
  say("\nWhat does not come along:");
  for (const one of outcome.staysBehind) say(`- ${one}`);
  if (!isApplied) say("\nNothing was changed. With --apply it is.");
}
