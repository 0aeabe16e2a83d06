import crypto from "node:crypto";
import { syncBuiltinESMExports } from "node:module";
import { expect, test, vi } from "vitest";
import type { DeviceCredentials, KeyPair, ModuleCredentials } from "../registry/registry.ts";
import { type AuthRegistry, authenticate } from "./authenticate.ts";
import { hostNames } from "./host-names.ts";
import { makeSasToken } from "./sas-token.ts";

const keyOf = (byte: number): string => Buffer.alloc(32, byte).toString("base64");
const device: DeviceCredentials = {
  deviceId: "dev-1",
  enabled: true,
  generationId: "639000000000000000",
  authentication: { type: "sas" },
  primaryKey: keyOf(1),
  secondaryKey: keyOf(2),
};
const module: ModuleCredentials = {
  enabled: true,
  generationId: "639000000000000001",
  deviceGenerationId: device.generationId,
  primaryKey: keyOf(6),
  secondaryKey: keyOf(7),
};
const policy: KeyPair = { primaryKey: keyOf(3), secondaryKey: keyOf(4) };
const nowMs = 1_800_000_000_000;

function registryOf(enabled = true): AuthRegistry {
  return {
    deviceCredentials: async (id) => (id === device.deviceId ? { ...device, enabled } : null),
    moduleCredentials: async (id, moduleId) =>
      id === device.deviceId && moduleId === "m" ? { ...module, enabled } : null,
    policyKeys: async (name) => (name === "device" ? policy : null),
    trustedCaCertificates: async () => [],
  };
}

async function outcome(token: string, deviceId = "dev-1", more: { moduleId?: string; enabled?: boolean } = {}) {
  const { moduleId, enabled } = more;
  const found = await authenticate(
    registryOf(enabled),
    hostNames(["hub"]),
    { deviceId, moduleId, token, certificate: null },
    nowMs,
  );
  return found.kind === "known" ? `${found.authScope} ${found.policy}` : found.reason;
}

const token = (resource: string, byte: number, more: { expiresMs?: number; policy?: string } = {}): string =>
  makeSasToken(resource, keyOf(byte), more.expiresMs ?? nowMs + 1000, more.policy);

test("Either key of the device, or of a hub policy, lets it in", async () => {
  expect(await outcome(token("hub/devices/dev-1", 1))).toBe("device null");
  expect(await outcome(token("hub/devices/dev-1", 2))).toBe("device null");
  expect(await outcome(token("hub", 3, { policy: "device" }))).toBe("hub device");
  expect(await outcome(token("hub/devices/dev-1", 4, { policy: "device" }))).toBe("hub device");
});

test("Each fault has its own reason", async () => {
  expect(await outcome("nonsense")).toBe("token-malformed");
  expect(await outcome(token("hub/devices/dev-2", 1), "dev-2")).toBe("unknown-device");
  expect(await outcome(token("hub/devices/dev-1", 5))).toBe("token-signature");
  expect(await outcome(token("hub", 3))).toBe("token-signature");
  expect(await outcome(token("hub", 1, { policy: "device" }))).toBe("token-signature");
  expect(await outcome(token("hub", 3, { policy: "other" }))).toBe("unknown-policy");
  expect(await outcome(token("hub/devices/dev-1", 1, { expiresMs: nowMs }))).toBe("token-expired");
  expect(await outcome(token("other/devices/dev-1", 1))).toBe("token-resource");
  expect(await outcome(token("hub/devices/dev-2", 1))).toBe("token-resource");
  expect(await outcome(token("hub/devices/dev-1", 1), "dev-1", { enabled: false })).toBe("device-disabled");
});

test("A module is let in by a key of its own or of a hub policy, and by none of its device's", async () => {
  const m = { moduleId: "m" };
  const own = "hub/devices/dev-1/modules/m";
  expect(await outcome(token(own, 6), "dev-1", m)).toBe("module null");
  expect(await outcome(token("hub/devices/dev-1", 7), "dev-1", m)).toBe("module null");
  expect(await outcome(token("hub", 3, { policy: "device" }), "dev-1", m)).toBe("hub device");
  expect(await outcome(token("hub/devices/dev-1", 1), "dev-1", m)).toBe("token-signature");
  expect(await outcome(token(own, 6), "dev-1")).toBe("token-signature");
  expect(await outcome(token("hub/devices/dev-1/modules/n", 6), "dev-1", m)).toBe("token-resource");
  expect(await outcome(token(own, 6), "dev-1", { moduleId: "n" })).toBe("unknown-module");
  expect(await outcome(token("hub", 3, { policy: "device" }), "dev-1", { moduleId: "n" })).toBe("unknown-module");
  expect(await outcome(token(own, 6), "dev-1", { ...m, enabled: false })).toBe("device-disabled");
  expect(await outcome(token(own, 6, { expiresMs: nowMs }), "dev-1", m)).toBe("token-expired");
});

test("A module sends with its device's generation, and is somebody of its own", async () => {
  const claim = { deviceId: "dev-1", moduleId: "m", token: token("hub/devices/dev-1", 6), certificate: null };
  expect(await authenticate(registryOf(), hostNames(["hub"]), claim, nowMs)).toMatchObject({
    moduleId: "m",
    generationId: device.generationId,
    identityGenerationId: module.generationId,
  });
});

/** What is asked and computed for a token that is refused. */
const work = async (sas: string, deviceId: string, moduleId?: string): Promise<readonly unknown[]> => {
  const asked: unknown[] = [];
  const hmac = vi.spyOn(crypto, "createHmac");
  syncBuiltinESMExports();
  const registry: AuthRegistry = {
    deviceCredentials: async (id) => (asked.push("device"), await registryOf().deviceCredentials(id)),
    moduleCredentials: async (...id) => (asked.push("module"), await registryOf().moduleCredentials(...id)),
    policyKeys: async (name) => (asked.push("policy"), await registryOf().policyKeys(name)),
    trustedCaCertificates: async () => [],
  };
  const found = await authenticate(
    registry,
    hostNames(["hub"]),
    { deviceId, moduleId, token: sas, certificate: null },
    nowMs,
  );
  expect(found.kind).toBe("rejected");
  asked.push(hmac.mock.calls.length);
  hmac.mockRestore();
  syncBuiltinESMExports();
  return asked;
};

test("A1: an unknown device or policy costs the same work as a wrong key", async () => {
  const wrongKey = await work(token("hub/devices/dev-1", 5), "dev-1");
  expect(wrongKey).toEqual(["device", 2]);
  expect(await work(token("hub/devices/dev-2", 5), "dev-2")).toEqual(wrongKey);
  const wrongPolicyKey = await work(token("hub", 5, { policy: "device" }), "dev-1");
  expect(wrongPolicyKey).toEqual(["device", "policy", 2]);
  expect(await work(token("hub", 5, { policy: "device" }), "dev-2")).toEqual(wrongPolicyKey);
  expect(await work(token("hub", 5, { policy: "other" }), "dev-1")).toEqual(wrongPolicyKey);
});

test("A1: an unknown module costs the same work as a wrong key of one", async () => {
  const wrong = token("hub/devices/dev-1", 5);
  expect(await work(wrong, "dev-1", "m")).toEqual(["module", 2]);
  expect(await work(wrong, "dev-1", "n")).toEqual(["module", 2]);
  expect(await work(wrong, "dev-2", "m")).toEqual(["module", 2]);
});
