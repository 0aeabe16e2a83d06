// The rules about who may use what, as a pure check over source texts. test/tidy.test.ts runs it on the repository.
//
// Owns:      the import table of the rooms, the list of outside packages with their places, the rules about the
//            environment, time and chance, cycles, dead files, paths named in ARCHITECTURE.md.
// Does not:  read files (the caller does); look at test files, which may use everything.
//
// Every fault says which file breaks which rule, and why the rule is there.

import { posix } from "node:path";

/** Text of each TypeScript file by its path from the root, `/`-separated. */
export type Sources = ReadonlyMap<string, string>;

const rooms = [
  "lib",
  "message",
  "avro",
  "config",
  "tls",
  "registry",
  "journal",
  "destinations",
  "twins",
  "ingest",
  "export",
  "simulator",
  "live",
  "backup",
  "admin",
  "server",
  "cli",
  "main",
] as const;
type Room = (typeof rooms)[number];

const allButFronts = rooms.filter((room) => room !== "server" && room !== "cli" && room !== "main");

/** What a room may import besides itself and lib. */
export const mayImport: Readonly<Record<Room, readonly Room[]>> = {
  lib: [],
  message: [],
  avro: [],
  config: [],
  tls: [],
  registry: [],
  journal: [],
  destinations: [],
  twins: ["registry"],
  ingest: ["message", "registry", "journal", "twins"],
  export: ["message", "avro", "registry", "journal", "destinations"],
  simulator: ["message", "registry", "ingest"],
  live: ["message", "ingest", "journal"],
  backup: ["registry", "journal", "export"],
  admin: ["registry", "twins", "ingest", "journal", "export", "destinations", "avro", "simulator", "live"],
  server: allButFronts,
  cli: [...allButFronts, "server"],
  main: rooms,
};

/** Where an outside package may be imported: paths start with one of these. A package that is not here is not expected. */
const packagePlaces: readonly (readonly [RegExp, readonly string[]])[] = [
  [/^avsc$/, ["src/avro/"]],
  [/^(@peculiar\/x509|reflect-metadata)$/, ["src/tls/"]],
  [/^kysely$/, ["src/registry/sqlite/"]],
  [/^@azure\//, ["src/destinations/azure-blob/"]],
  [/^mqtt-packet$/, ["src/ingest/mqtt/"]],
  [/^(fastify|@fastify\/.+|typebox)$/, ["src/admin/"]],
  [/^csv-parse$/, ["src/admin/"]],
  [/^(pino|prom-client)$/, ["src/server.ts", "src/server/", "src/cli/"]],
];

const outward = "so that a change of one room cannot reach rooms that do not know of it (ARCHITECTURE.md, the rooms)";

/** Rooms whose time comes from a Clock and whose chance from a seed. Tokens, TLS and sessions keep real time. */
const clockedRooms: readonly Room[] = ["message", "avro", "registry", "journal", "twins", "export", "simulator"];
const realTime = /\b(?:Date\.now|Math\.random)\b|\bnew Date\(\s*\)/;
/** Rooms that wait for windows: their timers must run at the Clock's pace, too. */
const pacedRooms: readonly Room[] = ["journal", "export"];
const realTimer = /\bset(?:Timeout|Interval)\(|["'](?:node:)?timers(?:\/promises)?["']/;

const comparison = /(typeof\s+)?([\w.]+(?:\([^()\n]*\))?)\s*[!=]==?\s*(typeof\s+)?([\w.]+(?:\([^()\n]*\))?|["'`])/g;
const literal = /^(?:null|undefined|true|false|\d+|["'`])$/;
/** The last word of `options.adminToken` or of `printKeyPair(keys)`. */
const secretName =
  /(?:secret|token|signature|password|digest|hmac|keypair|(?:access|account|primary|secondary|shared)key)(?:\(.*\))?$/i;

/** Faults in `sources`; empty when all is tidy. Dead files are looked for only when `entries` are given. */
export function checkSources(sources: Sources, entries: readonly string[] = []): readonly string[] {
  const faults: string[] = [];
  const graph = new Map<string, readonly string[]>();
  for (const [path, text] of sources) {
    const code = withoutComments(text);
    const specifiers = importsOf(code);
    const files = specifiers
      .filter((name) => name.startsWith("."))
      .map((name) => posix.join(posix.dirname(path), name));
    graph.set(path, files);
    if (!path.startsWith("src/") || isTest(path)) continue;
    faults.push(...checkRoom(path, files), ...checkPackages(path, specifiers), ...checkWorld(path, code));
  }
  const product = new Map([...graph].filter(([path]) => path.startsWith("src/") && !isTest(path)));
  for (const cycle of cyclesOf(product)) {
    faults.push(`${cycle.join(" → ")}: a cycle of imports. Files that need each other cannot be read or tested alone.`);
  }
  if (entries.length > 0) {
    const live = reachable(graph, [...entries, ...[...graph.keys()].filter(isTest)]);
    for (const path of product.keys()) {
      if (!live.has(path)) faults.push(`${path}: nothing leads here from ${entries.join(", ")} or a test. Delete it.`);
    }
  }
  return faults;
}

/** Paths in backticks in a document that do not exist, from the root or from src/. */
export function checkPaths(document: string, text: string, exists: (path: string) => boolean): readonly string[] {
  const faults: string[] = [];
  for (const [, name = ""] of text.replace(/^```[\s\S]*?^```/gm, "").matchAll(/`([^`\s]+)`/g)) {
    if (!/^[\w.@-]+(\/[\w.@-]+)*\/?$/.test(name)) continue;
    const head = name.split("/")[0] ?? "";
    const isFile = /\.(ts|tsx|md|json|sh|avsc|txt)$/.test(name) && name.includes("/");
    const isFolder = name.includes("/") && (exists(head) || exists(`src/${head}`));
    if ((isFile || isFolder) && !exists(name) && !exists(`src/${name}`)) {
      faults.push(`${document}: names \`${name}\`, which does not exist. A map that is wrong is worse than none.`);
    }
  }
  return faults;
}

function isTest(path: string): boolean {
  return path.startsWith("test/") || /\.(test|contract|simulated)\.ts$/.test(path);
}

/** `src/export/window.ts` is in `export`, `src/server.ts` in `server`. */
function roomOf(path: string): Room | null {
  const name = path.split("/")[1]?.replace(/\.ts$/, "");
  return rooms.find((room) => room === name) ?? null;
}

function checkRoom(path: string, files: readonly string[]): readonly string[] {
  const room = roomOf(path);
  if (room === null) return [`${path}: is in no room of the import table. Rooms are named in test/lib/tidy.ts.`];
  const allowed: readonly Room[] = ["lib", room, ...mayImport[room]];
  return files.flatMap((file) => {
    if (!file.startsWith("src/")) return [`${path}: imports ${file}. The product imports nothing from outside src/.`];
    const other = roomOf(file);
    if (isTest(file)) return [`${path}: imports ${file}. The product imports no test.`];
    if (other !== null && allowed.includes(other)) return [];
    return [`${path}: imports ${file}. ${room} may import only ${allowed.join(", ")}, ${outward}.`];
  });
}

function checkPackages(path: string, specifiers: readonly string[]): readonly string[] {
  return specifiers.flatMap((specifier) => {
    if (specifier.startsWith(".") || specifier.startsWith("node:")) return [];
    const name = specifier
      .split("/")
      .slice(0, specifier.startsWith("@") ? 2 : 1)
      .join("/");
    const places = packagePlaces.find(([pattern]) => pattern.test(name))?.[1];
    if (places === undefined) {
      return [
        `${path}: imports ${name}, which has no place in test/lib/tidy.ts. Add it as you would hire: say where it may be used.`,
      ];
    }
    if (places.some((place) => path.startsWith(place))) return [];
    return [`${path}: imports ${name}, allowed only in ${places.join(", ")}, so that it can be replaced there.`];
  });
}

/** Environment, time, chance. */
function checkWorld(path: string, code: string): readonly string[] {
  const faults: string[] = [];
  const room = roomOf(path);
  if (/\bprocess\.(?:env|argv)\b/.test(code) && room !== "config" && room !== "cli" && room !== "main") {
    faults.push(
      `${path}: reads process.env or process.argv. Only config/ does (main.ts and cli/ pass it on): rooms get options, so that each option is in one table and its errors name it.`,
    );
  }
  if (room !== null && clockedRooms.includes(room) && realTime.test(code)) {
    faults.push(
      `${path}: uses ${realTime.exec(code)?.[0]}. ${room} gets a Clock (lib/clock.ts) or a seed: tests run an hour of windows in seconds and must be repeatable.`,
    );
  }
  for (const [text, typeOfLeft, left = "", typeOfRight, right = ""] of code.matchAll(comparison)) {
    // Whether there is one, or of which type, is no secret.
    if (typeOfLeft !== undefined || typeOfRight !== undefined || literal.test(left) || literal.test(right)) continue;
    if (!secretName.test(left) && !secretName.test(right)) continue;
    faults.push(
      `${path}: compares a secret with an operator (${text}), which takes longer the more of it is right. Use isSameSecret (lib/secret-equality.ts).`,
    );
  }
  if (room !== null && pacedRooms.includes(room) && realTimer.test(code)) {
    faults.push(
      `${path}: uses a timer of real time. ${room} waits with Clock.timer or sleep (lib/clock.ts), at the window clock's pace.`,
    );
  }
  return faults;
}

/** Drops comments, so that an example in one is no import. Texts are kept, or a `//` in one would look like a comment. */
export function withoutComments(text: string): string {
  return text.replace(
    /("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`)|\/\/[^\n]*|\/\*[\s\S]*?\*\//g,
    (_, kept: string | undefined) => kept ?? " ",
  );
}

/** Module names after `from`, in `import("…")` and in `import "…"`. */
export function importsOf(code: string): readonly string[] {
  // A statement starts a line or follows another; the word "from" in a text does not.
  const statements =
    /(?<=^|;)\s*(?:import|export)\b[^;"'`]*?\bfrom\s*["']([^"'\n]+)["']|(?<=^|;)\s*import\s*["']([^"'\n]+)["']/gm;
  const calls = /\bimport\s*\(\s*["']([^"'\n]+)["']/g;
  const names = [...code.matchAll(statements), ...code.matchAll(calls)].map(([, name, bare]) => name ?? bare ?? "");
  return [...new Set(names)];
}

function reachable(graph: ReadonlyMap<string, readonly string[]>, starts: readonly string[]): ReadonlySet<string> {
  const seen = new Set<string>();
  const open = [...starts];
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    if (seen.has(path)) continue;
    seen.add(path);
    open.push(...(graph.get(path) ?? []));
  }
  return seen;
}

/** Each cycle once, as the files on it, the first repeated at the end. */
function cyclesOf(graph: ReadonlyMap<string, readonly string[]>): readonly (readonly string[])[] {
  const cycles: string[][] = [];
  const done = new Set<string>();
  const trail: string[] = [];
  const visit = (path: string): void => {
    const at = trail.indexOf(path);
    if (at >= 0) cycles.push([...trail.slice(at), path]);
    if (at >= 0 || done.has(path)) return;
    trail.push(path);
    for (const next of graph.get(path) ?? []) if (graph.has(next)) visit(next);
    trail.pop();
    done.add(path);
  };
  for (const path of graph.keys()) visit(path);
  return cycles;
}
