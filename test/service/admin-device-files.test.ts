// Devices as CSV files, over the REST API: what goes in, what comes out, and what hostile files do.

import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { AdminBench, type Answer, adminToken } from "../lib/admin-bench.ts";

let bench: AdminBench;
beforeEach(async () => {
  bench = await AdminBench.open();
});
afterEach(async () => await bench.close());

const send = (text: string, query = ""): Promise<Answer> =>
  bench.call("POST", `/devices/import?templateId=cooler${query}`, undefined, { raw: { type: "text/csv", text } });

/** The report of an import that must be answered with one. */
async function imported(text: string, query = "") {
  const { status, body, text: answer } = await send(text, query);
  expect(status, answer).toBe(200);
  return body;
}

async function exported(query = ""): Promise<string> {
  const { status, text } = await bench.call("GET", `/devices.csv${query}`);
  expect(status, text).toBe(200);
  return text;
}

const heading =
  "IOTC_DEVICEID,IOTC_DEVICENAME,IOTC_SASKEY_PRIMARY,IOTC_SASKEY_SECONDARY,IOTC_X509THUMBPRINT_PRIMARY,IOTC_X509THUMBPRINT_SECONDARY\r\n";
const all = { dryRun: false, existing: 0, failed: 0, stopped: null, rows: [], rowsLeftOut: 0 };

describe("an import", () => {
  test("makes a device of each row, with its name, of the template and version asked for", async () => {
    const report = await imported(
      "IOTC_DeviceID,IOTC_DeviceName\r\nfridge-1,Canteen\r\nfridge-2,\r\n",
      "&simulated=true",
    );
    expect(report).toEqual({ ...all, read: 2, created: 2 });
    const { items } = await bench.expect(200, "GET", "/devices");
    expect(items).toMatchObject([
      { id: "fridge-1", name: "Canteen", simulated: true, templateId: "cooler" },
      { id: "fridge-2", name: "fridge-2", simulated: true },
    ]);
  });

  test.each([
    ["a byte order mark and semicolons", "\uFEFFiotc_deviceid;iotc_devicename\r\na;Öl, heiß\r\n"],
    ["tabs and line feeds", 'IOTC_DEVICENAME\tIOTC_DEVICEID\n"Öl, heiß"\ta'],
    ["old line ends and quotes", '"IOTC_DeviceID","IOTC_DeviceName"\r"a","Öl, heiß"\r'],
    ["an empty column and blank rows", ' IOTC_DEVICEID ,,IOTC_DEVICENAME\r\n\r\n,,\r\n a ,,"Öl, heiß"\r\n,,\r\n'],
  ])("reads %s", async (_what, text) => {
    expect(await imported(text)).toEqual({ ...all, read: 1, created: 1 });
    expect(await bench.expect(200, "GET", "/devices/a")).toMatchObject({ name: "Öl, heiß" });
  });

  test("says of each row that is no device its number, column and why, and makes the others", async () => {
    await bench.rooms.device("there");
    const rows = [
      "IOTC_DeviceID,IOTC_DeviceName,IOTC_SASKEY_PRIMARY,IOTC_X509THUMBPRINT_PRIMARY",
      "good-1,Good",
      ",No id",
      "",
      "bad id,x",
      "there,x",
      "good-1,twice",
      `long,${"x".repeat(201)}`,
      "key,x,not base64",
      "cert,x,,1234",
      "over,x,,,more",
      '"multi\nline",x',
      'good-2,"a\nb"',
      "good-3,\u0007",
      'good-4,a "quoted" word',
    ];
    const report = await imported(rows.join("\n"));
    expect(report).toMatchObject({ read: 13, created: 2, existing: 1, failed: 10, stopped: null, rowsLeftOut: 0 });
    expect(
      report.rows.map(({ row, deviceId, code, field }: Record<string, unknown>) => [row, deviceId, code, field]),
    ).toEqual([
      [3, "", "input-invalid", "IOTC_DEVICEID"],
      [5, "bad id", "input-invalid", "IOTC_DEVICEID"],
      [6, "there", "device-exists", "IOTC_DEVICEID"],
      [7, "good-1", "device-twice", "IOTC_DEVICEID"],
      [8, "long", "input-invalid", "IOTC_DEVICENAME"],
      [9, "key", "input-invalid", "IOTC_SASKEY_PRIMARY"],
      [10, "cert", "input-invalid", "IOTC_X509THUMBPRINT_PRIMARY"],
      [11, "over", "input-invalid", undefined],
      [12, "multi\nline", "input-invalid", "IOTC_DEVICEID"],
      [13, "good-2", "input-invalid", "IOTC_DEVICENAME"],
      [14, "good-3", "input-invalid", "IOTC_DEVICENAME"],
    ]);
    const { items } = await bench.expect(200, "GET", "/devices?search=good");
    expect(items.map(({ name }: { name: string }) => name)).toEqual(["Good", 'a "quoted" word']);
  });

  test("made again makes nothing twice, and a dry run makes nothing", async () => {
    const text = "IOTC_DEVICEID\na\nb\n";
    expect(await imported(text, "&dryRun=true")).toEqual({ ...all, dryRun: true, read: 2, created: 2 });
    expect(await bench.expect(200, "GET", "/devices")).toMatchObject({ total: 0 });
    await imported("IOTC_DEVICEID\na\n");
    const before = await bench.expect(200, "GET", "/devices/a");
    expect(await imported(text, "&dryRun=true")).toMatchObject({ created: 1, existing: 1 });
    expect(await imported(text)).toMatchObject({ created: 1, existing: 1, failed: 0 });
    expect(await imported(text)).toMatchObject({ created: 0, existing: 2, failed: 0 });
    expect(await bench.expect(200, "GET", "/devices/a")).toEqual(before);
  });

  test.each([
    ["", "IOTC_DEVICEID is missing"],
    ["\r\n\r\n", "IOTC_DEVICEID is missing"],
    ["id,name\na,b", '"id" is no column'],
    ["IOTC_DEVICEID,iotc_deviceid\na,b", "IOTC_DEVICEID stands there twice"],
  ])("of %j is refused for its heading", async (text, message) => {
    const { status, body } = await send(text);
    expect([status, body.error.code]).toEqual([400, "csv-heading"]);
    expect(body.error.message).toContain(message);
  });

  test("of another encoding is refused before anything is made", async () => {
    for (const bytes of [
      Buffer.from("IOTC_DEVICEID,IOTC_DEVICENAME\na,\u00d6l\n", "latin1"),
      Buffer.from("\uFEFFIOTC_DEVICEID\na\n", "utf16le"),
      Buffer.from("IOTC_DEVICEID\na\0\n"),
    ]) {
      const response = await fetch(`${bench.url}/api/v1/devices/import?templateId=cooler`, {
        method: "POST",
        headers: { authorization: `Bearer ${adminToken}`, "content-type": "text/csv" },
        body: new Uint8Array(bytes),
      });
      expect(response.status).toBe(400);
      expect(await response.json()).toMatchObject({ error: { code: "csv-unreadable", hint: /UTF-8/ } });
    }
    expect(await bench.expect(200, "GET", "/devices")).toMatchObject({ total: 0 });
  });

  test("stops at a quote that does not close, and says at which row", async () => {
    const report = await imported('IOTC_DEVICEID,IOTC_DEVICENAME\na,x\n"b,y\nc,z\n');
    expect(report).toMatchObject({ created: 1, stopped: { code: "csv-unreadable", message: /^Row 3 / } });
    const long = await imported(`IOTC_DEVICEID\nd\n"${"x".repeat(10 * 1024 * 1024)}"\ne\n`);
    expect(long).toMatchObject({ created: 1, stopped: { message: /^Row 3 / } });
  });

  test("for a template that cannot have devices is refused, whatever its rows are", async () => {
    const call = (query: string) =>
      bench.call("POST", `/devices/import?${query}`, undefined, {
        raw: { type: "text/csv", text: "IOTC_DEVICEID\na" },
      });
    expect((await call("templateId=oven")).body).toMatchObject({
      error: { code: "reference-unknown", field: "templateId" },
    });
    expect((await call("templateId=cooler&templateVersion=9.0.0")).body).toMatchObject({
      error: { field: "templateVersion" },
    });
    expect((await call("simulated=true")).body).toMatchObject({ error: { field: "templateId" } });
  });

  test("takes CSV only, within its bound, and no more than two at once", async () => {
    const json = await bench.call("POST", "/devices/import?templateId=cooler", {});
    expect([json.status, json.body.error.hint]).toEqual([415, "Send the header `Content-Type: text/csv`."]);
    const large = await send(`IOTC_DEVICEID\n${"x".repeat(17 * 1024 * 1024)}`);
    expect(large.body.error).toMatchObject({ code: "request-too-large", hint: /--import-bytes-max/ });
    const rows = Array.from({ length: 3000 }, (_, at) => `d${at}`).join("\n");
    const answers = await Promise.all([1, 2, 3, 4].map(() => send(`IOTC_DEVICEID\n${rows}`)));
    const busy = answers.filter(({ status }) => status === 503);
    expect(busy.map(({ body }) => body.error.code)).toEqual(["import-busy", "import-busy"]);
    const created = answers.filter(({ status }) => status === 200).map(({ body }) => body.created as number);
    expect(created.reduce((sum, one) => sum + one)).toBe(3000);
    expect(await imported("IOTC_DEVICEID\nlater")).toMatchObject({ created: 1 });
  });
});

describe("an export", () => {
  test("has the columns of 2018, and keys only when they are asked for", async () => {
    await imported('IOTC_DEVICEID,IOTC_DEVICENAME\na,Canteen\nb,"x, y"');
    expect(await exported()).toBe(`${heading}a,Canteen,,,,\r\nb,"x, y",,,,\r\n`);
    const keys = await bench.expect(200, "GET", "/devices/a/credentials");
    expect(await exported("?keys=true&search=Canteen")).toBe(
      `${heading}a,Canteen,${keys.primaryKey},${keys.secondaryKey},,\r\n`,
    );
  });

  test("is safe in a spreadsheet, and imported elsewhere makes the same devices with the same keys", async () => {
    const names = ["=1+1", "+cmd", "-2+3", "@x", "'quoted", "'=x", 'a "b", c', "-5", "Öl", " blank ", "\uff1d1"];
    const ids = ["=a", "+b", "-c", "@d", "'e", "'=f", "g", "-7", "''+h", "i", "j"];
    for (const [index, id] of ids.entries()) {
      await bench.expect(201, "POST", "/devices", { id, name: names[index], templateId: "cooler" });
    }
    const file = await exported("?keys=true");
    for (const cell of file.split(/[,\r\n]+/)) expect(cell).not.toMatch(/^[=+@\uff1d]|^-(?!\d+$)/);
    const keysOf = async () =>
      await Promise.all(ids.map((id) => bench.expect(200, "GET", `/devices/${encodeURIComponent(id)}/credentials`)));
    const before = await keysOf();
    await bench.expect(200, "POST", "/devices/delete", { ids });
    expect(await imported(file)).toEqual({ ...all, read: ids.length, created: ids.length });
    expect(await keysOf()).toEqual(before);
    expect(await exported("?keys=true")).toBe(file);
  });
});

test("many devices are deleted, blocked or migrated at once, each for itself", async () => {
  await imported("IOTC_DEVICEID\na\nb\nc");
  const missing = { id: "x", code: "device-not-found" };
  const blocked = await bench.expect(200, "POST", "/devices/access", { ids: ["a", "x", "b"], enabled: false });
  expect(blocked).toMatchObject({ done: 2, refused: [missing] });
  expect(await bench.expect(200, "GET", "/devices?enabled=false")).toMatchObject({ total: 2 });
  const stays = await bench.expect(200, "POST", "/devices/migrate", { ids: ["a", "x"], templateVersion: "9.0.0" });
  expect(stays).toMatchObject({
    done: 0,
    refused: [{ id: "a", code: "reference-unknown", field: "templateVersion" }, missing],
  });
  const template = await bench.expect(200, "GET", "/device-templates/cooler");
  const { measurements, settings, properties, name } = template;
  const next = { name, measurements, settings, properties, version: "9.0.0", publish: true };
  await bench.expect(201, "POST", "/device-templates/cooler/versions", next);
  expect(await bench.expect(200, "POST", "/devices/migrate", { ids: ["a", "b"], templateVersion: "9.0.0" })).toEqual({
    done: 2,
    refused: [],
  });
  expect(await bench.expect(200, "GET", "/devices?templateVersion=9.0.0")).toMatchObject({ total: 2 });
  expect(await bench.expect(200, "POST", "/devices/delete", { ids: ["a", "a", "c"] })).toMatchObject({
    done: 2,
    refused: [{ id: "a", code: "device-not-found" }],
  });
  expect(await bench.refused(400, "POST", "/devices/delete", { ids: [] })).toMatchObject({ field: "ids" });
  const ids = Array.from({ length: 1001 }, (_, at) => `d${at}`);
  expect(await bench.refused(400, "POST", "/devices/delete", { ids })).toMatchObject({ field: "ids" });
});
