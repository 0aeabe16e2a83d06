import { readFileSync, readdirSync } from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, test } from "vitest";
import { fridge } from "../contract/stand.ts";
import { makeDirectory, openIn } from "./sqlite-stand.contract.ts";

describe("secrets", () => {
  test("A2: no secret stands in the clear in any file, while open and after", async () => {
    const directory = makeDirectory();
    const registry = await openIn(directory);
    const planted = (name: string): string => Buffer.from(`planted ${name}`.padEnd(32, "!")).toString("base64");
    await registry.createTemplate(fridge);
    const keys = { primaryKey: planted("primary"), secondaryKey: planted("secondary") };
    await registry.createDevice({ id: "a", templateId: "fridge", ...keys });
    await registry.setDeviceKeys("a", { primaryKey: planted("next") });
    await registry.createPolicy("p", { primaryKey: planted("policy"), secondaryKey: planted("policy 2") });
    await registry.createEnrollmentGroup({ name: "g", primaryKey: planted("group") });
    await registry.createEnrollment({ registrationId: "r", primaryKey: planted("enrollment") });
    await registry.createStorageAccount({
      name: "s",
      settings: { kind: "azure-blob", auth: "connection-string", endpoint: "" },
      secret: `AccountName=acct;AccountKey=${planted("storage")}`,
    });
    const secrets = ["primary", "secondary", "next", "policy", "policy 2", "storage", "group", "enrollment"].map(
      planted,
    );
    const { secret } = registry.installation;
    const search = (): void => {
      for (const name of readdirSync(directory)) {
        if (name === "secret.key") continue;
        const bytes = readFileSync(path.join(directory, name));
        for (const text of secrets) {
          expect(bytes.includes(text)).toBe(false);
          expect(bytes.includes(Buffer.from(text, "base64"))).toBe(false);
        }
        expect(bytes.includes(secret)).toBe(false);
      }
      // Control: the search does find what is there in the clear.
      const stored = Buffer.concat(readdirSync(directory).map((name) => readFileSync(path.join(directory, name))));
      expect(stored.includes("Refrigerated Vending Machine")).toBe(true);
    };
    search();
    await registry.close();
    search();
  });

  test("A2: a sealed secret copied into another row does not open", async () => {
    const directory = makeDirectory();
    const registry = await openIn(directory);
    await registry.createTemplate(fridge);
    await registry.createDevices([
      { id: "a", templateId: "fridge" },
      { id: "b", templateId: "fridge" },
    ]);
    await registry.close();
    const database = new DatabaseSync(path.join(directory, "registry.db"));
    database.exec("update devices set access_keys = (select access_keys from devices where id = 'a') where id = 'b'");
    database.close();
    const again = await openIn(directory);
    await again.deviceKeys("a");
    await expect(again.deviceKeys("b")).rejects.toMatchObject({ code: "secret-altered" });
    await expect(again.deviceCredentials("b")).rejects.toMatchObject({ code: "secret-altered" });
  });
});
