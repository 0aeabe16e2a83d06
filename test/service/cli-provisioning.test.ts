// Provisioning at the terminal, and the way from an IoT Central application, against a real server.

import { spawnSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { derivedKey, derivedKeys } from "../../src/registry/derived-key.ts";
import { testCertificate } from "../lib/certificates.ts";
import { sasToken } from "../lib/device-bench.ts";
import { HubProcess } from "../lib/hub-process.ts";
import { emptyTemplate } from "../lib/plain-devices.ts";
import { RawMqtt, connectBytes } from "../lib/raw-mqtt.ts";

const main = join(import.meta.dirname, "../../src/main.ts");
const key = (fill: number): string => Buffer.alloc(64, fill).toString("base64");
let directory = "";
let hub: HubProcess;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "coldpath-cli-provisioning-"));
  hub = await HubProcess.start(join(directory, "data"), "--no-sample");
  await hub.api("POST", "/device-templates", emptyTemplate);
});
afterAll(async () => {
  await hub.stop();
  rmSync(directory, { recursive: true, force: true });
});

/** Words are separated by blanks; `_` stands for one in a word. */
function coldpath(words: string) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [main, ...words.split(" ").map((word) => word.replaceAll("_", " ")), `--data-dir=${join(directory, "data")}`],
    { encoding: "utf8", env: process.env },
  );
  return { status, out: stdout.trim(), complaint: stderr };
}
const json = (words: string) => JSON.parse(coldpath(`${words} --json`).out);

/** Registers over MQTT. @returns the status that the device is told. */
async function register(registrationId: string, deviceKey: string, idScope: string): Promise<string> {
  const client = await RawMqtt.open(hub.address.ports.mqtt);
  const username = `${idScope}/registrations/${registrationId}/api-version=2019-03-31`;
  const token = sasToken(`${idScope}/registrations/${registrationId}`, deviceKey, "registration");
  const code = await client.connect(connectBytes(registrationId, token, { username }));
  if (code !== 0) return `refused ${code}`;
  const { default: mqtt } = await import("mqtt-packet");
  const subscriptions = [{ topic: "$dps/registrations/res/#", qos: 0 as const }];
  client.send(mqtt.generate({ cmd: "subscribe", messageId: 1, subscriptions }));
  await client.next();
  const topic = "$dps/registrations/PUT/iotdps-register/?$rid=1";
  client.send(mqtt.generate({ cmd: "publish", topic, payload: "{}", qos: 0, dup: false, retain: false }));
  const packet = await client.next();
  client.destroy();
  return packet !== "ended" && packet.cmd === "publish" ? JSON.parse(packet.payload.toString()).status : "ended";
}

test("a group is made, its devices wait, are approved, blocked and forgotten", async () => {
  const { idScope } = json("provisioning show");
  expect(coldpath("provisioning show").out).toMatch(/ID scope: +0ne[0-9A-F]{8}\nalso taken: +none\nhost: +\S+/);
  expect(coldpath("provisioning accept 0ne00AB12CD").out).toMatch(/also taken: +0ne00AB12CD/);
  expect(coldpath("provisioning refuse 0ne00AB12CD").out).toMatch(/also taken: +none/);

  expect(coldpath("enrollment-group list").complaint).toContain("no enrollment group");
  expect(coldpath("enrollment-group create line-1 --no-auto-approve").out).toContain("line-1 was made");
  expect(coldpath("enrollment-group list").out).toMatch(/line-1 +symmetric-key +– +each +yes/);
  const keys = json("enrollment-group keys line-1");
  expect(json("enrollment-group device-keys line-1 pump-1")).toEqual(derivedKeys(keys, "pump-1"));
  expect(json("enrollment-group keys line-1 --regenerate secondary").primaryKey).toBe(keys.primaryKey);

  expect(await register("pump-1", derivedKey(keys.primaryKey, "pump-1"), idScope)).toBe("assigning");
  expect(coldpath("registration list --status waiting").out).toMatch(/pump-1 +waiting for template +– +–/);
  expect(coldpath("registration approve pump-1").complaint).toContain("templateId");
  expect(coldpath(`registration approve pump-1 --template ${emptyTemplate.id}`).out).toBe("pump-1 has a device.");
  expect(await register("pump-1", derivedKey(keys.primaryKey, "pump-1"), idScope)).toBe("assigned");
  expect(coldpath("registration block pump-1").out).toBe("pump-1 is blocked.");
  expect(coldpath("registration unblock pump-1").out).toBe("pump-1 is assigned.");
  expect(coldpath("registration delete pump-1").complaint).toContain("has a device");

  const update = `enrollment-group update line-1 --template ${emptyTemplate.id} --auto-approve --rename line-2`;
  expect(coldpath(update).out).toContain("line-2");
  expect(await register("pump-2", derivedKey(keys.primaryKey, "pump-2"), idScope)).toBe("assigned");
  expect(coldpath("enrollment-group delete line-2 --yes").out).toContain("was deleted");

  expect(coldpath(`enrollment create valve --device-id v-1 --template ${emptyTemplate.id}`).out).toContain("may come");
  expect(coldpath("enrollment list").out).toMatch(/valve +v-1 +symmetric-key/);
  expect(await register("valve", json("enrollment keys valve").secondaryKey, idScope)).toBe("assigned");
  expect(json("device show v-1")).toMatchObject({ id: "v-1" });
  expect(coldpath("enrollment delete valve --yes").status).toBe(0);
});

test("certificates: a device and an enrollment are made by one, and get the next one without a gap", async () => {
  const saved = async (name: string) => {
    const { certPem } = await testCertificate({ name });
    const file = join(directory, `${name}.pem`);
    writeFileSync(file, certPem);
    return { file, thumbprint: new X509Certificate(certPem).fingerprint256.replaceAll(":", "") };
  };
  const [{ file: first, thumbprint: a }, { file: next, thumbprint: b }] = [await saved("first"), await saved("next")];

  const made = coldpath(`device create cert-1 --certificate ${first}`);
  expect(made.out).toMatch(/^HostName=[^;]+;DeviceId=cert-1;x509=true$/);
  expect(json("device create cert-2 --x509-ca").device.authentication).toEqual({ type: "x509-ca" });
  expect(coldpath(`device create cert-3 --x509-ca --thumbprint ${a}`)).toMatchObject({ status: 2 });
  const both = { primaryThumbprint: a, secondaryThumbprint: b };
  expect(json(`device authentication cert-1 --secondary-certificate ${next}`)).toMatchObject(both);
  const replaced = { primaryThumbprint: b, secondaryThumbprint: null };
  expect(json(`device authentication cert-1 --thumbprint ${b} --no-secondary`)).toMatchObject(replaced);

  expect(coldpath(`enrollment create cert-4 --certificate ${first}`).out).toBe("cert-4 may come.");
  expect(json(`enrollment update cert-4 --secondary-certificate ${next}`)).toMatchObject(both);
  const update = `enrollment update cert-4 --thumbprint ${b} --no-secondary --no-enabled`;
  expect(json(update)).toMatchObject({ ...replaced, enabled: false });
});

test("an IoT Central application's devices come over: looked at first, then applied, and each registers as it is", async () => {
  const groupKeys = { primaryKey: key(1), secondaryKey: key(2) };
  const own = { primaryKey: key(3), secondaryKey: key(4) };
  const lines = [
    "IOTC_DEVICEID,IOTC_DEVICENAME,IOTC_SASKEY_PRIMARY,IOTC_SASKEY_SECONDARY",
    ...["c-1", "c-2"].map((id) => {
      const { primaryKey, secondaryKey } = derivedKeys(groupKeys, id);
      return `${id},Cooler,${primaryKey},${secondaryKey}`;
    }),
    `c-3,Cooler,${own.primaryKey},${own.secondaryKey}`,
  ];
  const [keysFile, devices] = [join(directory, "keys.txt"), join(directory, "devices.csv")];
  writeFileSync(keysFile, `${groupKeys.primaryKey}\n${groupKeys.secondaryKey}\n`);
  writeFileSync(devices, lines.join("\r\n"));
  const words = `migrate iot-central --id-scope 0neCENTRAL --keys-file ${keysFile} --devices ${devices} --template ${emptyTemplate.id}`;

  // What --apply would refuse is refused at the first look.
  for (const [bad, complaint] of [
    [words.replace("0neCENTRAL", "0ne-CENTRAL"), "id-scope must be 1 to 64 letters and digits."],
    [words.replace(`--template ${emptyTemplate.id}`, "--template Nope"), "no device template with the id or name Nope"],
  ] as const) {
    expect(coldpath(bad)).toMatchObject({ status: 1, complaint: expect.stringContaining(complaint) });
  }
  const looked = json(words);
  expect(looked).toMatchObject({
    isApplied: false,
    isScopeAccepted: false,
    enrollmentGroupId: null,
    fleet: { derived: 2, "own-keys": 1, x509: 0, "no-keys": 0, unusable: 0 },
    rows: [{ deviceId: "c-3", verdict: "own-keys" }],
  });
  expect(json("enrollment-group list")).toEqual([]);
  expect(await register("c-1", derivedKey(groupKeys.primaryKey, "c-1"), "0neCENTRAL")).toBe("refused 5");
  expect(coldpath(words).out).toMatch(/Nothing was changed. With --apply it is\.$/);

  const applied = coldpath(`${words} --apply`);
  expect(applied).toMatchObject({ status: 0 });
  expect(applied.out).toMatch(
    /ID scope 0neCENTRAL: accepted\.[^]*1 enrollments were made[^]*change the provisioning host/,
  );
  for (const secret of [...Object.values(groupKeys), ...Object.values(own)]) expect(applied.out).not.toContain(secret);
  expect(await register("c-1", derivedKey(groupKeys.primaryKey, "c-1"), "0neCENTRAL")).toBe("assigned");
  expect(await register("c-2", derivedKey(groupKeys.secondaryKey, "c-2"), "0neCENTRAL")).toBe("assigned");
  expect(await register("c-3", own.primaryKey, "0neCENTRAL")).toBe("assigned");
  // Again: nothing is made twice.
  expect(json(`${words} --apply`)).toMatchObject({ isApplied: true, enrollmentsMade: 0, existing: 3 });
  expect(json("enrollment-group list")).toHaveLength(1);

  writeFileSync(keysFile, key(9));
  expect(coldpath(words)).toMatchObject({ status: 1, complaint: expect.stringContaining("has other keys") });
  const other = coldpath(`${words} --group other`);
  expect(other.complaint).toContain("No device has a key of this group");
  expect(coldpath("migrate iot-central --id-scope 0ne1").complaint).toContain("--keys-file");
});
