import { expect, test } from "vitest";
import { derivedKey } from "./derived-key.ts";

test("a device's key out of its group's is the one that Azure documents", () => {
  const groupKey = "8isrFI1sGsIlvvFSSFRiMfCNzv21fjbE/+ah/lSh3lF8e2YG1Te7w1KpZhJFFXJrqYKi9yegxkqIChbqOS9Egw==";
  const key = derivedKey(groupKey, "sn-007-888-abc-mac-a1-b2-c3-d4-e5-f6");
  expect(key).toBe("Jsm0lyGpjaVYVP2g3FnmnmG9dI/9qU24wNoykUmermc=");
});
