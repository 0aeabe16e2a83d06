// A2 on the whole: recognisable secrets are planted wherever a real server takes one, everything goes wrong that can, and
// then all that anybody may read is searched for them: log, banner, API answers, metrics, exported files, the data directory,
// what commands print.

import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { type IncomingMessage, type Server, type ServerResponse, createServer } from "node:http";
import { request as secureRequest } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeSasToken } from "../../src/ingest/sas-token.ts";
import { HubProcess } from "../lib/hub-process.ts";
import { RawMqtt, connectBytes } from "../lib/raw-mqtt.ts";

const root = join(import.meta.dirname, "../..");
const template = {
  id: "thing",
  name: "Thing",
  publish: true,
  measurements: { telemetry: { t: { name: "T", dataType: "double", minValue: 0, maxValue: 1 } } },
};

/** Secrets by what they are. Each is random, so that a hit is no chance. */
const planted = new Map<string, string>();
function plant(what: string, text = randomBytes(48).toString("base64")): string {
  planted.set(what, text);
  return text;
}

/** The forms in which a secret could come out. */
function formsOf(secret: string): readonly string[] {
  const bytes = Buffer.from(secret, "base64");
  return [
    secret,
    encodeURIComponent(secret),
    JSON.stringify(secret).slice(1, -1),
    Buffer.from(secret).toString("base64"),
    bytes.toString("base64url"),
    bytes.toString("hex"),
    // A part is too much already.
    secret.slice(0, 16),
    secret.slice(-20, -4),
  ];
}

/** What of the planted is in `content`. */
function found(content: string | Buffer): readonly string[] {
  return [...planted].flatMap(([what, secret]) => {
    const hits = formsOf(secret).filter((form) => form.length >= 12 && content.includes(form));
    const isRaw = Buffer.isBuffer(content) && content.includes(Buffer.from(secret, "base64"));
    return hits.length > 0 || isRaw ? [what] : [];
  });
}

let directory = "";
let hub: HubProcess;
let echo: Server;
let echoed = 0;
const seen: (readonly [where: string, content: string])[] = [];

/** A hostile or broken store: it says back all that it was told, in every place that an error is made of. */
function sayBack(request: IncomingMessage, response: ServerResponse): void {
  echoed++;
  const told = `${request.url} ${JSON.stringify(request.headers)}`;
  const signature = (
    request.headers.authorization ??
    new URL(request.url ?? "/", "http://x").searchParams.get("sig") ??
    "none"
  )
    .split(":")
    .at(-1);
  response.writeHead(echoed % 2 === 0 ? 403 : 500, `No ${signature}`.replaceAll(/[^\x20-\x7e]/g, ""), {
    "content-type": "application/xml",
    "x-ms-error-code": (signature ?? "none").replaceAll(/[^\x20-\x7e]/g, ""),
  });
  response.end(
    `<?xml version="1.0"?><Error><Code>${signature}</Code><Message>${told.replaceAll("&", "&amp;").replaceAll("<", "&lt;")}</Message></Error>`,
  );
}

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "coldpath-masked-"));
  echo = createServer(sayBack);
  await new Promise<void>((resolve) => {
    echo.listen(0, "127.0.0.1", resolve);
  });
  const keyFile = join(directory, "key");
  const key = plant("the secret key", randomBytes(32).toString("base64"));
  writeFileSync(keyFile, key);
  hub = await HubProcess.start(
    join(directory, "data"),
    "--no-sample",
    "--log-level=debug",
    "--test-clock-rate=60",
    "--simulator-interval=1s",
    `--secret-key-command=cat ${keyFile}`,
  );
  planted.set("the administrator's token", hub.adminToken);
});
afterAll(async () => {
  await hub.stop();
  echo.close();
  rmSync(directory, { recursive: true });
});

/** Any call; the answer is kept to be searched. */
async function call(method: string, path: string, body?: unknown, more: Record<string, string> = {}): Promise<string> {
  const headers = { authorization: `Bearer ${hub.adminToken}`, "content-type": "application/json", ...more };
  const init = {
    method,
    headers,
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
  };
  const response = await fetch(`${hub.address.url}${path}`, init);
  const text = await response.text();
  seen.push([`${method} ${path.split("?")[0]}`, `${response.status} ${JSON.stringify([...response.headers])} ${text}`]);
  return text;
}

async function coldpath(words: readonly string[], variables: Record<string, string> = {}, input = ""): Promise<void> {
  const argv = [join(root, "src/main.ts"), ...words];
  const env = { ...process.env, COLDPATH_DATA_DIR: hub.dataDir, COLDPATH_LOG_LEVEL: "debug", ...variables };
  const child: ChildProcess = spawn(process.execPath, argv, { stdio: ["pipe", "pipe", "pipe"], env });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding("utf8").on("data", (text: string) => (output += text));
  child.stdin?.end(input);
  await new Promise((resolve) => child.once("close", resolve));
  expect(output.length).toBeGreaterThan(0);
  seen.push([`coldpath ${words[0]} ${words[1] ?? ""}`, output]);
}

async function httpsSend(deviceId: string, authorization: string): Promise<number> {
  const options = {
    host: "127.0.0.1",
    port: hub.address.ports.https,
    path: `/devices/${deviceId}/messages/events?api-version=2021-04-12`,
    method: "POST",
    rejectUnauthorized: false,
    agent: false,
    headers: { authorization },
  } as const;
  return await new Promise((resolve, reject) => {
    secureRequest(options, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      response.on("end", () => {
        seen.push(["a device's HTTPS request", JSON.stringify(response.headers) + text]);
        resolve(response.statusCode ?? 0);
      });
    })
      .on("error", reject)
      .end("{}");
  });
}

function filesIn(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

test("the search finds a secret in each form, raw and in part", () => {
  const secret = plant("a control");
  for (const form of formsOf(secret)) expect(found(`before ${form} after`)).toEqual(["a control"]);
  expect(found(Buffer.concat([Buffer.from("x"), Buffer.from(secret, "base64")]))).toEqual(["a control"]);
  expect(found("nothing")).toEqual([]);
  planted.delete("a control");
});

test("A2: no planted secret comes out anywhere, whatever goes wrong", { timeout: 200_000 }, async () => {
  // Devices and policies.
  await call("POST", "/api/v1/device-templates", template);
  const primaryKey = plant("a device's primary key");
  const secondaryKey = plant("a device's secondary key");
  expect(
    await call("POST", "/api/v1/devices", { id: "d1", templateId: "thing", simulated: true, primaryKey, secondaryKey }),
  ).toContain('"id":"d1"');
  await call("POST", "/api/v1/devices", {
    id: "d1",
    templateId: "thing",
    primaryKey: plant("a key of a device that exists"),
  });
  await call("POST", "/api/v1/devices", { id: "d2", templateId: "none", primaryKey: plant("a key for no template") });
  await call("POST", "/api/v1/devices", {
    id: "d2",
    templateId: "thing",
    primaryKey: `${plant("a key that is none")}!`,
  });
  await call("POST", "/api/v1/devices", {
    id: "d2",
    templateId: "thing",
    primariKey: plant("a key with a slip in its name"),
  });
  await call("POST", "/api/v1/devices", `{"id":"d2","primaryKey":"${plant("a key in broken JSON")}" x`);
  await call("POST", "/api/v1/policies", { name: "p", primaryKey: plant("a policy's key") });
  await call("POST", "/api/v1/policies", { name: "p", primaryKey: plant("a key of a policy that exists") });
  await call("POST", "/api/v1/policies", { name: "no good name", primaryKey: plant("a key of a bad policy") });
  await call("PUT", "/api/v1/devices/d1/keys", { primaryKey: [plant("a key in a list")] });
  await call("GET", `/api/v1/devices?token=${encodeURIComponent(plant("a secret in a query"))}`);
  await call("GET", "/api/v1/status", undefined, { authorization: `Bearer ${plant("a wrong token")}` });
  await call("GET", "/api/v1/status", undefined, { authorization: `Basic ${plant("a token with a wrong scheme")}` });

  // Storage accounts: right, wrong, with a store that says everything back.
  const { port } = echo.address() as AddressInfo;
  const endpoint = `http://127.0.0.1:${port}/acct`;
  const accountKey = plant("an account key", randomBytes(64).toString("base64"));
  const sig = plant("a SAS's signature", randomBytes(32).toString("base64"));
  const clientSecret = plant("a client secret", `Sec8Q~${randomBytes(24).toString("base64url")}`);
  const sas = `sv=2024-11-04&sp=rwl&sig=${encodeURIComponent(sig)}`;
  const azure = { kind: "azure-blob" as const, endpoint };
  const accounts = [
    { name: "key", settings: { ...azure, auth: "account-key", accountName: "acct" }, secret: accountKey },
    { name: "sas", settings: { ...azure, auth: "sas" }, secret: `${endpoint}?${sas}` },
    {
      name: "string",
      settings: { kind: "azure-blob", auth: "connection-string" },
      secret: `BlobEndpoint=${endpoint};AccountName=acct;AccountKey=${accountKey}`,
    },
    {
      name: "entra",
      settings: {
        kind: "azure-blob",
        auth: "entra",
        endpoint: `https://127.0.0.1:${port}/acct`,
        tenantId: "00000000-0000-0000-0000-000000000001",
        clientId: "00000000-0000-0000-0000-000000000002",
      },
      secret: clientSecret,
    },
  ];
  let stored = 0;
  for (const account of accounts) {
    const { id } = JSON.parse(await call("POST", "/api/v1/storage-accounts", account)) as { id?: string };
    if (id === undefined) continue;
    stored++;
    await call("POST", `/api/v1/storage-accounts/${id}/test`, { container: "iot" });
    await call("POST", `/api/v1/storage-accounts/${id}/test`, {});
    await call("GET", `/api/v1/storage-accounts/${id}/containers`);
    await call("POST", `/api/v1/storage-accounts/${id}/containers`, { name: "iot" });
    const definition = { storageAccountId: id, container: `iot-${account.name}`, types: ["measurements"] };
    const { id: exportId } = JSON.parse(
      await call("POST", "/api/v1/exports", { name: `to ${account.name}`, ...definition }),
    ) as {
      id?: string;
    };
    expect(exportId).toBeDefined();
  }
  expect(stored).toBe(4);
  expect(echoed).toBeGreaterThan(8);
  const wrong: readonly (readonly [settings: object, secret: unknown])[] = [
    [
      { kind: "azure-blob", auth: "connection-string" },
      `AccountKey=${plant("a connection string's key without name")}`,
    ],
    [
      { kind: "azure-blob", auth: "connection-string" },
      `AccountName=a;AccountKey=${plant("a key that is no base64")}%%`,
    ],
    [{ kind: "azure-blob", auth: "connection-string" }, plant("a connection string of one word")],
    [{ kind: "azure-blob", auth: "connection-string" }, { text: plant("a secret of a wrong type") }],
    [
      { kind: "azure-blob", auth: "connection-string" },
      `BlobEndpoint=https://u:${plant("a password in a blob endpoint")}@x/;AccountName=a;AccountKey=eHh4`,
    ],
    [{ ...azure, auth: "sas" }, `se=2020&signature=${plant("a SAS without sig")}`],
    [{ ...azure, auth: "account-key" }, `${plant("an account key with a blank in it").slice(0, 40)} x`],
    [
      {
        kind: "azure-blob",
        auth: "sas",
        endpoint: `${endpoint}?sig=${encodeURIComponent(plant("a signature in the endpoint"))}`,
      },
      sas,
    ],
    [
      {
        kind: "azure-blob",
        auth: "account-key",
        endpoint: `http://user:${plant("a password in the endpoint")}@127.0.0.1:1/`,
      },
      accountKey,
    ],
    [{ ...azure, auth: "entra" }, plant("a client secret without a client")],
    [{ kind: "folder", path: "/srv/lake" }, plant("a secret for a folder")],
    [{ kind: "folder", path: "/srv/lake", accountKey: plant("a secret in the settings") }, undefined],
  ];
  for (const [settings, secret] of wrong) {
    await call("POST", "/api/v1/storage-accounts", { name: "wrong", settings, secret });
    await call("POST", "/api/v1/storage-accounts/test", { settings, secret });
  }

  // A folder that does get files.
  const lake = join(directory, "lake");
  mkdirSync(join(lake, "iot"), { recursive: true });
  const folder = JSON.parse(
    await call("POST", "/api/v1/storage-accounts", { name: "lake", settings: { kind: "folder", path: lake } }),
  ) as {
    id: string;
  };
  const types = ["measurements", "devices", "deviceTemplates"];
  const made = JSON.parse(
    await call("POST", "/api/v1/exports", { name: "lake", storageAccountId: folder.id, container: "iot", types }),
  ) as { id: string };

  // Devices at the door: right, wrong and broken tokens, in all the places where a token may be.
  const expiresMs = Date.now() + 3_600_000;
  const wrongKey = plant("a wrong key's owner");
  const good = makeSasToken("localhost/devices/d1", primaryKey, expiresMs);
  const signatureOf = (token: string): string => decodeURIComponent(/sig=([^&]+)/.exec(token)?.[1] ?? "");
  const badSignature = makeSasToken("localhost/devices/d1", wrongKey, expiresMs);
  const expired = makeSasToken("localhost/devices/d1", primaryKey, 1_000);
  for (const [what, token] of Object.entries({ good, badSignature, expired }))
    plant(`the signature of a ${what} token`, signatureOf(token));
  const tokens = [
    good,
    badSignature,
    expired,
    makeSasToken("elsewhere/devices/d1", primaryKey, expiresMs),
    `SharedAccessSignature sr=localhost&sig=${plant("a signature without expiry")}`,
    `SharedAccessSignature sr=%zz&se=1&sig=${plant("a signature beside a broken resource")}`,
    `sharedaccesssignature ${plant("a token with a wrong case")}`,
    `Bearer ${plant("a bearer token of a device")}`,
    `Basic ${plant("a basic password of a device")}`,
    plant("a bare password"),
    `HostName=h;DeviceId=d1;SharedAccessKey=${plant("a connection string as password")}`,
  ];
  let letIn = 0;
  for (const token of tokens) {
    const client = await RawMqtt.open(hub.address.ports.mqtt);
    if ((await client.connect(connectBytes("d1", token))) === 0) letIn++;
    client.socket.destroy();
    if ((await httpsSend("d1", token)) === 204) letIn++;
    await httpsSend("nobody", token);
  }
  expect(letIn).toBe(2);
  // A CONNECT cut off in its password, one that is none, and secrets where ids belong are nobody's fault but the client's; the
  // first two must not come out.
  for (const bytes of [connectBytes("d1", plant("a password cut off")).subarray(0, -8), Buffer.from(plant("noise"))]) {
    const client = await RawMqtt.open(hub.address.ports.mqtt);
    client.socket.end(bytes);
    await client.ended;
  }

  // Commands, in the same environment as an operator's.
  await coldpath(["check", "--show"], { COLDPATH_SECRET_KEY: plant("the secret key in a variable") });
  await coldpath(
    ["storage", "add", "cli", "--connection-string-file", "-"],
    {},
    `AccountKey=${plant("a string on standard input")}`,
  );
  await coldpath(["storage", "list"], { COLDPATH_TOKEN: plant("a wrong token in a variable") });
  await coldpath(["storage", "list", "--token", plant("a wrong token in a flag")]);
  await coldpath(["storage", "list", "--json", "--url", `http://127.0.0.1:${port}`], {
    COLDPATH_TOKEN: plant("a token for another server"),
  });
  await coldpath(["read", `http://127.0.0.1:${port}/acct/iot/x.avro`], { COLDPATH_SAS: sas });
  await coldpath(["secret", "rotate", "--yes"], { COLDPATH_SECRET_KEY: plant("a wrong key in a variable") });
  await coldpath(["serve"], {
    COLDPATH_SECRET_KEY: plant("the key of a start that fails", randomBytes(32).toString("base64")),
    COLDPATH_DATA_DIR: join(directory, "new"),
    COLDPATH_MQTT_PORT: String(port),
  });
  for (const [what, text] of [
    ["a key in a broken file", '{"secret-key": "KEY" x'],
    ["a key in a file of an unknown option", '{"secret-kee": "KEY"}'],
    ["a key of a wrong type in a file", '{"secret-key": {"a": "KEY"}}'],
    ["a key at the end of a broken file", '{"secret-key": "KEY"'],
    ["a key in a file that is nothing else", "KEY"],
    ["a key in a file without quotes", "{secret-key: KEY}"],
  ] as const) {
    const file = join(directory, "config.json");
    writeFileSync(file, text.replace("KEY", plant(what)));
    await coldpath(["check", "--config", file, "--show"]);
  }

  // Until the lake has files and the broken exports have failed several times.
  for (let turn = 0; ; turn++) {
    const status = await call("GET", "/api/v1/exports");
    if (
      filesIn(lake).filter((file) => file.endsWith(".avro")).length >= 4 &&
      (status.match(/"(retrying|stopped)"/g) ?? []).length >= 4
    )
      break;
    expect(turn, status).toBeLessThan(120);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  for (const path of [
    "/metrics",
    "/healthz",
    "/readyz",
    "/api/v1/status",
    "/api/v1/storage-accounts",
    "/api/v1/devices",
    "/api/v1/devices/d1",
    "/api/v1/policies",
    "/api/v1/openapi.json",
    `/api/v1/exports/${made.id}`,
    `/api/v1/exports/${made.id}/runs`,
  ]) {
    await call("GET", path);
  }
  await coldpath(["export", "status"]);
  await coldpath(["storage", "list", "--json"]);
  await coldpath(["read", join(lake, "iot"), "--type=devices", "--csv"]);

  // A backup holds what its manual says: here the token, and keys only as they are sealed.
  const backup = join(directory, "backup.tar");
  await coldpath(["backup", backup]);
  await coldpath(["backup", backup]); // which exists
  expect(found(readFileSync(backup))).toEqual(["the administrator's token"]);

  // And now look. A file that is being written is gone under its name a moment later, so nobody writes any more.
  await hub.stop();
  const leaks = seen.flatMap(([where, content]) => found(content).map((what) => `${what} in ${where}`));
  expect(leaks).toEqual([]);
  expect(hub.output).toMatch(/An MQTT device was refused/); // at debug level, as it was told
  expect(found(hub.output)).toEqual([]);
  for (const file of [...filesIn(lake), ...filesIn(hub.dataDir)]) {
    if (file.endsWith("/admin.token")) continue;
    expect([file, found(readFileSync(file))]).toEqual([file, []]);
  }
});
