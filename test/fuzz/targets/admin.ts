// The REST API over a real registry: calls of anyone who holds the token, with any path and any body.
//
// The input: calls, each ended by a NUL; a call is its method and path up to the first line feed, and a body. `DEV` and `TPL`
// stand for ids that exist, `@deep` for JSON with more levels than anybody has. The device answers methods with what it was asked. No storage can be opened, so that nothing outside of the test's directory is touched.
//
//       every answer is a status below 500, or 503 when it asks a store; every refusal has the form of errors
//   A2  no answer and no log line holds the token, or a secret that went in
//
// The registry keeps what earlier executions made of it: a finding may need them.

import fc from "fast-check";
import { Agent, request } from "node:http";
import { AdminBench, adminToken } from "../../lib/admin-bench.ts";
import { ColdpathError } from "../../../src/lib/errors.ts";
import { type Target, claim } from "../engine/target.ts";

const secret = "sUperSecretOfTheFuzzer0123456789";
let bench: AdminBench;
const agent = new Agent({ keepAlive: true, maxSockets: 1 });

const deep = `${"[".repeat(20_000)}${"]".repeat(20_000)}`;

let templateId: string;

async function makeDevice(): Promise<void> {
  const { generationId } = await bench.expect(201, "POST", "/devices", { id: "DEV", templateId });
  const owner = { deviceId: "DEV", generationId };
  bench.methods.serve(owner, ({ requestId, name, payload }) => {
    setImmediate(() => bench.methods.answer(owner, requestId, 200, Buffer.from(name === "deep" ? deep : payload)));
  });
}

function refuseStorage(): never {
  throw new ColdpathError("unavailable", "storage-away", "There is no storage here.", {});
}

function ask(method: string, path: string, body: string): Promise<{ status: number; text: string }> {
  const headers = {
    authorization: `Bearer ${adminToken}`,
    ...(body === "" ? {} : { "content-type": "application/json", "content-length": Buffer.byteLength(body) }),
  };
  return new Promise((resolve, reject) => {
    const call = request(bench.url, { method, path, headers, agent }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part: string) => (text += part));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
      response.on("error", reject);
    });
    call.on("error", reject);
    call.end(body);
  });
}

/** Nobody waits here for a device that is away. */
function bodyOf(lines: readonly string[]): string {
  return lines.join("\n").replaceAll('"@deep"', deep).replaceAll("connectTimeoutSeconds", "connectTimeout");
}

function calls(...list: readonly (readonly [string, unknown?])[]): Buffer {
  return Buffer.from(
    list.map(([line, body]) => `${line}\n${body === undefined ? "" : JSON.stringify(body)}`).join("\0"),
  );
}

const template = {
  name: "T",
  measurements: { telemetry: { t: { name: "T", dataType: "double" } } },
  properties: { cloud: { place: { name: "P", dataType: "string", initialValue: "x" } } },
};
const azure = {
  name: "az",
  settings: { kind: "azure-blob", auth: "account-key", endpoint: "https://a.blob.core.windows.net" },
  secret,
};

export const target: Target = {
  bytesMax: 2500,
  seeds: () => [
    calls(
      ["GET /api/v1/devices?limit=2&search=a"],
      ["POST /api/v1/devices", { id: "d1", templateId: "TPL", name: "D" }],
      ["DELETE /api/v1/devices/d1"],
    ),
    calls(
      ["PATCH /api/v1/devices/DEV", { properties: { cloud: { place: "y" } }, etag: 1 }],
      ["GET /api/v1/devices/DEV/keys"],
    ),
    calls(["POST /api/v1/device-templates", template], ["GET /api/v1/device-templates"], ["GET /api/v1/status"]),
    calls(
      ["POST /api/v1/storage-accounts", azure],
      ["POST /api/v1/storage-accounts/test", azure],
      ["GET /api/v1/storage-accounts"],
    ),
    calls(
      [
        "POST /api/v1/exports",
        { name: "e", storageAccountId: "x", container: "iot", types: ["devices"], enabled: true },
      ],
      ["GET /api/v1/exports"],
    ),
    calls(
      ["POST /api/v1/policies", { name: "p" }],
      ["GET /api/v1/policies/p/keys"],
      ["DELETE /api/v1/policies/p"],
      ["GET /api/v1/openapi.json"],
    ),
    calls(
      ["POST /api/v1/devices/DEV/methods", { name: "m", payload: { a: [1] } }],
      ["POST /api/v1/devices/DEV/methods", { name: "m", payload: "@deep" }],
      ["POST /api/v1/devices/DEV/methods", { name: "deep", payload: null }],
      ["POST /api/v1/devices/none/methods", { name: "\u0000", responseTimeoutSeconds: 5 }],
    ),
    calls(
      ["POST /api/v1/devices/DEV/cloud-messages", { body: "x", messageId: "m", properties: { a: "b" }, ttlSeconds: 1 }],
      ["GET /api/v1/devices/DEV/cloud-messages"],
      ["DELETE /api/v1/devices/DEV/cloud-messages/m"],
      ["POST /api/v1/devices/DEV/cloud-messages", { body: "AA==", bodyEncoding: "base64", correlationId: "é" }],
    ),
    calls(
      ["PATCH /api/v1/devices/DEV/twin", { desired: { x: { y: [1, null] }, z: null } }],
      ["PATCH /api/v1/devices/DEV/twin", { desired: { "a.b": 1, deep: "@deep" } }],
      ["GET /api/v1/devices/DEV/twin"],
      ["POST /api/v1/devices/DEV/modules", { moduleId: "m" }],
    ),
    calls(
      ["PATCH /api/v1/devices/DEV/modules/m/twin", { desired: { a: 1 } }],
      ["GET /api/v1/devices/DEV/modules"],
      ["GET /api/v1/devices/DEV/modules/m/credentials"],
      ["POST /api/v1/devices/DEV/modules/m/keys", { key: "primary" }],
    ),
    calls(
      ["PATCH /api/v1/provisioning", { furtherIdScopes: ["0ne00000001"] }],
      ["POST /api/v1/enrollment-groups", { name: "g", templateId: "TPL" }],
      ["GET /api/v1/enrollment-groups"],
      ["GET /api/v1/registrations?limit=1"],
    ),
    calls(
      ["POST /api/v1/enrollments", { registrationId: "r", deviceId: "d", authentication: { type: "sas" } }],
      ["GET /api/v1/enrollments/r/keys"],
      ["POST /api/v1/registrations/r/approve", { templateId: "TPL" }],
      ["POST /api/v1/ca-certificates", { name: "c", certificate: "-----BEGIN CERTIFICATE-----" }],
    ),
    calls(["GET /healthz"], ["GET /metrics"], ["OPTIONS /api/v1/devices"], ["GET /api/v1/nothing"]),
  ],
  grammar: fc
    .array(
      fc.tuple(
        fc.constantFrom("GET", "POST", "PATCH", "PUT", "DELETE"),
        fc.constantFrom(
          "devices",
          "devices/DEV",
          "devices/DEV/keys",
          "devices/DEV/twin",
          "devices/DEV/methods",
          "devices/DEV/cloud-messages",
          "devices/DEV/modules",
          "enrollments",
          "enrollment-groups",
          "provisioning",
          "device-templates",
          "device-templates/TPL",
          "policies",
          "exports",
          "storage-accounts",
        ),
        fc.oneof(
          fc.jsonValue(),
          fc.constant(template),
          fc.constant({ id: "x", templateId: "TPL" }),
          fc.constant({ desired: {} }),
        ),
      ),
      { maxLength: 3 },
    )
    .map((list) =>
      calls(
        ...list.map(
          ([method, path, body]) => [`${method} /api/v1/${path}`, method === "GET" ? undefined : body] as const,
        ),
      ),
    ),
  dictionary: [
    "/api/v1/",
    '"etag":',
    "\0",
    "%2F",
    "?limit=",
    "&cursor=",
    "__proto__",
    "DEV",
    "TPL",
    '{"',
    '"}',
    "null",
    '"@deep"',
    '"desired":{',
    '"payload":',
    "/methods",
    "/cloud-messages",
    "/twin",
  ],
  open: async () => {
    bench = await AdminBench.open({ openStorage: async () => refuseStorage(), openStorageWith: refuseStorage });
    const made = await bench.expect(201, "POST", "/device-templates", { ...template, id: "TPL", publish: true });
    templateId = made.id as string;
    await makeDevice();
  },
  close: async () => {
    agent.destroy();
    await bench.close();
  },
  run: async (input) => {
    bench.logged.length = 0;
    // In its place it is a secret; anywhere else it is a name like any other.
    const isSecret = input
      .toString("latin1")
      .split("\0")
      .every((call) => {
        const [line = "", ...body] = call.split("\n");
        return !line.includes(secret) && !body.join().replaceAll(`"secret":"${secret}"`, "").includes(secret);
      });
    for (const call of input.toString("utf8").split("\0").slice(0, 4)) {
      const [line = "", ...rest] = call.split("\n");
      const [method = "", ...where] = line.split(" ");
      if (!/^(GET|POST|PUT|PATCH|DELETE|OPTIONS|HEAD)$/.test(method)) continue;
      const path = where
        .join("%20")
        .replaceAll(/[^\x21-\x7e]/g, (char) => (char.isWellFormed() ? encodeURIComponent(char) : "%FF"));
      const { status, text } = await ask(method, path.startsWith("/") ? path : `/${path}`, bodyOf(rest));
      claim(status < 500 || status === 503, () => `${status} to ${method} ${path}: ${text.slice(0, 300)}`);
      const isRefused = status >= 400 && method !== "HEAD" && path.startsWith("/api/v1/");
      if (isRefused) {
        const { error } = JSON.parse(text) as {
          readonly error?: { readonly code?: string; readonly message?: string };
        };
        claim(
          typeof error?.code === "string" && typeof error.message === "string",
          () => `an error without a form: ${text.slice(0, 200)}`,
        );
        claim(text.length < 5000, "M1: an error as long as its input");
      }
      claim(!text.includes(adminToken) && !(isSecret && text.includes(secret)), "A2: an answer holds a secret");
    }
    if (input.includes("DELETE") && (await bench.call("GET", "/devices/DEV")).status === 404) await makeDevice();
    claim(
      !bench.logged.some((line) => line.includes(adminToken) || (isSecret && line.includes(secret))),
      "A2: the log holds a secret",
    );
  },
};
