import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { hostNames } from "./host-names.ts";
import { isSignedWith, makeSasToken, opensDevice, parseSasToken } from "./sas-token.ts";

/** facts/azure-iot.md §4.8: ASCII 0123456789abcdef, twice. */
const key = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
const otherKey = Buffer.alloc(32, 7).toString("base64");
const isOurHost = hostNames(["hub.example.test", "::1"]);

function opens(resource: string, deviceId = "dev-1"): boolean {
  const token = parseSasToken(makeSasToken(resource, key, 0));
  return token !== null && opensDevice(token, deviceId, undefined, isOurHost);
}

describe("the signature", () => {
  test.each([
    ["hub.example.test%2Fdevices%2Fdev-1", "83o2pgLPjfJrMfJIRUhra3DWd+XtLHkYBJK3ClQCU08="],
    ["0ne00000001/registrations/dev-1", "59HMIDGk2lsVDb6kTVHCfO/IragZncQAW5wMrfnKbz4="],
    ["0ne00000001%2Fregistrations%2Fdev-1", "vxaxWNj4Uiecmd2D4QQ3mqFkBOE5M0+qLACRmN7sq6U="],
  ])("of the known vector %s is right, in any order of the fields", (resource, signature) => {
    const fields = [`sr=${resource}`, `sig=${encodeURIComponent(signature)}`, "se=1893456000"];
    for (const order of [
      [0, 1, 2],
      [2, 1, 0],
      [1, 0, 2],
    ]) {
      const token = parseSasToken(`SharedAccessSignature ${order.map((index) => fields[index]).join("&")}`);
      expect(token && isSignedWith(token, [key])).toBe(true);
      expect(token && isSignedWith(token, [otherKey])).toBe(false);
      expect(token && isSignedWith(token, [otherKey, key])).toBe(true);
      expect(token?.expiresMs).toBe(1_893_456_000_000);
    }
  });

  test("made here is the known one", () => {
    expect(makeSasToken("hub.example.test/devices/dev-1", key, 1_893_456_000_000)).toBe(
      "SharedAccessSignature sr=hub.example.test%2Fdevices%2Fdev-1&sig=83o2pgLPjfJrMfJIRUhra3DWd%2BXtLHkYBJK3ClQCU08%3D&se=1893456000",
    );
  });

  test("covers resource and expiry: a change of either is found", () => {
    const text = makeSasToken("hub.example.test/devices/dev-1", key, 1_893_456_000_000);
    for (const forged of [text.replace("dev-1", "dev-2"), text.replace("se=1893456000", "se=1893456001")]) {
      const token = parseSasToken(forged);
      expect(token).not.toBeNull();
      expect(token && isSignedWith(token, [key])).toBe(false);
    }
  });

  test("that is empty or short opens nothing", () => {
    for (const signature of ["", "AAAA", "%00"]) {
      const token = parseSasToken(`SharedAccessSignature sr=a&sig=${signature}&se=1`);
      expect(token && isSignedWith(token, [key, otherKey])).toBe(false);
    }
  });
});

describe("a token", () => {
  test.each([
    "",
    "SharedAccessSignature",
    "SharedAccessSignature sr=a&sig=b",
    "SharedAccessSignature sr=a&se=1",
    "SharedAccessSignature sig=b&se=1",
    "SharedAccessSignature sr=a&sig=b&se=",
    "SharedAccessSignature sr=a&sig=b&se=-1",
    "SharedAccessSignature sr=a&sig=b&se=1e9",
    "SharedAccessSignature sr=a&sig=b&se=1234567890123",
    "SharedAccessSignature sr=%&sig=b&se=1",
    "SharedAccessSignature sr=a&sig=%zz&se=1",
    "SharedAccessSignature sr=a&sig=b&se=1&loose",
    "Bearer sr=a&sig=b&se=1",
    `SharedAccessSignature sr=${"a".repeat(5000)}&sig=b&se=1`,
  ])("that is malformed is none: %s", (text) => {
    expect(parseSasToken(text)).toBeNull();
  });

  test("names its policy, if any", () => {
    expect(parseSasToken(makeSasToken("h", key, 0))?.policy).toBeNull();
    expect(parseSasToken(makeSasToken("h", key, 0, "device"))?.policy).toBe("device");
  });

  test("of any text is parsed or refused, never thrown at us", () => {
    fc.assert(fc.property(fc.string(), (text) => void parseSasToken(`SharedAccessSignature ${text}`)));
  });
});

describe("a resource", () => {
  test.each([
    "hub.example.test/devices/dev-1",
    "hub.example.test/devices",
    "hub.example.test",
    "HUB.Example.Test/devices/dev-1",
    "hub.example.test:8883/devices/dev-1",
    "[::1]:8883/devices/dev-1",
  ])("%s opens dev-1", (resource) => {
    expect(opens(resource)).toBe(true);
  });

  test.each([
    "hub.example.test/devices/dev-2",
    "hub.example.test/devices/dev-1/modules/m",
    "hub.example.test/devices/dev-1/",
    "hub.example.test/devices/dev",
    "hub.example.test/Devices/dev-1",
    "hub.example.test/devices/DEV-1",
    "hub.example.test/device",
    "other.example.test/devices/dev-1",
    "xhub.example.test/devices/dev-1",
    "hub.example.test.evil/devices/dev-1",
    "",
    "/devices/dev-1",
  ])("%s does not", (resource) => {
    expect(opens(resource)).toBe(false);
  });

  test("opens a device whose id has characters that are encoded in it", () => {
    expect(opens("hub.example.test/devices/a%b#c", "a%b#c")).toBe(true);
    expect(opens("hub.example.test/devices/a%25b", "a%b")).toBe(false);
  });
});
