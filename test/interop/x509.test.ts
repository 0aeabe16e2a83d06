// X.509 devices with the unmodified Node.js SDK: set up at the terminal, by thumbprint and by a CA, into the files.

import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import device from "azure-iot-device";
import azureMqtt from "azure-iot-device-mqtt";
import { request } from "node:https";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type TestCertificate, testAuthority, testCertificate } from "../lib/certificates.ts";
import { DeviceBench } from "../lib/device-bench.ts";

const { Client, Message } = device;
const main = join(import.meta.dirname, "../../src/main.ts");
let bench: DeviceBench;
beforeAll(async () => {
  bench = await DeviceBench.open();
});
afterAll(async () => await bench?.close());

function coldpath(words: string): { readonly status: number | null; readonly out: string; readonly complaint: string } {
  const given = [main, ...words.split(" "), `--data-dir=${join(bench.directory, "data")}`];
  const { status, stdout, stderr } = spawnSync(process.execPath, given, { encoding: "utf8" });
  return { status, out: stdout.trim(), complaint: stderr };
}

/** In a file, for the command line. */
function saved(name: string, { certPem }: TestCertificate): string {
  const path = join(bench.directory, `${name}.pem`);
  writeFileSync(path, certPem);
  return path;
}

async function x509StringOf(id: string): Promise<string> {
  const { x509ConnectionString } = await bench.hub.api<{ x509ConnectionString: string }>(
    "GET",
    `/devices/${id}/credentials`,
  );
  return x509ConnectionString;
}

async function send(id: string, shown: { readonly cert: string; readonly key: string }, text: string): Promise<void> {
  const client = Client.fromConnectionString(await x509StringOf(id), azureMqtt.Mqtt);
  await client.setOptions({ ...shown, ca: bench.ca });
  await client.open();
  try {
    await client.sendEvent(new Message(text));
  } finally {
    await client.close();
  }
}

async function post(
  id: string,
  shown: { readonly cert: string; readonly key: string },
  text: string,
): Promise<unknown> {
  const port = bench.hub.address.ports.https;
  const path = `/devices/${id}/messages/events?api-version=2021-04-12`;
  return await new Promise((resolve, reject) => {
    const call = request({ host: "localhost", port, path, method: "POST", ca: bench.ca, agent: false, ...shown });
    call.once("error", reject).once("response", (response) => resolve(response.resume().statusCode));
    call.end(text);
  });
}

test("azure-iot-device-mqtt sends with a certificate of the device's thumbprint", async () => {
  await bench.device("thumb-1");
  const certificate = await testCertificate({ name: "thumb-1" });
  const set = coldpath(`device authentication thumb-1 --certificate ${saved("thumb-1", certificate)} --json`);
  expect(JSON.parse(set.out)).toMatchObject({ type: "x509-thumbprint" });
  await send("thumb-1", { cert: certificate.certPem, key: certificate.keyPem }, "by thumbprint");

  const stranger = await testCertificate({ name: "thumb-1" });
  await expect(send("thumb-1", { cert: stranger.certPem, key: stranger.keyPem }, "no")).rejects.toThrow();
  await bench.exported();
  expect((await bench.messages.of("thumb-1")).map(({ body }) => String(body))).toEqual(["by thumbprint"]);
});

test("azure-iot-device-mqtt, and HTTPS, send with a certificate of a CA whose owner signed the code", async () => {
  await bench.device("ca-1");
  const root = await testAuthority("Factory");
  const intermediate = await testAuthority("Line 1", { issuer: root });
  const leaf = await testCertificate({ name: "ca-1", issuer: intermediate });
  const shown = { cert: leaf.certPem + intermediate.certPem, key: leaf.keyPem };
  expect(coldpath("device authentication ca-1 --type x509-ca").out).toContain("x509-ca");

  const code = coldpath(`ca-certificate add factory ${saved("factory", root)}`);
  expect(code.out).toMatch(/^[0-9A-F]{48}$/);
  await expect(send("ca-1", shown, "too early")).rejects.toThrow();
  const proof = saved("proof", await testCertificate({ name: code.out, issuer: root }));
  expect(coldpath(`ca-certificate verify factory ${proof}`).out).toContain("is verified");
  expect(coldpath(`ca-certificate verify factory ${proof}`)).toMatchObject({ status: 1 });
  expect(coldpath("ca-certificate list").out).toMatch(/factory +Factory +20/);

  await send("ca-1", shown, "by a CA");
  // By hand: with a certificate azure-iot-device-http makes an agent of its own, and that knows port 443 only.
  expect(await post("ca-1", shown, "over https")).toBe(204);

  expect(coldpath("ca-certificate delete factory --yes").status).toBe(0);
  await expect(send("ca-1", shown, "too late")).rejects.toThrow();
  expect(coldpath("ca-certificate code factory").complaint).toContain("no CA certificate factory");
  await bench.exported();
  expect((await bench.messages.of("ca-1")).map(({ body }) => String(body))).toEqual(["by a CA", "over https"]);
});
