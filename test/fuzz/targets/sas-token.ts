// Shared access signatures and MQTT user names: who may speak as whom.
//
// The input is three texts, each ended by a line feed: the token, the client id, the user name. Keys are real, so the
// grammar and the seeds hold tokens that open; a text that no key signed must open nothing, whatever it looks like.

import fc from "fast-check";
import { createHmac } from "node:crypto";
import { type AuthRegistry, authenticate } from "../../../src/ingest/authenticate.ts";
import { parseUserName } from "../../../src/ingest/mqtt/user-name.ts";
import { isSignedWith, makeSasToken, opensDevice, parseSasToken } from "../../../src/ingest/sas-token.ts";
import { type Target, claim } from "../engine/target.ts";

const key = Buffer.from("0123456789abcdef0123456789abcdef").toString("base64");
const policyKey = Buffer.from("fedcba9876543210fedcba9876543210").toString("base64");
const moduleKey = Buffer.from("0011223344556677").toString("base64");
const expiresMs = Date.parse("2100-01-01T00:00:00Z");
const nowMs = Date.parse("2026-01-02T00:00:00Z");
const isOurHost = (host: string): boolean => host.toLowerCase() === "hub.test";

const registry: AuthRegistry = {
  deviceCredentials: async (deviceId) =>
    deviceId === "dev-1"
      ? {
          deviceId,
          primaryKey: key,
          secondaryKey: policyKey.slice(0, 40),
          enabled: true,
          generationId: "1",
          authentication: { type: "sas" },
        }
      : null,
  moduleCredentials: async (deviceId, moduleId) =>
    deviceId === "dev-1" && moduleId === "m"
      ? { primaryKey: moduleKey, secondaryKey: moduleKey, enabled: true, generationId: "2", deviceGenerationId: "1" }
      : null,
  policyKeys: async (name) => (name === "device" ? { primaryKey: policyKey, secondaryKey: key.slice(0, 40) } : null),
  trustedCaCertificates: async () => [],
};

/** What the token says, by its grammar; null when it has none of it. */
function slowly(text: string): { resource: string; signature: string; expiry: string; policy: string | null } | null {
  if (text.length > 4096 || !text.startsWith("SharedAccessSignature ")) return null;
  const fields = new Map<string, string>();
  for (const field of text.slice("SharedAccessSignature ".length).split("&")) {
    const match = /^([^=]*)=([^]*)$/.exec(field);
    if (match === null) return null;
    fields.set(match[1] as string, match[2] as string);
  }
  try {
    const policy = decodeURIComponent(fields.get("skn") ?? "");
    decodeURIComponent(fields.get("sr") ?? "");
    const signature = decodeURIComponent(fields.get("sig") ?? "");
    const [resource, expiry] = [fields.get("sr"), fields.get("se")];
    if (!fields.has("sig") || resource === undefined || expiry === undefined) return null;
    if (expiry === "" || expiry.length > 12 || Array.from(expiry).some((char) => char < "0" || char > "9")) return null;
    return { resource, signature, expiry, policy: policy === "" ? null : policy };
  } catch {
    return null;
  }
}

function text(token: string, clientId = "dev-1", userName = `hub.test/${clientId}/?api-version=2021-04-12`): Buffer {
  return Buffer.from(`${token}\n${clientId}\n${userName}\n`);
}

export const target: Target = {
  bytesMax: 5000,
  seeds: () => [
    text(makeSasToken("hub.test/devices/dev-1", key, expiresMs)),
    text(makeSasToken("hub.test", policyKey, expiresMs, "device")),
    text(makeSasToken("hub.test/devices/dev-1", policyKey, expiresMs, "device"), "dev-1/mod"),
    text(makeSasToken("hub.test/devices", key, nowMs - 1000), "dev-1", "hub.test/dev-1/api-version=2016-11-14"),
    text(makeSasToken("other/devices/dev-1", key, expiresMs), "a/b/c", "hub.test/dev-1"),
  ],
  grammar: fc
    .record({
      resource: fc.constantFrom(
        "hub.test",
        "hub.test/devices/dev-1",
        "HUB.test/devices/dev-2",
        "hub.test/devices/dev-1/x",
        "",
      ),
      signedWith: fc.constantFrom(key, policyKey, ""),
      expiresMs: fc.constantFrom(0, nowMs, expiresMs, 1e15),
      policy: fc.constantFrom(undefined, "device", "service", ""),
      clientId: fc.constantFrom("dev-1", "dev-1/mod", "dev-2", "dev-1/", "a/b/c"),
      query: fc.constantFrom("", "/?model-id=dtmi%3Aa;1", "/api-version=1", "/?model-id=", "x"),
    })
    .map(({ resource, signedWith, expiresMs, policy, clientId, query }) =>
      text(makeSasToken(resource, signedWith, expiresMs, policy), clientId, `hub.test/${clientId}${query}`),
    ),
  dictionary: [
    "SharedAccessSignature ",
    "sr=",
    "&sig=",
    "&se=",
    "&skn=",
    "hub.test",
    "dev-1",
    "%2F",
    "%252F",
    "\n",
    "model-id=",
    "%00",
  ],
  run: async (input) => {
    const [token = "", clientId = "", userName = ""] = input.toString("utf8").split("\n");
    const expected = slowly(token);
    const parsed = parseSasToken(token);
    claim(
      (parsed === null) === (expected === null),
      () => `parsed ${JSON.stringify(parsed)}, by the grammar ${JSON.stringify(expected)}`,
    );
    if (parsed !== null && expected !== null) {
      const { resource, expiry, policy } = parsed;
      claim(
        resource === expected.resource && expiry === expected.expiry && policy === expected.policy,
        "its fields are others",
      );
      claim(Number.isSafeInteger(parsed.expiresMs) && parsed.expiresMs === Number(expiry) * 1000, "its end is another");
      for (const one of [key, policyKey]) {
        const right = createHmac("sha256", Buffer.from(one, "base64")).update(`${resource}\n${expiry}`).digest();
        const isRight = Buffer.from(expected.signature, "base64").equals(right);
        claim(
          isSignedWith(parsed, [one]) === isRight,
          "D1: a signature is taken that is not the key's, or not taken that is",
        );
      }
    }
    const name = parseUserName(clientId, userName);
    const claimed = typeof name === "string" ? { deviceId: clientId, moduleId: undefined } : name;
    if (typeof name !== "string") {
      const { host, deviceId, moduleId } = name;
      const id = moduleId === undefined ? deviceId : `${deviceId}/${moduleId}`;
      claim(
        id === clientId && deviceId !== "" && moduleId !== "",
        "D1: the user name says another device than the client id",
      );
      claim(userName === `${host}/${id}` || userName.startsWith(`${host}/${id}/`), "the user name has another form");
    }
    const outcome = await authenticate(registry, isOurHost, { ...claimed, token, certificate: null }, nowMs);
    if (outcome.kind === "rejected") return;
    claim(parsed !== null && claimed.deviceId === "dev-1", "D1: an unknown device was let in");
    claim(
      parsed.expiresMs > nowMs && opensDevice(parsed, "dev-1", claimed.moduleId, isOurHost),
      "D1: an expired or foreign token opened",
    );
    const [host, ...path] = parsed.resourceDecoded.split("/");
    const module = claimed.moduleId === undefined ? "" : `modules/${claimed.moduleId}/`;
    claim(
      isOurHost(host ?? "") && `devices/dev-1/${module}`.startsWith(`${path.join("/")}${path.length > 0 ? "/" : ""}`),
      "D1: its sr does not cover the device",
    );
    claim(
      isSignedWith(parsed, [parsed.policy !== null ? policyKey : claimed.moduleId === undefined ? key : moduleKey]),
      "D1: a token opened that no key of its own signed",
    );
    claim(claimed.moduleId === undefined || claimed.moduleId === "m", "D1: an unknown module was let in");
  },
};
