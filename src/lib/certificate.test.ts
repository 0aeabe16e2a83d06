import { beforeAll, describe, expect, test } from "vitest";
import {
  Extension,
  KeyUsageFlags,
  type TestCertificate,
  purposes,
  testAuthority,
  testCertificate,
} from "../../test/lib/certificates.ts";
import { type Certificate, hasThumbprint, readCertificate, thumbprintOf, verifyChain } from "./certificate.ts";

const nowMs = Date.now();
const dayMs = 86_400_000;

function read({ der }: TestCertificate): Certificate {
  const certificate = readCertificate(der);
  if (certificate === null) throw new Error("not read");
  return certificate;
}

/** What becomes of a device that shows `shown`, its own certificate first, to one that trusts `trusted`. */
function outcome(shown: readonly TestCertificate[], trusted: readonly TestCertificate[]): string {
  const [leaf, ...others] = shown as [TestCertificate, ...TestCertificate[]];
  const trustedAuthorities = trusted.map((one) => read(one));
  const found = verifyChain({ leaf: read(leaf), others: others.map((one) => one.der) }, trustedAuthorities, nowMs);
  return found.kind === "trusted" ? `trusted by ${found.authority.commonName}` : found.reason;
}

let root: TestCertificate;
let stranger: TestCertificate;
let intermediate: TestCertificate;
let device: TestCertificate;

beforeAll(async () => {
  root = await testAuthority("root");
  stranger = await testAuthority("root");
  intermediate = await testAuthority("intermediate", { issuer: root, pathLength: 0 });
  device = await testCertificate({ name: "dev-1", issuer: intermediate, purposes: [purposes.clientAuth] });
});

describe("reading", () => {
  test("says who it is for, what it may do, and its thumbprints in one spelling", () => {
    const leaf = read(device);
    expect(leaf).toMatchObject({ commonName: "dev-1", isAuthority: false, pathLengthMax: null, isUnderstood: true });
    expect(read(intermediate)).toMatchObject({ isAuthority: true, pathLengthMax: 0 });
    expect(leaf.thumbprintSha1).toMatch(/^[0-9A-F]{40}$/);
    expect(leaf.thumbprintSha256).toMatch(/^[0-9A-F]{64}$/);
    expect(readCertificate(device.certPem)?.thumbprintSha256).toBe(leaf.thumbprintSha256);
  });

  test("a thumbprint is compared without regard to case, colons and blanks", () => {
    const leaf = read(device);
    const spelt = thumbprintOf(` ${leaf.x509.fingerprint.toLowerCase()} `);
    expect(spelt).toBe(leaf.thumbprintSha1);
    expect(hasThumbprint(leaf, spelt ?? "")).toBe(true);
    expect(hasThumbprint(leaf, thumbprintOf(leaf.x509.fingerprint256) ?? "")).toBe(true);
    expect(hasThumbprint(leaf, read(root).thumbprintSha1)).toBe(false);
    for (const bad of ["", "12", "g".repeat(40), "a".repeat(41)]) expect(thumbprintOf(bad)).toBeNull();
  });

  test("refuses what is none, what is cut off and what is too large", () => {
    for (const bad of ["", "-----BEGIN CERTIFICATE-----", "x".repeat(40_000)]) expect(readCertificate(bad)).toBeNull();
    for (const bytes of [0, 1, 100, device.der.length - 1]) {
      expect(readCertificate(device.der.subarray(0, bytes))).toBeNull();
    }
  });

  test("a name that is said twice is none", async () => {
    expect(read(await testCertificate({ name: "CN=dev-1, CN=dev-2" })).commonName).toBeNull();
    expect(read(await testCertificate({ name: "O=dev-1" })).commonName).toBeNull();
  });
});

describe("a chain", () => {
  test("leads to a trusted authority directly, over an intermediate, and in any order", async () => {
    const direct = await testCertificate({ name: "dev-2", issuer: root });
    const middle = await testAuthority("middle", { issuer: root });
    const low = await testAuthority("low", { issuer: middle });
    const deep = await testCertificate({ name: "dev-3", issuer: low });
    expect(outcome([direct], [root])).toBe("trusted by root");
    expect(outcome([device, intermediate], [root])).toBe("trusted by root");
    expect(outcome([device, intermediate, root], [root])).toBe("trusted by root");
    expect(outcome([device], [intermediate])).toBe("trusted by intermediate");
    expect(outcome([deep, middle, low], [root])).toBe("trusted by root");
    expect(outcome([deep, stranger, low, middle], [stranger, root])).toBe("trusted by root");
  });

  test("is over when the first of its certificates is", async () => {
    const endsMs = Math.floor((nowMs + 1000) / 1000) * 1000;
    const short = await testAuthority("short", { issuer: root, notAfter: new Date(endsMs) });
    const leaf = await testCertificate({ name: "dev-1", issuer: short });
    const trusted = [read(root)];
    const shown = { leaf: read(leaf), others: [short.der] };
    expect(verifyChain(shown, trusted, endsMs - 1)).toMatchObject({ kind: "trusted", expiresMs: endsMs });
    expect(verifyChain(shown, trusted, endsMs)).toEqual({ kind: "refused", reason: "certificate-expired" });
  });

  test.each([
    ["nothing", async () => [device]],
    ["a stranger of the authority's name", async () => [await testCertificate({ name: "dev-1", issuer: stranger })]],
    ["itself", async () => [await testCertificate({ name: "dev-1" })]],
    [
      "the stranger, shown beside it",
      async () => [await testCertificate({ name: "dev-1", issuer: stranger }), stranger],
    ],
    [
      "a device's certificate of the authority's",
      async () => {
        const other = await testCertificate({ name: "dev-2", issuer: root });
        return [await testCertificate({ name: "dev-1", issuer: other }), other];
      },
    ],
    [
      "an authority that may not sign",
      async () => {
        const wrong = await testAuthority("wrong", { issuer: root, keyUsage: KeyUsageFlags.digitalSignature });
        return [await testCertificate({ name: "dev-1", issuer: wrong }), wrong];
      },
    ],
    [
      "an authority below one that allows none",
      async () => {
        const below = await testAuthority("below", { issuer: intermediate });
        return [await testCertificate({ name: "dev-1", issuer: below }), below, intermediate];
      },
    ],
    [
      "an authority for some names only",
      async () => {
        const constraints = new Extension("2.5.29.30", true, Buffer.from("3000", "hex"));
        const some = await testAuthority("some", { issuer: root, extensions: [constraints] });
        return [await testCertificate({ name: "dev-1", issuer: some }), some];
      },
    ],
    [
      "an authority that demands what is not known here",
      async () => {
        const demand = new Extension("1.2.3.4", true, Buffer.from("0500", "hex"));
        const some = await testAuthority("some", { issuer: root, extensions: [demand] });
        return [await testCertificate({ name: "dev-1", issuer: some }), some];
      },
    ],
    [
      "the authority, for a server's certificate",
      async () => [await testCertificate({ name: "dev-1", issuer: root, purposes: [purposes.serverAuth] })],
    ],
    [
      "the authority, for a key that only enciphers",
      async () => [await testCertificate({ name: "dev-1", issuer: root, keyUsage: KeyUsageFlags.keyEncipherment })],
    ],
    ["the authority, among too many", async () => [device, intermediate, ...Array.from({ length: 8 }, () => root)]],
  ] as const)("that leads to %s is not trusted", async (_what, shown) => {
    expect(outcome(await shown(), [root])).toBe("certificate-untrusted");
  });

  test("an authority that may not sign is no anchor either", async () => {
    const plain = await testCertificate({ name: "plain" });
    expect(outcome([await testCertificate({ name: "dev-1", issuer: plain })], [plain])).toBe("certificate-untrusted");
  });

  test.each([
    ["the device's", { notAfter: new Date(nowMs - dayMs / 2) }, {}],
    ["the device's, which is not valid yet,", { notBefore: new Date(nowMs + dayMs / 2) }, {}],
    ["the authority's", {}, { notAfter: new Date(nowMs - dayMs / 2) }],
  ])("with a certificate that is over, %s, is refused as that", async (_whose, leaf, authority) => {
    const issuer = await testAuthority("old", authority);
    expect(outcome([await testCertificate({ name: "dev-1", issuer, ...leaf })], [issuer])).toBe("certificate-expired");
  });

  test("with a signature that was altered is not trusted", () => {
    const der = Buffer.from(device.der);
    der[der.length - 3] = (der.at(-3) ?? 0) ^ 1;
    const leaf = readCertificate(der);
    if (leaf === null) throw new Error("not read");
    const shown = { leaf, others: [intermediate.der] };
    expect(verifyChain(shown, [read(root)], nowMs)).toEqual({ kind: "refused", reason: "certificate-untrusted" });
  });

  test("of many authorities of one name is given up soon", async () => {
    const same = await Promise.all(Array.from({ length: 8 }, async () => await testAuthority("same", {})));
    const leaf = await testCertificate({ name: "dev-1", issuer: same[0] });
    expect(outcome([leaf, ...same], [root])).toBe("certificate-untrusted");
    expect(outcome([leaf, ...same.slice(1)], same)).toBe("trusted by same");
  });
});

test("A malformed date in a certificate is refused, and does not end the process", () => {
  // Found by the fuzzer: `toLegacyObject` of node:crypto, and so `getPeerCertificate`, crashes on it.
  const malformed = [
    "MIIBTzCB9qADAgECAg1D+dcHcly7Wy5I2NOQMAoGCCqGSM49BAMCMA4xDDAKBgNVBAMTA21pZDAgFw0yMDAxMDEwMDAwMDBaGA8y",
    "MDk5MDEwMTAAMDAwMFowEDEOMAwGA1UEAxMFZGV2LTEwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAQGZJLDF01g3Je7HZPbABjP",
    "JOa1gv0XiMOqbwdar1LEaUNKV3FNLWeBzcKrjBltDakMMP4IQ7HoGsa6tm3geBPvozUwMzAMBgNVHRMBAf8EAjAAMA4GA1UdDwEB",
    "/wQEAwIHgDATBgNVHSUEDDAKBggrBgEFBQcDAjAKBggqhkjOPQQDAgNIADBFAiBIFITyYT01S8t4MHKkOQSqOIIzdK2TUCvDkxqi",
    "XgpQyQIhAOaK6qXxOXjka58yDmtesDlNU+ysQcAR2dx2A7JNSnMa",
  ];
  expect(readCertificate(Buffer.from(malformed.join(""), "base64"))).toBeNull();
});
