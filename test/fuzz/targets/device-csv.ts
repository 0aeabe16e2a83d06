// CSV files of devices, as anybody may upload them: read whole or refused in words, whatever the bytes are.
//
// The input: a byte that says how the file is cut into pieces; the file. Where a file has its quotes as RFC 4180 wants them, a
// second, slow reader says what its cells are.

import fc from "fast-check";
import { isUtf8 } from "node:buffer";
import { csvRows } from "../../../src/admin/csv-reader.ts";
import { type ImportReport, importDevices } from "../../../src/admin/device-import.ts";
import { sheetHeading, sheetLine } from "../../../src/admin/device-sheet.ts";
import { type FleetRow, checkFleet } from "../../../src/cli/fleet-check.ts";
import { ColdpathError } from "../../../src/lib/errors.ts";
import { keyPairOf } from "../../../src/registry/access-key.ts";
import { deviceAuthenticationOf } from "../../../src/registry/device-authentication.ts";
import { derivedKeys } from "../../../src/registry/derived-key.ts";
import { deviceIdOf } from "../../../src/registry/device-id.ts";
import { registryError } from "../../../src/registry/errors.ts";
import { nameOf } from "../../../src/registry/input.ts";
import type { Device, DeviceOutcome, KeyPair, NewDevice } from "../../../src/registry/registry.ts";
import { type Target, claim } from "../engine/target.ts";

/** Devices by id, with the registry's own rules for each. */
class Devices {
  readonly made = new Map<string, { readonly device: Device; readonly keys: KeyPair }>();

  async createEachDevice(devices: readonly NewDevice[], isTrial = false): Promise<readonly DeviceOutcome[]> {
    return devices.map((given) => {
      try {
        const id = deviceIdOf(given.id, "id");
        const name = given.name === undefined ? id : nameOf(given.name, "name", 200);
        const keys = keyPairOf(given);
        if (this.made.has(id)) throw registryError("device-exists", "It exists.", { field: "id" });
        const authentication = deviceAuthenticationOf(given.authentication ?? { type: "sas" }, "authentication");
        const device = { id, name, authentication } as Device;
        if (!isTrial) this.made.set(id, { device, keys });
        return device;
      } catch (error) {
        if (error instanceof ColdpathError) return error;
        throw error;
      }
    });
  }
}

/** RFC 4180 with any line ends; null where a quote stands where it has none. */
function slowly(text: string, separator: string): string[][] | null {
  const rows: string[][] = [];
  let row: string[] = [];
  let at = text.startsWith("\uFEFF") ? 1 : 0;
  if (at === text.length) return [];
  for (;;) {
    let cell = "";
    if (text[at] === '"') {
      for (at++; ; at++) {
        if (at >= text.length) return null;
        if (text[at] === '"') {
          if (text[at + 1] !== '"') break;
          at++;
        }
        cell += text[at];
      }
      at++;
    } else {
      while (at < text.length && !["\r", "\n", separator].includes(text[at] as string)) cell += text[at++];
      if (cell.includes('"')) return null;
    }
    row.push(cell);
    if (at >= text.length) return [...rows, row];
    if (text[at] === separator) {
      at++;
      continue;
    }
    if (text[at] !== "\r" && text[at] !== "\n") return null;
    at += text.startsWith("\r\n", at) ? 2 : 1;
    rows.push(row);
    row = [];
    if (at >= text.length) return rows;
  }
}

async function rowsOf(file: Buffer, chunkBytes: number): Promise<string[][] | null> {
  const rows: string[][] = [];
  try {
    for await (const some of csvRows(file, chunkBytes)) {
      for (const { number, cells } of some) {
        claim(number === rows.length + 1, "a row has another number");
        rows.push([...cells]);
      }
    }
  } catch (error) {
    refusal(error);
    return null;
  }
  return rows;
}

function refusal(error: unknown): void {
  if (!(error instanceof ColdpathError)) throw error;
  claim(["csv-unreadable", "csv-heading"].includes(error.code), () => `it is refused with ${error.code}`);
  claim(
    error.hint !== undefined && error.message.length < 500 && error.message.isWellFormed(),
    "a refusal says little",
  );
}

async function imported(devices: Devices, file: Buffer, dryRun = false): Promise<ImportReport | null> {
  try {
    return await importDevices(devices, file, { templateId: "t", dryRun });
  } catch (error) {
    refusal(error);
    return null;
  }
}

const groupKeys = {
  primaryKey: Buffer.alloc(64, 1).toString("base64"),
  secondaryKey: Buffer.alloc(64, 2).toString("base64"),
};

/** The same file as `migrate iot-central` looks at it. */
async function checkAsFleet(file: Buffer, report: ImportReport | null): Promise<void> {
  let fleet: readonly FleetRow[];
  try {
    fleet = await checkFleet(file, groupKeys);
  } catch (error) {
    refusal(error);
    claim(report === null || report.stopped !== null, "a file is refused that can be imported");
    return;
  }
  claim(report !== null && fleet.length === report.read, "a row has no verdict");
  const unusable = new Set(report.rows.flatMap(({ row, outcome }) => (outcome === "failed" ? [row] : [])));
  for (const { row, deviceId, verdict, keys, message } of fleet) {
    claim(verdict !== "unusable" || unusable.has(row), () => `row ${row} is unusable, and can be imported`);
    claim((verdict === "own-keys") === (keys !== undefined), "a device without keys is enrolled with them");
    claim(message === undefined || message.isWellFormed(), "half a character in an error");
    if (verdict !== "derived") continue;
    const derived = Object.values(derivedKeys(groupKeys, deviceId));
    claim(
      derived.some((key) => file.includes(key)),
      "D1: a key is taken for derived that is not there",
    );
  }
}

const countsOf = (report: ImportReport | null): string =>
  JSON.stringify(report && [report.read, report.created, report.existing, report.failed]);
const heading = "IOTC_DeviceID,IOTC_DeviceName";

export const target: Target = {
  bytesMax: 2048,
  seeds: () =>
    [
      `${heading}\r\na,Canteen\r\nb,\r\n`,
      `\uFEFF${heading.replace(",", ";")}\n"a";"x; ""y"""\n\n;;\nthere;1\n`,
      `${sheetHeading}'=a,'+b,${Buffer.alloc(32, 1).toString("base64")},,,\r\n`,
      `IOTC_DEVICENAME\tIOTC_DEVICEID\r"a\nb"\tc\r`,
      `${heading}\na,"open\nb,c`,
      `${sheetHeading}a,A,${derivedKeys(groupKeys, "a").primaryKey},,,\r\nb,B,${groupKeys.primaryKey},,,\r\n`,
      `${sheetHeading}c,C,x,,,\r\nd,D,,,${"AB".repeat(20)},\r\n`,
      "id,name\n1,2",
    ].map((text) => Buffer.from(`\x07${text}`)),
  grammar: fc
    .tuple(
      fc.integer({ min: 0, max: 127 }),
      fc.constantFrom(",", ";", "\t"),
      fc.array(
        fc.tuple(
          fc.oneof(fc.constantFrom("a", "there", "", "=a", "'@b", "bad id"), fc.string({ maxLength: 8 })),
          fc.oneof(fc.constantFrom("", "-5", "'=1", "x,y", 'q"q'), fc.string({ unit: "binary", maxLength: 8 })),
          fc.constantFrom("\r\n", "\n", "\r"),
        ),
        { maxLength: 8 },
      ),
    )
    .map(([choices, separator, rows]) => {
      const quoted = (text: string): string => (/["\r\n,;\t]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
      const lines = rows.map(([id, name, end]) => `${quoted(id)}${separator}${quoted(name)}${end}`);
      return Buffer.from(`${String.fromCodePoint(choices)}${heading.replace(",", separator)}\n${lines.join("")}`);
    }),
  dictionary: [
    heading,
    "IOTC_SASKEY_PRIMARY",
    "IOTC_X509THUMBPRINT_PRIMARY",
    "ab".repeat(20),
    "0F:".repeat(32),
    '""',
    '",',
    '"\r\n',
    "\r\n",
    "'=",
    "there",
  ],
  run: async (input) => {
    const chunkBytes = 2 ** ((input[0] ?? 0) % 12);
    const file = input.subarray(1);
    const text = isUtf8(file) && !file.includes(0) ? file.toString() : null;
    const [first = ""] = (text ?? "")
      .replace(/^\uFEFF/, "")
      .trimStart()
      .split(/[\r\n]/, 1);
    const separators = [",", ";", "\t"].toSorted((a, b) => first.split(b).length - first.split(a).length);
    const expected = text === null ? null : slowly(text, separators[0] ?? ",");
    const rows = await rowsOf(file, chunkBytes);
    claim(text !== null || rows === null, "what is no text was read");
    if (expected !== null) {
      const [found, right] = [JSON.stringify(rows), JSON.stringify(expected)];
      claim(found === right, () => `${found}, by the rules ${right}`);
    }

    const devices = new Devices();
    await devices.createEachDevice([{ id: "there", templateId: "t" }]);
    const trial = await imported(devices, file, true);
    claim(devices.made.size === 1, "a dry run made a device");
    const report = await imported(devices, file);
    await checkAsFleet(file, report);
    claim(countsOf(report) === countsOf(trial), "a dry run says something else");
    if (report === null) {
      claim(devices.made.size === 1, "a refused file made a device");
      return;
    }
    claim(report.read === report.created + report.existing + report.failed, "a row has no outcome");
    claim(report.created === devices.made.size - 1, "another number of devices was made");
    claim(report.rows.length + report.rowsLeftOut === report.existing + report.failed, "a row is not listed");
    const again = await imported(devices, file);
    claim(again?.created === 0 && again.failed === report.failed, "the same file again makes a device");

    const lines = [...devices.made.values()].map(({ device, keys }) => sheetLine(device, keys));
    const copy = new Devices();
    const copied = await imported(copy, Buffer.from(sheetHeading + lines.join("")));
    claim(copied?.created === devices.made.size, "what was exported is not imported");
    claim(
      JSON.stringify([...copy.made]) === JSON.stringify([...devices.made]),
      "an exported device came back as another",
    );
  },
};
