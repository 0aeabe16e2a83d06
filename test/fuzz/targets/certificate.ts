// Certificates as a TLS client may show them: read or refused, and no altered one leads to a trusted authority.
//
// The input: a byte that says in whose place it stands; the certificate, DER or PEM. The genuine ones are fixed, so that every signature
// that is found right was made by their keys.
//
//   D1  what is trusted is the genuine device's certificate, over the genuine intermediate

import { thumbprintOf, hasThumbprint, readCertificate, verifyChain } from "../../../src/lib/certificate.ts";
import type { Certificate } from "../../../src/lib/certificate.ts";
import { type Target, claim } from "../engine/target.ts";

const root = Buffer.from(
  [
    "MIIBPTCB5KADAgECAg1JA4diN7vJUsdD95cgMAoGCCqGSM49BAMCMA8xDTALBgNVBAMTBHJvb3QwIBcNMjAwMTAxMDAwMDAwWhgP",
    "MjA5OTAxMDEwMDAwMDBaMA8xDTALBgNVBAMTBHJvb3QwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAASIaB3O8g6GJ+2aZsEOMgHG",
    "IhoovvNzN7DKqLzwKfQu0luNPde4WG3MS8KMc9G0pX53KTH8NKkrmGPKIWB99+a2oyMwITAPBgNVHRMBAf8EBTADAQH/MA4GA1Ud",
    "DwEB/wQEAwICBDAKBggqhkjOPQQDAgNIADBFAiEA6Gi0o3Fiu65CTXUXhTEkV1zGxPFg1kEJxcgGiy84/sgCIHjd73eHvSI2wVDd",
    "JrBiSIMDoAy2rfpXt5pa8OpRZXOm",
  ].join(""),
  "base64",
);
const mid = Buffer.from(
  [
    "MIIBPzCB5qADAgECAg1Fwdgfo08tLBiZbF0QMAoGCCqGSM49BAMCMA8xDTALBgNVBAMTBHJvb3QwIBcNMjAwMTAxMDAwMDAwWhgP",
    "MjA5OTAxMDEwMDAwMDBaMA4xDDAKBgNVBAMTA21pZDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABLUt56PceSxYgrTwjH+6jRfd",
    "TCMv0x65hDFuIyBJDKP4MPX10oaRgKlWX8giHUErUKQmQ0RAiV4UP995QCGFCOGjJjAkMBIGA1UdEwEB/wQIMAYBAf8CAQAwDgYD",
    "VR0PAQH/BAQDAgIEMAoGCCqGSM49BAMCA0gAMEUCIDlNwU1DY3YdhykKPO+JGdnnOwDxz8Kfj3x7+zJ1eKIqAiEAi9G9fxgRQkUR",
    "HAKd3DNM0LTsZfZXucAXwB21X9mSO7c=",
  ].join(""),
  "base64",
);
const leaf = Buffer.from(
  [
    "MIIBTzCB9qADAgECAg1D+dcHcly7Wy5I2NOQMAoGCCqGSM49BAMCMA4xDDAKBgNVBAMTA21pZDAgFw0yMDAxMDEwMDAwMDBaGA8y",
    "MDk5MDEwMTAwMDAwMFowEDEOMAwGA1UEAxMFZGV2LTEwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAQGZJLDF01g3Je7HZPbxRjP",
    "JOa1gv0XiMOqbwdar1LEaUNKV3FNLWeBzcKrjBltDakMMP4IQ7HoGsa6tm3geBPvozUwMzAMBgNVHRMBAf8EAjAAMA4GA1UdDwEB",
    "/wQEAwIHgDATBgNVHSUEDDAKBggrBgEFBQcDAjAKBggqhkjOPQQDAgNIADBFAiBIFITyYT01S8t4MHKkOQSqOIIzdK2TUCvDkxqi",
    "XgpQyQIhAOaK6qXxOXjka58yDmtesDlNU+ysQcAR2dx2A7JNSnMa",
  ].join(""),
  "base64",
);
const nowMs = Date.parse("2026-01-02T00:00:00Z");

const places = ["device", "intermediate", "authority", "alone"] as const;
type Place = (typeof places)[number];

function input(place: Place, certificate: Buffer): Buffer {
  return Buffer.concat([Buffer.from([places.indexOf(place)]), certificate]);
}

function genuine(der: Buffer): Certificate {
  const certificate = readCertificate(der);
  claim(certificate !== null, "a genuine certificate is not read");
  return certificate;
}

const keyOf = ({ x509 }: Certificate): string => x509.publicKey.export({ type: "spki", format: "der" }).toString("hex");

/** Everything that a signature over it stands for, as far as anybody here looks at it. */
function isSame(one: Certificate, other: Certificate): boolean {
  return (
    keyOf(one) === keyOf(other) &&
    one.commonName === other.commonName &&
    one.isAuthority === other.isAuthority &&
    one.pathLengthMax === other.pathLengthMax &&
    one.validFromMs === other.validFromMs &&
    one.validUntilMs === other.validUntilMs
  );
}

export const target: Target = {
  bytesMax: 1500,
  seeds: () => [
    input("device", leaf),
    input("intermediate", mid),
    input("authority", root),
    input("alone", leaf),
    input("alone", Buffer.from(genuine(leaf).x509.toString())),
    input("device", mid),
    input("intermediate", leaf),
    input("authority", mid),
  ],
  // Object identifiers and beginnings of extensions.
  dictionary: [
    Buffer.from("0603551d130101ff", "hex"),
    Buffer.from("0603551d0f0101ff", "hex"),
    Buffer.from("0603551d25", "hex"),
    Buffer.from("0603551d1e0101ff", "hex"),
    Buffer.from("30060101ff020100", "hex"),
    Buffer.from("30030101ff", "hex"),
    Buffer.from("03020204", "hex"),
    Buffer.from("3080", "hex"),
    Buffer.from("dev-1"),
    "-----BEGIN CERTIFICATE-----\n",
  ],
  run: (bytes) => {
    const place = places[(bytes[0] ?? 0) % places.length] as Place;
    const shown = bytes.subarray(1);
    const certificate = readCertificate(Buffer.from(shown));
    const text = thumbprintOf(shown.toString("latin1"));
    claim(text === null || (thumbprintOf(text) === text && /^[0-9A-F]+$/.test(text)), "a thumbprint has two spellings");
    if (certificate === null) return;
    const { thumbprintSha1, thumbprintSha256, validFromMs, validUntilMs, commonName } = certificate;
    claim(hasThumbprint(certificate, thumbprintSha1) && hasThumbprint(certificate, thumbprintSha256), "it is another");
    claim(Number.isFinite(validFromMs) && Number.isFinite(validUntilMs), "it is valid at no time that is known");
    claim(commonName !== "", "an empty name is a name");
    claim(readCertificate(certificate.der)?.thumbprintSha256 === thumbprintSha256, "read again, it is another");

    const [device, intermediate, authority] = [genuine(leaf), genuine(mid), genuine(root)];
    const showing = place === "device" || place === "alone" ? certificate : device;
    const others = place === "alone" ? [] : [place === "intermediate" ? certificate.der : mid];
    const outcome = verifyChain({ leaf: showing, others }, [place === "authority" ? certificate : authority], nowMs);
    if (outcome.kind === "refused") return;
    // An authority is what an administrator says it is; only its key is proven, by what it signed.
    const keys = [keyOf(intermediate), keyOf(authority)];
    const isGenuine =
      place === "authority"
        ? keys.includes(keyOf(certificate))
        : [device, intermediate, authority].some((one) => isSame(certificate, one));
    claim(isGenuine, "D1: an altered certificate is trusted");
    claim(outcome.expiresMs > nowMs, "D1: a chain that is over is trusted");
  },
};
