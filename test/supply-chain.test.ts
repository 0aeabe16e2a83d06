import { expect, test } from "vitest";
import { verdictOf } from "../tools/advisories.ts";
import { type Supply, productOf, supplyFaults } from "../tools/supply-chain.ts";

const integrity = "sha512-x";
const sound: Supply = {
  manifest: { name: "p", dependencies: { a: "1.0.0" }, devDependencies: { d: "2.0.0" }, allowScripts: { d: false } },
  lock: {
    packages: {
      "": {},
      "node_modules/a": { version: "1.0.0", integrity },
      "node_modules/a/node_modules/@s/b": { version: "1.2.3", integrity },
      "node_modules/d": { version: "2.0.0", integrity, dev: true, hasInstallScript: true },
    },
  },
  bill: {
    components: [
      { name: "a", version: "1.0.0", licenses: [{ license: { id: "MIT" } }] },
      { name: "@s/b", version: "1.2.3", licenses: [{ license: { id: "Apache-2.0" } }] },
    ],
  },
};
const withLocked = (path: string, more: object): Supply => {
  const packages = { ...sound.lock.packages, [path]: { ...sound.lock.packages[path], ...more } };
  return { ...sound, lock: { packages } };
};
const withLicence = (licenses: Supply["bill"]["components"][number]["licenses"]): Supply => {
  const [, b] = sound.bill.components;
  return {
    ...sound,
    bill: { components: [{ name: "a", version: "1.0.0", licenses: licenses ?? [] }, ...(b ? [b] : [])] },
  };
};
const withManifest = (more: object): Supply => ({ ...sound, manifest: { ...sound.manifest, ...more } });

test("a sound supply has no faults", () => expect(supplyFaults(sound)).toEqual([]));

test("a workspace is ours, and the link to it is none to anywhere else", () => {
  const packages = {
    ...sound.lock.packages,
    w: { version: "1.0.0" },
    "node_modules/the-w": { link: true, resolved: "w" },
  };
  const supply = { ...sound, lock: { packages } };
  expect(supplyFaults({ ...supply, manifest: { ...sound.manifest, workspaces: ["w"] } })).toEqual([]);
  // Control: what is no workspace is not let through.
  expect(supplyFaults(supply)).not.toEqual([]);
});

test.each([
  ["a package without integrity", withLocked("node_modules/a", { integrity: undefined }), /no sha512/],
  ["a weak hash", withLocked("node_modules/a", { integrity: "sha1-x" }), /no sha512/],
  ["a download address", withLocked("node_modules/d", { resolved: "https://x" }), /download address/],
  ["a git dependency", withLocked("node_modules/a", { version: "git+ssh://x" }), /no released version/],
  ["a link", withLocked("node_modules/a", { link: true }), /no released version/],
  ["a package that the bill lacks", withLocked("node_modules/c", { version: "1.0.0", integrity }), /not in its bill/],
  [
    "an install script that nobody decided on",
    withLocked("node_modules/a", { hasInstallScript: true }),
    /decide on it/,
  ],
  ["a decision without a script", withManifest({ allowScripts: { a: true, d: false } }), /has no install script/],
  ["a licence that nobody decided on", withLicence([{ license: { id: "GPL-3.0-only" } }]), /GPL-3.0-only/],
  ["an expression of licences", withLicence([{ expression: "MIT OR GPL-3.0" }]), /MIT OR GPL/],
  ["no licence", withLicence([]), /names no licence/],
  [
    "a range of versions in a workspace",
    {
      ...withLocked("w", { version: "1.0.0", dependencies: { a: "^1.0.0" } }),
      manifest: { ...sound.manifest, workspaces: ["w"] },
    },
    /a: \^1.0.0 in package.json is not one exact version/,
  ],
  ["a range of versions", withManifest({ dependencies: { a: "^1.0.0" } }), /not one exact version/],
])("%s is a fault", (_, supply, fault) => {
  expect(supplyFaults(supply)).toContainEqual(expect.stringMatching(fault));
});

test("advisories fail when grave, pass when none, and cannot run without an answer", () => {
  const audit = (severity: string): string => JSON.stringify({ vulnerabilities: { a: { severity, range: "<2" } } });
  expect(verdictOf(JSON.stringify({ vulnerabilities: {} })).code).toBe(0);
  expect(verdictOf(audit("moderate")).code).toBe(0);
  for (const severity of ["high", "critical"]) expect(verdictOf(audit(severity)).code).toBe(1);
  for (const text of ["", "<html>", '{"message":"405 Method Not Allowed"}', '{"error":{"summary":"x"}}']) {
    expect(verdictOf(text).code).toBe(3);
  }
});

test("the bill holds what the product installs, also where the development needs it too", () => {
  const of = (name: string, version: string) => ({ name, version, "bom-ref": `${name}@${version}` });
  const bill = {
    metadata: { component: { name: "p", "bom-ref": "p@1" } },
    components: [of("a", "1.0.0"), of("@s/b", "1.2.3"), of("d", "2.0.0"), of("a", "0.9.0")],
    dependencies: [{ ref: "p@1", dependsOn: ["a@1.0.0", "d@2.0.0"] }, { ref: "d@2.0.0" }, { ref: "@s/b@1.2.3" }],
  };
  const { components, dependencies } = productOf(bill, sound.lock);
  expect(components.map(({ name, version }) => `${name}@${version}`)).toEqual(["a@1.0.0", "@s/b@1.2.3"]);
  expect(dependencies).toEqual([
    { ref: "p@1", dependsOn: ["a@1.0.0"] },
    { ref: "@s/b@1.2.3", dependsOn: [] },
  ]);
});
