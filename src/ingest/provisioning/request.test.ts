import { describe, expect, test } from "vitest";
import { readRegistrationRequest } from "./request.ts";

const model = "dtmi:com:example:Pump;1";
const read = (body: unknown) =>
  readRegistrationRequest(Buffer.from(typeof body === "string" ? body : JSON.stringify(body)), "dev-1");

describe("A registration's body", () => {
  test.each([
    ["of today", { registrationId: "dev-1", payload: { modelId: model } }],
    ["of before July 2020", { registrationId: "dev-1", payload: { iotcModelId: model } }],
    ["of the first models", { payload: { "__iot:interfaces": { CapabilityModelId: model } } }],
    ["with more", { registrationId: "dev-1", tpm: {}, payload: { modelId: model, other: [1] } }],
  ])("names the model: %s", (_what, body) => {
    expect(read(body)).toEqual({ modelId: model });
  });

  test.each([
    [""],
    [" "],
    ["{}"],
    [{ payload: null }],
    [{ payload: "x" }],
    [{ payload: {} }],
    [{ payload: { modelId: "" } }],
  ])("names none: %j", (body) => {
    expect(read(body)).toEqual({ modelId: undefined });
  });

  test.each([
    ["{", "The body is not JSON."],
    ["[]", "The body is not a JSON object."],
    ["null", "The body is not a JSON object."],
    [{ registrationId: "dev-2" }, "The body names another registrationId."],
    [{ registrationId: 1 }, "The body names another registrationId."],
    [{ payload: { modelId: 7 } }, "The payload's modelId is not text of at most 256 characters."],
    [{ payload: { modelId: "x".repeat(257) } }, "The payload's modelId is not text of at most 256 characters."],
    ['{"payload":{"modelId":"\\ud800"}}', "The payload's modelId is not text of at most 256 characters."],
    [{ payload: { modelId: "a\nb" } }, "The payload's modelId has control characters."],
  ])("is refused: %j", (body, sentence) => {
    expect(read(body)).toBe(sentence);
  });

  test("that is not UTF-8 is refused", () => {
    expect(readRegistrationRequest(Buffer.from([0x7b, 0xff]), "dev-1")).toBe("The body is not UTF-8.");
  });
});
