import { describe, expect, test } from "vitest";
import { type TestCertificate, testAuthority, testCertificate } from "../../../test/lib/certificates.ts";
import type { CaCertificate, Registry } from "../registry.ts";
import { type MakeStand, type Stand, eventsOf, fridge } from "./stand.ts";

const sha1 = "ab".repeat(20);
const sha256 = "0f".repeat(32);

async function withDevice(make: MakeStand): Promise<Stand> {
  const stand = await make();
  await stand.registry.createTemplate(fridge);
  await stand.registry.createDevice({ id: "a", templateId: "fridge" });
  return stand;
}

/** Valid at the stand's time. */
const times = { notBefore: new Date("2025-01-01T00:00:00Z"), notAfter: new Date("2030-01-01T00:00:00Z") };

/** The code, signed by the authority. */
async function proofOf(ca: CaCertificate, issuer: TestCertificate): Promise<string> {
  const { certPem } = await testCertificate({ name: ca.verification?.code ?? "none", issuer, ...times });
  return certPem;
}

async function verified(registry: Registry, name: string): Promise<CaCertificate> {
  const authority = await testAuthority(name, times);
  const ca = await registry.createCaCertificate({ name, certificate: authority.certPem });
  return await registry.verifyCaCertificate(ca.id, await proofOf(ca, authority));
}

export function x509Stories(make: MakeStand): void {
  describe("X.509 devices", () => {
    test("D1: how a device signs in is changed, told of as access, and kept; its keys stay", async () => {
      const stand = await withDevice(make);
      const { registry } = stand;
      const keys = await registry.deviceKeys("a");
      expect((await registry.device("a")).authentication).toEqual({ type: "sas" });
      const events = eventsOf(registry);
      const set = await registry.setDeviceAuthentication("a", {
        type: "x509-thumbprint",
        primaryThumbprint: sha1,
        secondaryThumbprint: (sha256.match(/../g) ?? []).join(":"),
      });
      const wanted = {
        type: "x509-thumbprint",
        primaryThumbprint: sha1.toUpperCase(),
        secondaryThumbprint: sha256.toUpperCase(),
      };
      expect(set).toEqual(wanted);
      expect(await registry.setDeviceAuthentication("a", set)).toEqual(wanted);
      expect(events).toEqual([{ kind: "device-changed", deviceId: "a", access: true }]);
      const again = await stand.reopen();
      expect(await again.device("a")).toMatchObject({ authentication: wanted, etag: 2 });
      expect(await again.deviceCredentials("a")).toMatchObject({ authentication: wanted, ...keys });
      await again.setDeviceAuthentication("a", { type: "x509-ca" });
      expect((await again.devices({})).items).toMatchObject([{ authentication: { type: "x509-ca" } }]);
      await again.setDeviceAuthentication("a", { type: "sas" });
      expect(await again.deviceCredentials("a")).toMatchObject({ authentication: { type: "sas" }, ...keys });
    });

    test("a device is made as one of X.509, alone and among others", async () => {
      const { registry } = await withDevice(make);
      const authentication = { type: "x509-thumbprint", primaryThumbprint: sha1 } as const;
      const made = await registry.createDevice({ id: "b", templateId: "fridge", authentication });
      expect(made.authentication).toEqual({
        type: "x509-thumbprint",
        primaryThumbprint: sha1.toUpperCase(),
        secondaryThumbprint: null,
      });
      await registry.createDevices([{ id: "c", templateId: "fridge", authentication: { type: "x509-ca" } }]);
      expect((await registry.device("c")).authentication).toEqual({ type: "x509-ca" });
    });

    test("what is no type, no thumbprint or does not belong to the type is refused by its field", async () => {
      const { registry } = await withDevice(make);
      const refuse = async (given: unknown, field: string): Promise<void> => {
        await expect(registry.setDeviceAuthentication("a", given as { type: "sas" })).rejects.toMatchObject({ field });
      };
      await refuse({ type: "tpm" }, "authentication.type");
      await refuse({ type: "x509-thumbprint" }, "authentication.primaryThumbprint");
      await refuse({ type: "x509-thumbprint", primaryThumbprint: "ab" }, "authentication.primaryThumbprint");
      await refuse({ type: "sas", primaryThumbprint: sha1 }, "authentication.primaryThumbprint");
      await refuse({ type: "x509-ca", secondaryThumbprint: sha1 }, "authentication.secondaryThumbprint");
      await refuse({ type: "sas", key: "x" }, "authentication.key");
      await expect(registry.setDeviceAuthentication("none", { type: "sas" })).rejects.toMatchObject({
        code: "device-not-found",
      });
    });
  });

  describe("the certificate of an X.509 device", () => {
    test("D1: is replaced without a gap: the next one beside it, then in its place; each change is told of as access", async () => {
      const stand = await withDevice(make);
      const { registry } = stand;
      await registry.setDeviceAuthentication("a", { type: "x509-thumbprint", primaryThumbprint: sha1 });
      const events = eventsOf(registry);
      const both = await registry.setDeviceThumbprints("a", { secondaryThumbprint: sha256 });
      expect(both).toMatchObject({ primaryThumbprint: sha1.toUpperCase(), secondaryThumbprint: sha256.toUpperCase() });
      expect(await registry.setDeviceThumbprints("a", { primaryThumbprint: sha1 })).toEqual(both);
      const next = { type: "x509-thumbprint", primaryThumbprint: sha256.toUpperCase(), secondaryThumbprint: null };
      const change = { primaryThumbprint: sha256, secondaryThumbprint: null };
      expect(await registry.setDeviceThumbprints("a", change)).toEqual(next);
      const told = { kind: "device-changed", deviceId: "a", access: true };
      expect(events).toEqual([told, told]);
      expect(await (await stand.reopen()).deviceCredentials("a")).toMatchObject({ authentication: next });
    });

    test("cannot be taken away as the only one, nor be given to a device that signs in otherwise", async () => {
      const { registry } = await withDevice(make);
      const refuse = async (id: string, change: object, refusal: object): Promise<void> => {
        await expect(registry.setDeviceThumbprints(id, change)).rejects.toMatchObject(refusal);
      };
      await refuse(
        "a",
        { primaryThumbprint: sha1 },
        { code: "input-invalid", message: expect.stringContaining("signs in by sas") },
      );
      await registry.setDeviceAuthentication("a", { type: "x509-thumbprint", primaryThumbprint: sha1 });
      await refuse("a", { primaryThumbprint: null }, { code: "input-invalid", field: "primaryThumbprint" });
      await refuse("a", { secondaryThumbprint: "xy" }, { code: "input-invalid", field: "secondaryThumbprint" });
      await refuse("a", { thumbprint: sha1 }, { code: "field-unknown", field: "thumbprint" });
      await refuse("none", { primaryThumbprint: sha1 }, { code: "device-not-found" });
    });
  });

  describe("CA certificates", () => {
    test("let devices in once their owner has signed the code, and survive a restart", async () => {
      const stand = await make();
      const { registry } = stand;
      const authority = await testAuthority("Factory 1", times);
      const events = eventsOf(registry);
      const ca = await registry.createCaCertificate({ name: "factory", certificate: authority.certPem });
      expect(ca).toMatchObject({ name: "factory", commonName: "Factory 1", verifiedAt: null });
      expect(ca.verification?.code).toMatch(/^[0-9A-F]{48}$/);
      expect(await registry.trustedCaCertificates()).toEqual([]);
      const verified = await registry.verifyCaCertificate(ca.id, await proofOf(ca, authority));
      expect(verified).toMatchObject({ verifiedAt: expect.any(String), verification: null });
      const again = await stand.reopen();
      expect(await again.caCertificates()).toEqual([verified]);
      expect(await again.caCertificate(ca.id)).toEqual(verified);
      expect(await again.trustedCaCertificates()).toMatchObject([
        { id: ca.id, certificate: { commonName: "Factory 1", thumbprintSha256: ca.thumbprint } },
      ]);
      expect(events).toEqual([
        { kind: "ca-certificate-changed", caCertificateId: ca.id, isGone: false },
        { kind: "ca-certificate-changed", caCertificateId: ca.id, isGone: false },
      ]);
    });

    test("a code is good for one proof, for a week, and only for its own authority", async () => {
      const { registry, clock } = await make();
      const authority = await testAuthority("one", times);
      const stranger = await testAuthority("one", times);
      const refused = { code: "ca-proof-invalid", field: "certificate" };
      const ca = await registry.createCaCertificate({ name: "one", certificate: authority.certPem });
      const proof = await proofOf(ca, authority);
      await expect(registry.verifyCaCertificate(ca.id, await proofOf(ca, stranger))).rejects.toMatchObject(refused);
      await expect(registry.verifyCaCertificate(ca.id, authority.certPem)).rejects.toMatchObject(refused);
      await expect(registry.verifyCaCertificate(ca.id, "none")).rejects.toMatchObject(refused);
      const other = await registry.createCaCertificate({ name: "two", certificate: stranger.certPem });
      await expect(registry.verifyCaCertificate(other.id, proof)).rejects.toMatchObject(refused);

      const renewed = await registry.newVerificationCode(ca.id);
      await expect(registry.verifyCaCertificate(ca.id, proof)).rejects.toMatchObject(refused);
      const second = await proofOf(renewed, authority);
      clock.timeMs += 7 * 86_400_000;
      await expect(registry.verifyCaCertificate(ca.id, second)).rejects.toMatchObject(refused);
      const third = await proofOf(await registry.newVerificationCode(ca.id), authority);
      await registry.verifyCaCertificate(ca.id, third);
      await expect(registry.verifyCaCertificate(ca.id, third)).rejects.toMatchObject(refused);
      await expect(registry.verifyCaCertificate("none", third)).rejects.toMatchObject({ kind: "not-found" });
    });

    test("what is no authority, is over, or there already, is refused", async () => {
      const { registry, clock } = await make();
      const authority = await testAuthority("one", times);
      const refuse = async (certificate: string, code: string, name = "x"): Promise<void> => {
        await expect(registry.createCaCertificate({ name, certificate })).rejects.toMatchObject({ code });
      };
      await refuse("none", "ca-certificate-invalid");
      await refuse((await testCertificate({ name: "device", ...times })).certPem, "ca-certificate-invalid");
      const over = await testAuthority("over", { ...times, notAfter: new Date(clock.timeMs) });
      await refuse(over.certPem, "ca-certificate-invalid");
      await registry.createCaCertificate({ name: "one", certificate: authority.certPem });
      await refuse(authority.certPem, "ca-certificate-exists");
      await refuse((await testAuthority("two", times)).certPem, "ca-certificate-exists", "one");
      await refuse((await testAuthority("two", times)).certPem, "input-invalid", "");
    });

    test("D1: one that is deleted lets nobody in, and is told of as gone", async () => {
      const { registry } = await make();
      const ca = await verified(registry, "one");
      const kept = await verified(registry, "two");
      const events = eventsOf(registry);
      await registry.deleteCaCertificate(ca.id);
      expect((await registry.trustedCaCertificates()).map(({ id }) => id)).toEqual([kept.id]);
      expect(events).toEqual([{ kind: "ca-certificate-changed", caCertificateId: ca.id, isGone: true }]);
      await expect(registry.deleteCaCertificate(ca.id)).rejects.toMatchObject({ code: "ca-certificate-not-found" });
    });

    test("M1: there are at most 100", async () => {
      const { registry } = await make();
      const authorities = await Promise.all(Array.from({ length: 101 }, (_, at) => testAuthority(`ca ${at}`, times)));
      for (const [at, { certPem }] of authorities.slice(0, 100).entries()) {
        await registry.createCaCertificate({ name: `ca ${at}`, certificate: certPem });
      }
      const more = { name: "more", certificate: authorities.at(-1)?.certPem ?? "" };
      await expect(registry.createCaCertificate(more)).rejects.toMatchObject({ code: "ca-certificates-too-many" });
    });
  });
}
