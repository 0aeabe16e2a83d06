// `node tools/supply-chain.ts`, a step of `npm run verify`: what the product is made of, and whether we may ship it.
//
// Writes the software bill of materials of everything that is installed with `npm ci --omit=dev` (CycloneDX, made by npm from
// the lock file, without a network) to test-results/sbom.cdx.json, and checks it and the lock file.

import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

interface LockedPackage {
  readonly version?: string;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly link?: boolean;
  readonly dev?: boolean;
  readonly hasInstallScript?: boolean;
  /** Of a workspace. */
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

export interface Supply {
  readonly manifest: {
    readonly name: string;
    readonly dependencies?: Readonly<Record<string, string>>;
    readonly devDependencies?: Readonly<Record<string, string>>;
    readonly workspaces?: readonly string[];
    readonly allowScripts?: Readonly<Record<string, boolean>>;
  };
  readonly lock: { readonly packages: Readonly<Record<string, LockedPackage>> };
  readonly bill: {
    readonly components: readonly {
      readonly name: string;
      readonly version: string;
      readonly licenses?: readonly {
        readonly license?: { readonly id?: string; readonly name?: string };
        readonly expression?: string;
      }[];
    }[];
  };
}

interface Bill {
  readonly metadata: { readonly component: { name: string; readonly "bom-ref": string } };
  readonly components: readonly (Supply["bill"]["components"][number] & { readonly "bom-ref": string })[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn?: readonly string[] }[];
}

/** Licences that ask for no more than their text beside the product, or for nothing. Another one is a decision of a person. */
const licences = new Set([
  "MIT",
  "ISC",
  "0BSD",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "Apache-2.0",
  "BlueOak-1.0.0",
  "Unlicense",
]);

/** What is wrong, one sentence each. */
export function supplyFaults({ manifest, lock, bill }: Supply): readonly string[] {
  const faults: string[] = [];
  const known = new Map(bill.components.map((one) => [`${one.name}@${one.version}`, one]));
  const scripts = new Set<string>();
  const workspaces = manifest.workspaces ?? [];
  for (const [path, locked] of Object.entries(lock.packages)) {
    if (path === "") continue;
    const name = nameOf(path);
    // A workspace of ours, and the link to it.
    if (workspaces.includes(locked.link === true ? (locked.resolved ?? "") : path)) continue;
    if (locked.link === true || !/^\d+\.\d+\.\d+/.test(locked.version ?? "")) {
      faults.push(`${path}: is no released version of a registry.`);
    }
    if (locked.integrity?.startsWith("sha512-") !== true) faults.push(`${path}: has no sha512 in package-lock.json.`);
    if (locked.resolved !== undefined) faults.push(`${path}: has a download address in package-lock.json (.npmrc).`);
    if (locked.hasInstallScript === true) scripts.add(name);
    if (locked.dev === true) continue;
    const component = known.get(`${name}@${locked.version}`);
    if (component === undefined)
      faults.push(`${path}: is installed with the product and not in its bill of materials.`);
  }
  for (const { name, version, licenses = [] } of bill.components) {
    const given = licenses.map(({ license, expression }) => license?.id ?? license?.name ?? expression ?? "none");
    if (given.length === 0) faults.push(`${name}@${version}: names no licence.`);
    for (const licence of given) {
      if (!licences.has(licence))
        faults.push(`${name}@${version}: has the licence ${licence}, which nobody decided on.`);
    }
  }
  const decided = Object.keys(manifest.allowScripts ?? {});
  for (const name of scripts) {
    if (!decided.includes(name))
      faults.push(`${name}: has an install script; decide on it under allowScripts in package.json.`);
  }
  for (const name of decided) {
    if (!scripts.has(name))
      faults.push(`${name}: stands under allowScripts in package.json and has no install script.`);
  }
  for (const { dependencies, devDependencies } of [manifest, ...workspaces.map((path) => lock.packages[path] ?? {})]) {
    for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies })) {
      if (!/^\d+\.\d+\.\d+$/.test(version))
        faults.push(`${name}: ${version} in package.json is not one exact version.`);
    }
  }
  return faults;
}

/** The bill without what only the development needs. npm's own `--omit dev` leaves out what both need. */
export function productOf<B extends Bill>(bill: B, lock: Supply["lock"]): B {
  const ours = new Set(
    Object.entries(lock.packages)
      .filter(([path, { dev }]) => path !== "" && dev !== true)
      .map(([path, { version }]) => `${nameOf(path)}@${version}`),
  );
  const components = bill.components.filter(({ name, version }) => ours.has(`${name}@${version}`));
  const kept = new Set([bill.metadata.component["bom-ref"], ...components.map((one) => one["bom-ref"])]);
  const dependencies = bill.dependencies
    .filter(({ ref }) => kept.has(ref))
    .map(({ ref, dependsOn = [] }) => ({ ref, dependsOn: dependsOn.filter((one) => kept.has(one)) }));
  return { ...bill, components, dependencies };
}

/** `@s/b` of `node_modules/a/node_modules/@s/b`. */
function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length);
}

if (import.meta.main) {
  const root = join(import.meta.dirname, "..");
  const read = (name: string): unknown => JSON.parse(readFileSync(join(root, name), "utf8"));
  const flags = ["sbom", "--sbom-format", "cyclonedx", "--package-lock-only", "--offline"];
  const made = spawnSync("npm", flags, { cwd: root, encoding: "utf8", maxBuffer: 64 * 1024 * 1024 });
  if (made.status !== 0) {
    console.log(`npm sbom failed: ${made.error?.message ?? made.stderr}`);
    process.exitCode = 1;
  } else {
    const manifest = read("package.json") as Supply["manifest"];
    const lock = read("package-lock.json") as Supply["lock"];
    const bill = productOf(JSON.parse(made.stdout) as Bill, lock);
    bill.metadata.component.name = manifest.name; // npm takes the folder's name
    mkdirSync(join(root, "test-results"), { recursive: true });
    writeFileSync(join(root, "test-results/sbom.cdx.json"), `${JSON.stringify(bill, null, 2)}\n`);
    const faults = supplyFaults({ manifest, lock, bill });
    for (const fault of faults) console.log(fault);
    console.log(`${bill.components.length} packages in test-results/sbom.cdx.json, ${faults.length} faults`);
    process.exitCode = faults.length === 0 ? 0 : 1;
  }
}
