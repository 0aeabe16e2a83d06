import crypto from "node:crypto";
import { syncBuiltinESMExports } from "node:module";
import { expect, test, vi } from "vitest";
import type { DeviceCredentials, KeyPair } from "../registry/registry.ts";
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
const policy: KeyPair = { primaryKey: keyOf(3), secondaryKey: keyOf(4) };
const nowMs = 1_800_000_000_000;

function registryOf(enabled = true): AuthRegistry {
  return {
    deviceCredentials: async (id) => (id === device.deviceId ? { ...device, enabled } : null),
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

test("A module has no key of its own here: only a hub policy opens for it", async () => {
  expect(await outcome(token("hub/devices/dev-1", 1), "dev-1", { moduleId: "m" })).toBe("token-resource");
  expect(await outcome(token("hub", 3, { policy: "device" }), "dev-1", { moduleId: "m" })).toBe("hub device");
});

test("A1: an unknown device or policy costs the same work as a wrong key", async () => {
  const work = async (sas: string, deviceId: string): Promise<readonly unknown[]> => {
    const asked: unknown[] = [];
    const hmac = vi.spyOn(crypto, "createHmac");
    syncBuiltinESMExports();
    const registry: AuthRegistry = {
      deviceCredentials: async (id) => (asked.push("device"), await registryOf().deviceCredentials(id)),
      policyKeys: async (name) => (asked.push("policy"), await registryOf().policyKeys(name)),
      trustedCaCertificates: async () => [],
    };
    const found = await authenticate(registry, hostNames(["hub"]), { deviceId, token: sas, certificate: null }, nowMs);
    expect(found.kind).toBe("rejected");
    asked.push(hmac.mock.calls.length);
    hmac.mockRestore();
    syncBuiltinESMExports();
    return asked;
  };
  const wrongKey = await work(token("hub/devices/dev-1", 5), "dev-1");
  expect(wrongKey).toEqual(["device", 2]);
  expect(await work(token("hub/devices/dev-2", 5), "dev-2")).toEqual(wrongKey);
  const wrongPolicyKey = await work(token("hub", 5, { policy: "device" }), "dev-1");
  expect(wrongPolicyKey).toEqual(["device", "policy", 2]);
  expect(await work(token("hub", 5, { policy: "device" }), "dev-2")).toEqual(wrongPolicyKey);
  expect(await work(token("hub", 5, { policy: "other" }), "dev-1")).toEqual(wrongPolicyKey);
});

test("A1: a module's token without a policy is answered alike whether the device exists or not", async () => {
  expect(await outcome(token("hub/devices/dev-2", 1), "dev-2", { moduleId: "m" })).toBe("token-resource");
});
