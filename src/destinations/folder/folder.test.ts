// The folder adapter: the destination contract with and without hard links, and what only a folder can suffer.

import { existsSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { mkdir, open, readFile, symlink, truncate, unlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { silentLog } from "../../lib/log.ts";
import { bodyOf, destinationContract, inChunks, label, pathsOf, put } from "../destination.contract.ts";
import type { Destination } from "../destination.ts";
import { openFolder, type FolderOptions } from "./folder-account.ts";
import { nodeFiles, type Files } from "./files.ts";

const linkless: Files = { ...nodeFiles, link: () => Promise.reject(fileError("ENOTSUP", "link")) };

for (const [title, files] of [
  ["folder", nodeFiles],
  ["folder without hard links", linkless],
] as const) {
  destinationContract(title, () => {
    const directory = mkdtempSync(join(tmpdir(), "coldpath-folder-"));
    const account = openFolder(join(directory, "lake"), { files });
    return Promise.resolve({
      account,
      otherAccount: openFolder(join(directory, "lake"), { files }),
      containerName: "iot",
      unitBytes: 256 * 1024,
      close: async () => {
        await account.close();
        rmSync(directory, { recursive: true });
      },
    });
  });
}

describe("a folder", () => {
  let directory: string;
  let container: string;
  const path = "measurements/hub/2026/01/02/03/04/00.avro";

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), "coldpath-folder-"));
    container = join(directory, "iot");
    await mkdir(container);
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  const destinationWith = (options: FolderOptions = {}): Promise<Destination> =>
    openFolder(directory, options).container("iot");
  const leftovers = (): string[] =>
    existsSync(join(container, ".coldpath/tmp")) ? readdirSync(join(container, ".coldpath/tmp")) : [];

  it("holds plain files and keeps its own under .coldpath only", async () => {
    expect(await put(await destinationWith(), path, inChunks(Buffer.from("avro")))).toEqual({ kind: "created" });
    expect(await readFile(join(container, path), "utf8")).toBe("avro");
    expect(readdirSync(container).sort()).toEqual([".coldpath", "measurements"]);
    expect(leftovers()).toEqual([]);
    expect(statSync(join(container, path)).nlink).toBe(1);
  });

  it("has one root for one directory, however it is written", async () => {
    await symlink(directory, join(directory, "alias"));
    const alias = await openFolder(`${directory}/alias/../alias`).container("iot");
    expect(alias.root).toBe((await destinationWith()).root);
    expect(alias.root).toBe(`folder:${container}`);
    expect((await openFolder(join(directory, "later")).container("iot")).root).toBe(`folder:${directory}/later/iot`);
  });

  it("E5: refuses a symbolic link where a directory, a container or a file should be", async () => {
    const outside = join(directory, "outside");
    await mkdir(outside);
    await writeFile(join(outside, "secret"), "secret");
    await symlink(outside, join(container, "measurements"));
    await symlink(outside, join(directory, "linked"));
    await symlink(join(outside, "secret"), join(container, "taken.avro"));
    const destination = await destinationWith();
    const refused = { kind: "permanent", code: "symbolic-link" };
    expect(await put(destination, path, inChunks(Buffer.from("x")))).toMatchObject(refused);
    expect(await destination.head("measurements/secret")).toMatchObject(refused);
    await expect(bodyOf(destination, "measurements/secret")).rejects.toMatchObject({ failure: refused });
    expect(
      await put(await openFolder(directory).container("linked"), "00.avro", inChunks(Buffer.from("x"))),
    ).toMatchObject(refused);
    expect(await put(destination, "taken.avro", inChunks(Buffer.from("x")))).toMatchObject({ code: "not-a-file" });
    await expect(bodyOf(destination, "taken.avro")).rejects.toMatchObject({ failure: { code: "ELOOP" } });
    expect(readdirSync(outside)).toEqual(["secret"]);
    expect(await pathsOf(destination, "")).toEqual([]);
    expect(await openFolder(directory).listContainers()).toEqual(["iot", "outside"]);
  });

  it("E5: says what is in the way when a name is a directory, or a directory's name is a file", async () => {
    await mkdir(join(container, "00.avro"));
    await writeFile(join(container, "measurements"), "a file");
    const destination = await destinationWith();
    expect(await put(destination, "00.avro", inChunks(Buffer.from("x")))).toMatchObject({
      kind: "permanent",
      code: "not-a-file",
    });
    expect(await put(destination, path, inChunks(Buffer.from("x")))).toMatchObject({
      kind: "permanent",
      code: "ENOTDIR",
    });
  });

  it("a label speaks for its own file only", async () => {
    const destination = await destinationWith();
    const file = join(container, path);
    await put(destination, path, inChunks(Buffer.from("ours")));
    await put(destination, "moved.avro", inChunks(Buffer.from("also")));
    expect(await destination.head(path)).toMatchObject({ label });

    await unlink(file);
    await writeFile(file, "them");
    expect(await destination.head(path)).toEqual({ kind: "found", bytes: 4, label: null });

    renameSync(join(container, "moved.avro"), file);
    expect(await destination.head(path)).toEqual({ kind: "found", bytes: 4, label: null });
    expect(await destination.head("moved.avro")).toEqual({ kind: "absent" });
  });

  it("a label is not believed for another file of the same size and time", async () => {
    const destination = await destinationWith();
    const record = join(container, ".coldpath/labels", `${path}.json`);
    await put(destination, path, inChunks(Buffer.from("ours")));
    await writeFile(join(container, "foreign"), "them");
    renameSync(join(container, "foreign"), join(container, path));
    const foreign = statSync(join(container, path), { bigint: true });
    const text = await readFile(record, "utf8");
    await writeFile(record, text.replace(/"modifiedNs":"\d+"/, `"modifiedNs":"${foreign.mtimeNs}"`));
    expect(await destination.head(path)).toEqual({ kind: "found", bytes: 4, label: null });
  });

  it("a torn or foreign side record is no label, and no failure", async () => {
    const destination = await destinationWith();
    const record = join(container, ".coldpath/labels", `${path}.json`);
    await put(destination, path, inChunks(Buffer.from("ours")));
    for (const text of ["", "{", "null", "[]", '{"version":1}', '{"version":2,"file":{},"label":{}}']) {
      await writeFile(record, text);
      expect(await destination.head(path)).toEqual({ kind: "found", bytes: 4, label: null });
    }
    await truncate(record);
    await put(destination, "a", inChunks(Buffer.from("x")));
    await put(destination, "a.json/b", inChunks(Buffer.from("x")));
    expect(await destination.head("a.json/b")).toEqual({ kind: "found", bytes: 1, label: null });
  });

  it("removes the leftovers of dead attempts, and nothing else", async () => {
    const temporaryDirectory = join(container, ".coldpath/tmp");
    await mkdir(temporaryDirectory, { recursive: true });
    const names = [
      `put-${"0".repeat(32)}.tmp`,
      `label-${"a".repeat(32)}.tmp`,
      `put-${"1".repeat(32)}.tmp`,
      "notes.txt",
    ];
    for (const name of names) await writeFile(join(temporaryDirectory, name), "left");
    const old = new Date(Date.now() - 2 * 3_600_000);
    for (const name of [names[0], names[1], names[3]]) await utimes(join(temporaryDirectory, `${name}`), old, old);
    await put(await destinationWith(), path, inChunks(Buffer.from("x")));
    expect(leftovers().sort()).toEqual(["notes.txt", names[2]]);
  });

  it.each([
    ["ENOSPC", "temporary"],
    ["EDQUOT", "temporary"],
    ["EIO", "temporary"],
    ["ESTALE", "temporary"],
    ["EMFILE", "temporary"],
    ["EWHATEVER", "temporary"],
    ["EACCES", "permanent"],
    ["EROFS", "permanent"],
    ["ENAMETOOLONG", "permanent"],
  ] as const)("E5: %s while writing is %s, leaves nothing behind, and says what to do", async (code, kind) => {
    const failing = withHandles({ write: () => Promise.reject(fileError(code, "write")) });
    const outcome = await put(await destinationWith({ files: failing }), path, inChunks(Buffer.from("x")));
    expect(outcome).toMatchObject({ kind, code, message: expect.stringContaining(path) as string });
    expect((outcome as { hint: string }).hint).not.toBe("");
    expect(await (await destinationWith()).head(path)).toEqual({ kind: "absent" });
    expect(leftovers()).toEqual([]);
  });

  it("E5: a sync that fails, or a file shorter than what was written, is never created", async () => {
    const noSync = withHandles({ sync: () => Promise.reject(fileError("EIO", "fsync")) });
    expect(await put(await destinationWith({ files: noSync }), path, inChunks(Buffer.from("x")))).toMatchObject({
      code: "EIO",
    });
    const lying = withHandles({
      write: (_chunk: Uint8Array, _at: number, length: number) => Promise.resolve({ bytesWritten: length }),
    });
    expect(await put(await destinationWith({ files: lying }), path, inChunks(Buffer.from("xx")))).toMatchObject({
      kind: "temporary",
      code: "short-write",
    });
    expect(await (await destinationWith()).head(path)).toEqual({ kind: "absent" });
  });

  it("E5: a crash at any step leaves the name as it was or a whole object, and the next attempt finishes", async () => {
    const body = Buffer.from("whole");
    let outcomes = 0;
    for (let step = 1; ; step++) {
      const path = `crash/${step}/00.avro`;
      const { files, hasCrashed } = crashingAt(step);
      const outcome = await put(await destinationWith({ files }), path, inChunks(body));
      const found = await (await destinationWith()).head(path);
      if (found.kind === "found") {
        expect(await bodyOf(await destinationWith(), path)).toEqual(body);
        expect([null, label]).toContainEqual(found.label);
        expect(await put(await destinationWith(), path, inChunks(body))).toEqual({ kind: "exists" });
      } else {
        expect(found).toEqual({ kind: "absent" });
        expect(outcome.kind).not.toBe("created");
        expect(await put(await destinationWith(), path, inChunks(body))).toEqual({ kind: "created" });
      }
      if (!hasCrashed()) {
        expect(outcome).toEqual({ kind: "created" });
        break;
      }
      outcomes++;
    }
    expect(outcomes).toBeGreaterThan(15);
  });

  it("E5: syncs the bytes before the name, and the name before it says created or exists", async () => {
    const steps: string[] = [];
    const recording = (isFailing: boolean): Files => ({
      ...nodeFiles,
      open: (async (file: string, flags: string) => {
        const handle = await open(file, flags);
        const sync = handle.sync.bind(handle);
        return Object.assign(handle, {
          sync: async () => {
            const name = file.slice(container.length + 1);
            steps.push(`sync ${name.replace(/[0-9a-f]{32}/, "*")}`);
            if (isFailing && name === "a/b") throw fileError("EIO", "fsync");
            await sync();
          },
        });
      }) as typeof open,
      link: async (from, to) => {
        steps.push("link");
        await nodeFiles.link(from, to);
      },
    });
    expect(
      await put(await destinationWith({ files: recording(true) }), "a/b/c", inChunks(Buffer.from("x"))),
    ).toMatchObject({
      kind: "temporary",
      code: "EIO",
    });
    const bytes = steps.indexOf("sync .coldpath/tmp/put-*.tmp");
    const names = [steps.indexOf("sync "), steps.indexOf("sync a"), steps.indexOf("link"), steps.indexOf("sync a/b")];
    expect(bytes).toBeGreaterThanOrEqual(0);
    expect(names[0]).toBeGreaterThanOrEqual(0);
    expect(names).toEqual(names.toSorted((left, right) => left - right));
    expect(bytes).toBeLessThan(steps.indexOf("link"));
    // The name is there, but not durable: the next attempt syncs it before it says so.
    steps.length = 0;
    expect(await put(await destinationWith({ files: recording(false) }), "a/b/c", inChunks(Buffer.from("x")))).toEqual({
      kind: "exists",
    });
    expect(steps.slice(steps.indexOf("link"))).toEqual(["link", "sync a/b"]);
    expect(steps).toContain("sync a");
  });

  it("a label that cannot be written is a warning, the object is created", async () => {
    const warnings: string[] = [];
    const log = { ...silentLog, warn: (_fields: object, message: string) => warnings.push(message) };
    const files = { ...nodeFiles, rename: () => Promise.reject(fileError("ENOSPC", "rename")) };
    expect(await put(await destinationWith({ files, log }), path, inChunks(Buffer.from("x")))).toEqual({
      kind: "created",
    });
    expect(await (await destinationWith()).head(path)).toEqual({ kind: "found", bytes: 1, label: null });
    expect(warnings).toHaveLength(1);
    expect(leftovers()).toEqual([]);
  });

  it("an NFS server that answers EEXIST to its own link has created it", async () => {
    const link: Files["link"] = async (from, to) => {
      await nodeFiles.link(from, to);
      throw fileError("EEXIST", "link");
    };
    const outcome = await put(
      await destinationWith({ files: { ...nodeFiles, link } }),
      path,
      inChunks(Buffer.from("x")),
    );
    expect(outcome).toEqual({ kind: "created" });
  });

  it("without hard links, breaks the lock of a dead process and waits for a live one", async () => {
    const lock = join(container, ".coldpath/put.lock");
    await mkdir(join(container, ".coldpath"));
    await writeFile(lock, "elsewhere 1 dead\n");
    const destination = await destinationWith({ files: linkless, lockStaleMs: 100 });
    const beganMs = performance.now();
    expect(await put(destination, path, inChunks(Buffer.from("x")))).toEqual({ kind: "created" });
    expect(performance.now() - beganMs).toBeGreaterThan(100);
    expect(existsSync(lock)).toBe(false);
  });

  it("reports a file that is cut while it is read", async () => {
    const body = Buffer.alloc(600 * 1024, 7);
    const destination = await destinationWith();
    await put(destination, path, inChunks(body));
    const reading = (async () => {
      for await (const chunk of destination.read(path))
        if (chunk.byteLength > 0) await truncate(join(container, path), 1);
    })();
    await expect(reading).rejects.toMatchObject({ failure: { kind: "temporary", code: "short-read" } });
  });

  it("refuses an empty path, and lists no containers where there is no directory", async () => {
    expect(() => openFolder(" ")).toThrow(expect.objectContaining({ kind: "invalid", field: "settings.path" }));
    expect(await openFolder(join(directory, "none")).listContainers()).toEqual([]);
    await writeFile(join(directory, "file"), "");
    await expect(openFolder(join(directory, "file")).listContainers()).rejects.toMatchObject({
      failure: { kind: "permanent", code: "ENOTDIR" },
    });
  });
});

function fileError(code: string, syscall: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: ${syscall}`), { code, syscall });
}

/** A file system whose newly created files have the given methods instead. */
function withHandles(methods: object): Files {
  const opening: typeof open = async (file, flags, mode) => {
    const handle = await open(file, flags, mode);
    return flags === "wx" ? Object.assign(handle, methods) : handle;
  };
  return { ...nodeFiles, open: opening };
}

/** A file system that fails from its `step`th change on, as for a process that died there. */
function crashingAt(step: number): { files: Files; hasCrashed: () => boolean } {
  let changes = 0;
  const guard = <T extends unknown[], R>(change: (...given: T) => Promise<R>) => {
    return (...given: T): Promise<R> => {
      changes++;
      return changes >= step ? Promise.reject(fileError("EIO", "crash")) : change(...given);
    };
  };
  const opening: typeof open = async (file, flags, mode) => {
    const handle = await (flags === "wx" ? guard(open)(file, flags, mode) : open(file, flags, mode));
    return Object.assign(handle, {
      write: guard(handle.write.bind(handle) as (...given: unknown[]) => Promise<unknown>),
      sync: guard(handle.sync.bind(handle)),
    });
  };
  const files = {
    ...nodeFiles,
    open: opening,
    link: guard(nodeFiles.link),
    mkdir: guard(nodeFiles.mkdir as (directory: string) => Promise<undefined>),
    rename: guard(nodeFiles.rename),
    unlink: guard(nodeFiles.unlink),
  } as unknown as Files;
  return { files, hasCrashed: () => changes >= step };
}
