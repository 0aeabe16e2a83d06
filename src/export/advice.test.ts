import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { adviceOf } from "./advice.ts";
import { type ExportTrouble, exportStates } from "./export.ts";

const trouble = (code: string, message = "cannot write a file: it did not work"): ExportTrouble => ({
  code,
  message,
  hint: "Mend it.",
  since: "2026-01-02T03:04:05.000Z",
  nextAttempt: null,
  attempts: 1,
  path: null,
});
const stopped = (code: string, message?: string) => adviceOf({ state: "stopped", trouble: trouble(code, message) });

/** The sources that give troubles their codes. */
const root = join(import.meta.dirname, "..");
const sources = globSync(["destinations/**/*.ts", "export/*.ts", "journal/errors.ts"], { cwd: root })
  .filter((path) => !/\.(test|contract|simulated)\.ts$/.test(path) && path !== "export/advice.ts")
  .map((path) => readFileSync(join(root, path), "utf8"))
  .join("\n");
const table =
  readFileSync(join(root, "export/advice.ts"), "utf8").split("const adviceOfCode")[1]?.split("\n};")[0] ?? "";
const codes = Array.from(table.matchAll(/^ {2}"?([A-Za-z][A-Za-z-]+)"?:/gm), ([, code = ""]) => code);

test("every state has words of its own, and says what to do unless there is nothing to do", () => {
  const told = exportStates.map((state) => adviceOf({ state, trouble: null }));
  expect(new Set(told.map(({ happened }) => happened)).size).toBeGreaterThanOrEqual(exportStates.length - 1);
  for (const [at, { happened, toDo }] of told.entries()) {
    expect(happened).toMatch(/^[A-Z].*[.]$/);
    if (exportStates[at] !== "healthy") expect(toDo).toMatch(/^[A-Z].*[.]$/);
  }
});

test("every code in the table is one that a store or the exporter gives, and reads as sentences", () => {
  expect(codes.length).toBeGreaterThan(50);
  expect(codes.filter((code) => code !== "sas-expired" && !sources.includes(code))).toEqual([]);
  for (const code of codes) {
    const { happened, toDo } = stopped(code);
    expect(happened).toMatch(/^[A-Z].*\. Nothing is lost meanwhile: .*\.$/);
    expect(toDo).toMatch(/^[A-Z].*\.$/);
    expect(toDo).not.toBe("Mend it.");
    expect(toDo?.split(/[.;:] /).length).toBeLessThanOrEqual(4);
  }
});

test.each([
  ["AuthenticationFailed", /key, SAS or identity/, /Replace credentials/],
  ["ContainerNotFound", /container is gone/, /Create it again/],
  ["AuthorizationFailure", /firewall/, /Networking/],
  ["AuthorizationPermissionMismatch", /does not allow/, /Storage Blob Data Contributor/],
  ["foreign-object", /did not write/, /Move that file away/],
  ["LeaseIdMissing", /lease/i, /Break the lease/],
  ["BlobImmutableDueToPolicy", /immutability/, /lift the policy/],
  ["ENOSPC", /disk of the folder is full/, /Free space/],
  ["endpoint-forbidden", /may not connect/, /--storage-networks/],
  ["container-not-found", /folder is not there/, /Mount the disk/],
  ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", /certificate/, /NODE_EXTRA_CA_CERTS/],
])("%s is told in plain words", (code, happened, toDo) => {
  expect(stopped(code)).toEqual({ happened: expect.stringMatching(happened), toDo: expect.stringMatching(toDo) });
});

test("a SAS that ended is told apart from a wrong key", () => {
  const message =
    "cannot commit x: the account does not accept the credential: the shared access signature expired at 2026-01-02";
  expect(stopped("AuthenticationFailed", message).happened).toMatch(/^The SAS of the storage account has expired\./);
});

test("a code that nobody foresaw has the trouble's own words", () => {
  expect(stopped("Whatever")).toEqual({
    happened: expect.stringMatching(/^Cannot write a file: it did not work\. Nothing is lost/),
    toDo: "Mend it.",
  });
});
