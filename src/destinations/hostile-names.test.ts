// A3 against hostile names and planted links: whatever a name is, nothing outside of the container is read or written.

import fc from "fast-check";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { type Server, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { bodyOf, inChunks, put } from "./destination.contract.ts";
import type { Destination, StorageAccess } from "./destination.ts";
import { openStorage } from "./open-storage.ts";

const secret = "the file of somebody else";
let place = "";
let lake = "";
beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), "coldpath-hostile-"));
  lake = join(place, "lake");
  mkdirSync(join(lake, "iot"), { recursive: true });
  mkdirSync(join(place, "outside"));
  writeFileSync(join(place, "outside", "secret"), secret);
  writeFileSync(join(place, "secret"), secret);
  writeFileSync(join(lake, "secret"), secret);
});
afterEach(() => rmSync(place, { recursive: true, force: true }));

/** Everything but the container, with content and time of change. */
function outsideOf(): readonly string[] {
  return readdirSync(place, { recursive: true, withFileTypes: true })
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !path.startsWith(join(lake, "iot")))
    .map((path) => {
      const stat = statSync(path);
      return `${path} ${stat.isFile() ? readFileSync(path, "utf8") : "directory"} ${stat.ino}`;
    })
    .toSorted();
}

const hostilePart = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom("..", ".", "", "...", ". .", "..\\", "\\", "..;", "~", "$HOME", "C:", "//") },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      "%2e%2e",
      "%2e",
      "%2f",
      "%5c",
      "%00",
      "..%2f",
      "%252e%252e",
      "\u2024\u2024",
      "\uff0e\uff0e",
    ),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom("\0", "a\0b", "\u2215", "\u2044", "\uff0f", "\u29f8", "\u202e", "\ud800", "\r\n", "\t"),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      "CON",
      "nul",
      "COM1.avro",
      "aux.",
      "a.",
      "a ",
      ".coldpath",
      ".COLDPATH",
      "tmp",
      "labels",
    ),
  },
  {
    weight: 2,
    arbitrary: fc.constantFrom("secret", "outside", "lake", "iot", "x".repeat(300), "\u00e9".repeat(126), "-rf", "*"),
  },
  { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 12 }) },
);
const hostilePath = fc.oneof(
  fc.array(hostilePart, { minLength: 1, maxLength: 8 }).map((parts) => parts.join("/")),
  fc.array(hostilePart, { minLength: 1, maxLength: 5 }).map((parts) => parts.join("")),
  fc.constant("/etc/passwd"),
  fc.string({ unit: "binary", minLength: 900, maxLength: 1_200 }),
);

/** Tries everything with `path`; what came out of it, or null for each refusal. */
async function tryAll(destination: Destination, path: string): Promise<void> {
  const outcome = await put(destination, path, inChunks(Buffer.from("ours")));
  expect(["created", "exists", "permanent", "temporary"]).toContain(outcome.kind);
  await destination.head(path);
  const body = await bodyOf(destination, path).catch(() => null);
  if (body !== null) expect(body.toString()).toBe("ours");
  for await (const { path: listed } of destination.list(path)) expect(listed.split("/")).not.toContain("..");
}

describe("A3: in a folder", () => {
  test("no object name reads or writes outside of its container", async () => {
    const destination = await openStorage({ kind: "folder", path: lake }, undefined).container("iot");
    const before = outsideOf();
    await fc.assert(
      fc.asyncProperty(hostilePath, async (path) => {
        await tryAll(destination, path);
        expect(outsideOf()).toEqual(before);
      }),
      { numRuns: 250 },
    );
  });

  test("no container name leads to another place than a directory right below the account's", async () => {
    const account = openStorage({ kind: "folder", path: lake }, undefined);
    const before = readdirSync(place).toSorted();
    await fc.assert(
      fc.asyncProperty(hostilePath, async (name) => {
        const made = await account.createContainer(name).catch(() => false);
        if (made) expect(readdirSync(lake)).toContain(name);
        expect(readdirSync(place).toSorted()).toEqual(before);
        expect(existsSync(join(place, "outside", "secret"))).toBe(true);
      }),
      { numRuns: 250 },
    );
  });

  test("a container that is a symbolic link is refused", async () => {
    symlinkSync(join(place, "outside"), join(lake, "link"));
    const account = openStorage({ kind: "folder", path: lake }, undefined);
    const before = outsideOf();
    const destination = await account.container("link");
    expect(await put(destination, "a/b", inChunks(Buffer.from("ours")))).toMatchObject({ code: "symbolic-link" });
    expect(await destination.head("secret")).toMatchObject({ code: "symbolic-link" });
    await expect(bodyOf(destination, "secret")).rejects.toMatchObject({ failure: { code: "symbolic-link" } });
    expect(await account.listContainers()).toEqual(["iot"]);
    expect(outsideOf()).toEqual(before);
  });

  test("a directory, an object, a label or our own directory that became a link is not followed", async () => {
    const account = openStorage({ kind: "folder", path: lake }, undefined);
    const container = join(lake, "iot");
    const destination = await account.container("iot");
    const write = async (path: string) => await put(destination, path, inChunks(Buffer.from("ours")));
    // The adapter has seen these directories, and remembers them as made and synced.
    expect(await write("hub/a/1")).toEqual({ kind: "created" });
    const before = outsideOf();

    renameSync(join(container, "hub/a"), join(container, "hub/former"));
    symlinkSync(join(place, "outside"), join(container, "hub/a"));
    expect(await write("hub/a/2")).toMatchObject({ kind: "permanent", code: "symbolic-link" });
    expect(await destination.head("hub/a/secret")).toMatchObject({ code: "symbolic-link" });
    await expect(bodyOf(destination, "hub/a/secret")).rejects.toMatchObject({ failure: { code: "symbolic-link" } });
    expect(outsideOf()).toEqual(before);

    symlinkSync(join(place, "secret"), join(container, "hub/object"));
    expect(await write("hub/object")).toMatchObject({ kind: "permanent", code: "not-a-file" });
    await expect(bodyOf(destination, "hub/object")).rejects.toMatchObject({ failure: { code: "ELOOP" } });
    const listed: string[] = [];
    for await (const { path } of destination.list("")) listed.push(path);
    expect(listed).toEqual(["hub/former/1"]);

    // A label that is a link to a well-formed one elsewhere speaks for nobody.
    expect(await write("hub/labelled")).toEqual({ kind: "created" });
    const label = join(container, ".coldpath/labels/hub/labelled.json");
    expect(await destination.head("hub/labelled")).toMatchObject({ kind: "found", label: expect.anything() as object });
    renameSync(label, join(place, "outside", "label.json"));
    symlinkSync(join(place, "outside", "label.json"), label);
    expect(await destination.head("hub/labelled")).toMatchObject({ kind: "found", label: null });

    renameSync(join(container, ".coldpath"), join(container, "former"));
    symlinkSync(join(place, "outside"), join(container, ".coldpath"));
    const present = readdirSync(join(place, "outside"));
    expect(await write("hub/3")).toMatchObject({ kind: "permanent", code: "symbolic-link" });
    expect(readdirSync(join(place, "outside"))).toEqual(present);
  });
});

describe("A3: in Azure Blob storage", () => {
  let server: Server;
  let account: StorageAccess;
  const asked: string[] = [];
  beforeEach(async () => {
    asked.length = 0;
    server = createServer((request, response) => {
      asked.push(request.url ?? "");
      request.resume().on("end", () => response.writeHead(404, { "x-ms-error-code": "BlobNotFound" }).end());
    });
    await new Promise<void>((resolve) => {
      server.listen(0, "127.0.0.1", resolve);
    });
    const { port } = server.address() as AddressInfo;
    const settings = { kind: "azure-blob", auth: "account-key", endpoint: `http://127.0.0.1:${port}/acct` } as const;
    account = openStorage(settings, Buffer.alloc(64, 1).toString("base64"));
  });
  afterEach(async () => {
    await account.close();
    server.close();
  });

  test("no object name and no container name asks for anything outside of /account/container/", async () => {
    const destination = await account.container("iot");
    await fc.assert(
      fc.asyncProperty(hostilePath, async (name) => {
        asked.length = 0;
        await put(destination, name, inChunks(Buffer.from("ours"))).catch(() => null);
        await destination.head(name);
        for (const url of asked) {
          expect(url).toMatch(/^\/acct\/iot(?:\/|\?)/);
          // As a server would read it.
          expect(decodeURIComponent(url.split("?")[0] ?? "").split("/")).not.toContain("..");
        }
        if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(name))
          await expect(account.container(name)).rejects.toThrow(/container name/);
      }),
      { numRuns: 200 },
    );
    await destination.head("a%2fb");
    expect(asked.at(-1)).toContain("/acct/iot/a%252fb");
  });
});
