// The rules about who may use what in the page, web/src, as a pure check over source texts (as tidy.ts for the server).
//
// Owns:      the import table of the page's folders, its outside packages, what no file of it may do.
// Does not:  read files; look for dead ones (knip does).

import { posix } from "node:path";
import { type Sources, importsOf, withoutComments } from "./tidy.ts";

/** What a folder may import besides itself. */
const foundation = ["api", "live", "parts", "session"] as const;
const mayImport: Readonly<Record<string, readonly string[]>> = {
  api: [],
  live: ["api"],
  parts: ["api", "live"],
  session: ["api", "live", "parts"],
  dashboard: [...foundation, "exports", "devices"],
  devices: [...foundation, "templates", "registrations"],
  registrations: [...foundation, "templates"],
  provisioning: [...foundation, "templates"],
  templates: foundation,
  exports: [...foundation, "storage"],
  storage: [...foundation, "exports"],
  policies: foundation,
  users: foundation,
  tokens: foundation,
  audit: foundation,
  account: foundation,
  app: [...foundation],
};

/** What may be imported from npm, and where; everywhere when there is no place. */
const packages: readonly (readonly [RegExp, readonly string[] | null])[] = [
  [/^react$/, null],
  [/^@fluentui\/react-(?:components|icons)$/, null],
  [/^@tanstack\/react-(?:query|router)$/, null],
  [/^react-dom$/, ["web/src/main.tsx", "web/src/parts/unsaved-guard.tsx"]],
  [/^openapi-fetch$/, ["web/src/api/"]],
  [/^uplot$/, ["web/src/parts/chart-canvas.tsx"]],
];

/** What would open the page to what devices send, or past the client that checks and types every call. */
const forbidden: readonly (readonly [RegExp, readonly string[], string])[] = [
  [
    /\bdangerouslySetInnerHTML\b|\.(?:inner|outer)HTML\b|\binsertAdjacentHTML\b/,
    [],
    "text from devices must never become markup",
  ],
  [/\beval\(|\bnew Function\(/, [], "the Content-Security-Policy forbids it"],
  [
    /\bfetch\(/,
    ["web/src/api/"],
    "calls go through api/client.ts: typed, with the session's token, and the connection watched",
  ],
  [/\bnew EventSource\(/, ["web/src/live/"], "streams go through live/event-stream.ts, which bounds and mends them"],
  [
    /\b(?:local|session)Storage\b|\bdocument\.cookie\b/,
    ["web/src/app/theme.ts"],
    "nothing of the hub is kept in the browser",
  ],
];

/** Faults in the sources of the page; empty when all is tidy. */
export function checkPage(sources: Sources): readonly string[] {
  const faults: string[] = [];
  const keys = new Map<string, string>();
  for (const [path, text] of sources) {
    if (!/^web\/src\/.*\.tsx?$/.test(path) || path.endsWith(".d.ts")) continue;
    const code = withoutComments(text);
    const folder = folderOf(path);
    for (const specifier of importsOf(code)) {
      if (specifier.startsWith("."))
        faults.push(...checkFile(path, folder, posix.join(posix.dirname(path), specifier)));
      else faults.push(...checkPackage(path, specifier));
    }
    for (const [pattern, places, why] of forbidden) {
      const found = pattern.exec(code)?.[0];
      if (found !== undefined && !places.some((place) => path.startsWith(place)))
        faults.push(`${path}: uses ${found}: ${why}.`);
    }
    for (const [, key = ""] of code.matchAll(/queryKey: (\[[^\]]*\])(?!\s*\})/g)) {
      const other = keys.get(key);
      if (other === undefined) keys.set(key, path);
      else
        faults.push(
          `${path}: defines the query ${key}, as does ${other}: the cache would hold one's answer for the other. Share it by web/src/api/queries.ts.`,
        );
    }
  }
  return faults;
}

/** `web/src/devices/x.tsx` is in `devices`; `web/src/main.tsx` in none. */
function folderOf(path: string): string | null {
  const parts = path.split("/");
  return parts.length > 3 ? (parts[2] ?? null) : null;
}

function checkFile(path: string, folder: string | null, target: string): readonly string[] {
  if (!target.startsWith("web/src/")) return [`${path}: imports ${target}. The page knows the server only by its API.`];
  const other = folderOf(target);
  if (folder === null || other === null || other === folder) return [];
  const allowed = mayImport[folder];
  if (allowed === undefined) return [`${path}: is in no folder of the page's table, test/lib/tidy-page.ts.`];
  // The table of routes leads to every page.
  if (path === "web/src/app/routes.tsx" || allowed.includes(other)) return [];
  return [`${path}: imports ${target}. ${folder} may import only ${allowed.join(", ")} (test/lib/tidy-page.ts).`];
}

function checkPackage(path: string, specifier: string): readonly string[] {
  const name = specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
  const found = packages.find(([pattern]) => pattern.test(name));
  if (found === undefined)
    return [`${path}: imports ${name}, which has no place in test/lib/tidy-page.ts. Add it as you would hire.`];
  const places = found[1];
  if (places === null || places.some((place) => path.startsWith(place))) return [];
  return [`${path}: imports ${name}, allowed only in ${places.join(", ")}.`];
}
