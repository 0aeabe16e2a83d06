// `npm run build:page`: builds web/dist from web/, when it is stale. `npm start` runs it first.
//
// Stale: the hash of everything that the page is made of, the lock file included, is not the one that the last build noted.
// Built beside and then moved, so that a server or a second build never sees half a page. With --before-start a build that
// fails is only told: devices must be served also when the page cannot be.

import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, globSync, readFileSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { scriptArguments } from "../test/lib/script-arguments.ts";

const root = join(import.meta.dirname, "..");
export const pageDirectory = join(root, "web/dist");
const stampPath = join(pageDirectory, "stamp");

/** Hash of what the page is made of. */
export function pageStamp(): string {
  const paths = globSync(["web/*.{json,ts,html}", "web/{src,public}/**", "package-lock.json", "tools/build-page.ts"], {
    cwd: root,
  });
  const hash = createHash("sha256");
  for (const path of paths.toSorted()) {
    const from = join(root, path);
    if (statSync(from).isFile()) hash.update(`${path}\0`).update(readFileSync(from)).update("\0");
  }
  return hash.digest("hex");
}

/** Whether web/dist is what the sources say. */
export function isPageFresh(stamp = pageStamp()): boolean {
  return existsSync(stampPath) && readFileSync(stampPath, "utf8") === stamp;
}

/** Builds. @returns what was wrong, in Vite's words, or null. */
export async function buildPage(): Promise<string | null> {
  const stamp = pageStamp();
  const vite = join(root, "node_modules/vite/bin/vite.js");
  if (!existsSync(vite) || !existsSync(join(root, "node_modules/react"))) {
    return "what builds it is not installed (it is left out by `npm ci --omit=dev`). Run: npm ci";
  }
  const made = `${pageDirectory}-${process.pid}`;
  const failure = await run(vite, ["build", "web", "--outDir", made, "--emptyOutDir", "--logLevel", "warn"]);
  if (failure !== null) {
    rmSync(made, { recursive: true, force: true });
    return failure;
  }
  compress(made);
  writeFileSync(join(made, "stamp"), stamp);
  const former = `${made}-former`;
  if (existsSync(pageDirectory)) renameSync(pageDirectory, former);
  renameSync(made, pageDirectory);
  rmSync(former, { recursive: true, force: true });
  return null;
}

async function run(script: string, parameters: readonly string[]): Promise<string | null> {
  const child = spawn(process.execPath, [script, ...parameters], {
    cwd: root,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, NODE_ENV: "production", FORCE_COLOR: "0" },
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }
  const code = await new Promise((resolve, reject) => child.once("error", reject).once("close", resolve));
  return code === 0 ? null : output.trim();
}

/** Once here instead of at each answer. */
function compress(directory: string): void {
  const quality = { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } };
  for (const path of [join(directory, "index.html"), ...filesOf(join(directory, "assets"))]) {
    if (!/\.(?:html|js|css|svg)$/.test(path)) continue;
    const content = readFileSync(path);
    writeFileSync(`${path}.br`, brotliCompressSync(content, quality));
    writeFileSync(`${path}.gz`, gzipSync(content));
  }
}

const filesOf = (directory: string): readonly string[] => readdirSync(directory).map((name) => join(directory, name));

if (import.meta.main) {
  const { values } = scriptArguments(
    `npm run build:page [-- --force]

Builds the web page into web/dist, when its sources are newer. npm start does so by itself.

  --force         also when nothing has changed
  --before-start  says nothing when nothing has changed, and does not fail when the page cannot be built

Exit codes: 0 built or up to date, 1 it could not be built, 2 not understood.`,
    { force: { type: "boolean" }, "before-start": { type: "boolean" } },
  );
  const isBeforeStart = values["before-start"] === true;
  if (values.force !== true && isPageFresh()) {
    if (!isBeforeStart) console.log("The web page is up to date.");
  } else {
    const startMs = performance.now();
    console.log("Building the web page, once after each change of its sources …");
    const failure = await buildPage();
    const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
    if (failure === null) console.log(`The web page is built, in ${seconds} s.`);
    else {
      console.error(`The web page could not be built: ${failure}`);
      if (isBeforeStart) console.error("The server starts all the same: devices and the command line need no page.");
      else process.exitCode = 1;
    }
  }
}
