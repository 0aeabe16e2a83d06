import { describe, expect, test } from "vitest";
import { codes, frameHeadBytes, performative, readPerformative } from "./performatives.ts";
import { type SaslInit, mechanismsFrame, readInit } from "./sasl.ts";
import { type AmqpValue, encode, textOf } from "./values.ts";

const init = (mechanism: string, response: Buffer | null = null, hasCertificate = false): SaslInit => {
  const fields = [encode.symbol(mechanism), response === null ? null : encode.binary(response)];
  const bytes = performative(codes.saslInit, fields);
  return readInit(readPerformative(bytes, 0, bytes.length).fields, hasCertificate);
};
const offered = (hasCertificate: boolean): unknown => {
  const frame = mechanismsFrame(hasCertificate);
  const { fields } = readPerformative(frame, frameHeadBytes, frame.length);
  return (fields.at(0) as readonly AmqpValue[]).map(textOf);
};

describe("A client signs in", () => {
  test("later, by a token or by its certificate: ANONYMOUS, and MSSBCBS of Azure's SDK for C", () => {
    for (const mechanism of ["ANONYMOUS", "MSSBCBS"]) {
      expect(offered(false)).toContain(mechanism);
      expect(init(mechanism)).toEqual({ kind: "open" });
    }
    expect(init("MSSBCBS", Buffer.alloc(0))).toEqual({ kind: "open" });
  });

  test("by the certificate that it has shown, and only then", () => {
    expect(offered(true)).toContain("EXTERNAL");
    expect(offered(false)).not.toContain("EXTERNAL");
    expect(init("EXTERNAL", null, true)).toEqual({ kind: "open" });
    expect(init("EXTERNAL")).toEqual({ kind: "refused" });
  });

  test("by a token in SASL PLAIN, for a device, a module or a policy, and as nothing else", () => {
    const plain = (user: string): SaslInit => init("PLAIN", Buffer.from(`\0${user}\0token`));
    expect(plain("d@sas.hub")).toEqual({
      kind: "token",
      owner: { deviceId: "d", moduleId: undefined },
      token: "token",
    });
    expect(plain("d/m@sas.hub")).toEqual({ kind: "token", owner: { deviceId: "d", moduleId: "m" }, token: "token" });
    expect(plain("device@sas.root.hub")).toEqual({ kind: "token", owner: "hub", token: "token" });
    for (const user of ["", "d", "@sas.hub", "/m@sas.hub", "d/@sas.hub", "d/m/x@sas.hub"])
      expect(plain(user)).toEqual({ kind: "refused" });
    expect(init("PLAIN")).toEqual({ kind: "refused" });
    expect(init("SCRAM-SHA-256", Buffer.from("n,,"))).toEqual({ kind: "refused" });
  });
});
