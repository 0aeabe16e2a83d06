// The contract of a destination: stories that every adapter's destination must tell the same way.
//
// A new adapter begins by running it. Each story has names of its own, so one container serves the whole suite.

import { probeFailure } from "./failure.ts";
import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AssertionError } from "../lib/assert.ts";
import { ColdpathError } from "../lib/errors.ts";
import {
  DestinationError,
  type Destination,
  type ListedObject,
  type PutOutcome,
  type StorageAccess,
} from "./destination.ts";

export interface ContractSetting {
  readonly account: StorageAccess;
  /** Another opening of the same account, as a second process has it. */
  readonly otherAccount: StorageAccess;
  /** A name that the store allows; the suite creates it. */
  readonly containerName: string;
  /** Bytes of one unit in which the adapter moves data; the suite writes objects around it. */
  readonly unitBytes: number;
  close(): Promise<void>;
}

export const label = { export_id: "e-1", partition: "0", records: "17", sha256: "ab".repeat(32), note: "a=b; c/d ~" };

/** Runs every story on the destination that `open` gives. */
export function destinationContract(title: string, open: () => Promise<ContractSetting>): void {
  describe(title, () => {
    let setting: ContractSetting;
    let destination: Destination;
    let other: Destination;

    beforeAll(async () => {
      setting = await open();
      await setting.account.createContainer(setting.containerName);
      destination = await setting.account.container(setting.containerName);
      other = await setting.otherAccount.container(setting.containerName);
    });
    afterAll(() => setting.close());

    it("creates a container once, and lists it", async () => {
      expect(await setting.otherAccount.createContainer(setting.containerName)).toBe(false);
      expect(await setting.account.listContainers()).toContain(setting.containerName);
      expect(other.root).toBe(destination.root);
    });

    it.each([
      ["one byte", () => 1],
      ["exactly one unit", () => setting.unitBytes],
      ["one unit and a byte", () => setting.unitBytes + 1],
      ["many units", () => 7 * setting.unitBytes + 13],
    ])("E5: creates an object of %s, whole, and reads it back", async (size, bytes) => {
      const path = `whole/${size.replaceAll(" ", "-")}.avro`;
      const body = randomBytes(bytes());
      expect(await put(destination, path, inChunks(body, 1_000))).toEqual({ kind: "created" });
      expect(await bodyOf(destination, path)).toEqual(body);
      expect(await destination.head(path)).toEqual({ kind: "found", bytes: body.byteLength, label });
    });

    it("E5: leaves the first bytes when the same name is put again", async () => {
      const first = Buffer.from("the first");
      expect(await put(destination, "twice/00.avro", inChunks(first))).toEqual({ kind: "created" });
      expect(await put(other, "twice/00.avro", inChunks(Buffer.from("the second")))).toEqual({ kind: "exists" });
      expect(await put(other, "twice/00.avro", inChunks(first))).toEqual({ kind: "exists" });
      expect(await bodyOf(destination, "twice/00.avro")).toEqual(first);
    });

    it("E5: of several puts of one name at once exactly one creates it, and its bytes are whole", async () => {
      for (let round = 0; round < 3; round++) {
        const path = `race/${round}.avro`;
        const bodies = [1, 2, 3, 4].map((fill) => Buffer.alloc(2 * setting.unitBytes + 5, fill));
        const outcomes = await Promise.all(
          bodies.map((body, index) => put(index % 2 === 0 ? destination : other, path, inChunks(body, 10_000))),
        );
        expect(outcomes.filter((outcome) => outcome.kind === "created")).toHaveLength(1);
        // The others saw the name taken, or lost their staged bytes to the winner and may try again.
        for (const outcome of outcomes) expect(["created", "exists", "temporary"]).toContain(outcome.kind);
        const winner = bodies[outcomes.findIndex((outcome) => outcome.kind === "created")];
        expect(await bodyOf(destination, path)).toEqual(winner);
        expect(await put(other, path, inChunks(Buffer.from("late")))).toEqual({ kind: "exists" });
      }
    });

    it("E5: a source that fails half-way leaves nothing visible, and its own error comes out", async () => {
      const failure = Object.assign(new Error("the journal cannot be read"), { code: "EIO", syscall: "read" });
      const source = async function* (): AsyncGenerator<Uint8Array> {
        yield randomBytes(2 * setting.unitBytes + 1);
        throw failure;
      };
      await expect(put(destination, "broken/00.avro", source())).rejects.toBe(failure);
      expect(await destination.head("broken/00.avro")).toEqual({ kind: "absent" });
      expect(await pathsOf(destination, "broken/")).toEqual([]);
      expect(await put(destination, "broken/00.avro", inChunks(Buffer.from("again")))).toEqual({ kind: "created" });
    });

    it("E5: a label that fails leaves nothing visible, and its own error comes out", async () => {
      const failure = new Error("no hash");
      const bytes = inChunks(Buffer.from("body"));
      const request = {
        path: "no-label/00.avro",
        bytes,
        label: () => {
          throw failure;
        },
      };
      await expect(destination.put(request)).rejects.toBe(failure);
      expect(await destination.head("no-label/00.avro")).toEqual({ kind: "absent" });
    });

    it("E5: an abort leaves nothing visible and is a temporary failure", async () => {
      const controller = new AbortController();
      const source = async function* (): AsyncGenerator<Uint8Array> {
        yield randomBytes(2 * setting.unitBytes + 1);
        controller.abort();
        yield randomBytes(10);
      };
      const outcome = await put(destination, "aborted/00.avro", source(), controller.signal);
      expect(outcome).toMatchObject({ kind: "temporary", code: "aborted" });
      expect(await destination.head("aborted/00.avro")).toEqual({ kind: "absent" });
      expect(await put(destination, "aborted/00.avro", inChunks(Buffer.from("x")), AbortSignal.abort())).toMatchObject({
        kind: "temporary",
        code: "aborted",
      });
      expect(await destination.head("aborted/00.avro", AbortSignal.abort())).toMatchObject({ code: "aborted" });
      await expect(pathsOf(destination, "", AbortSignal.abort())).rejects.toMatchObject({
        failure: { code: "aborted" },
      });
    });

    it("E5: an empty object is never written", async () => {
      const empty = inChunks(Buffer.alloc(0));
      await expect(put(destination, "empty/00.avro", empty)).rejects.toBeInstanceOf(AssertionError);
      expect(await destination.head("empty/00.avro")).toEqual({ kind: "absent" });
    });

    it("copies a chunk before it asks for the next, so a source may reuse its buffer", async () => {
      const reused = Buffer.alloc(Math.ceil(setting.unitBytes / 3));
      const source = async function* (): AsyncGenerator<Uint8Array> {
        for (let fill = 1; fill <= 7; fill++) yield reused.fill(fill);
      };
      expect(await put(destination, "reused/00.avro", source())).toEqual({ kind: "created" });
      const body = await bodyOf(destination, "reused/00.avro");
      for (let fill = 1; fill <= 7; fill++) expect(body[reused.byteLength * (fill - 1)]).toBe(fill);
      expect(body.byteLength).toBe(reused.byteLength * 7);
    });

    it("keeps the largest label", async () => {
      const largest: Record<string, string> = {};
      for (let index = 0; index < 20; index++) largest[`key_${index}`] = `v${"~ ~".repeat(60)}`;
      const request = { path: "labels/large.avro", bytes: inChunks(Buffer.from("x")), label: () => largest };
      expect(await destination.put(request)).toEqual({ kind: "created" });
      expect(await other.head("labels/large.avro")).toEqual({ kind: "found", bytes: 1, label: largest });
    });

    it.each([[{ Upper: "x" }], [{ key: "" }], [{ key: " x" }], [{ key: "é" }], [{ key: "x".repeat(513) }]])(
      "refuses the label %j, which some store would change",
      async (wrong) => {
        const request = { path: "labels/wrong.avro", bytes: inChunks(Buffer.from("x")), label: () => wrong };
        await expect(destination.put(request as never)).rejects.toBeInstanceOf(AssertionError);
        expect(await destination.head("labels/wrong.avro")).toEqual({ kind: "absent" });
      },
    );

    it("says that a name is absent, and that its bytes are", async () => {
      expect(await destination.head("nowhere/00.avro")).toEqual({ kind: "absent" });
      const reading = bodyOf(destination, "nowhere/00.avro");
      await expect(reading).rejects.toMatchObject({ name: "DestinationError", failure: { kind: "permanent" } });
      expect(await pathsOf(destination, "nowhere/")).toEqual([]);
    });

    it("lists by prefix, in path order, never below .coldpath", async () => {
      const names = ["b/2.avro", "b/10.avro", "b-1/x.avro", "b/1/00.avro", "b.avro", "a/z.avro", "c d/é+%.avro"];
      for (const name of names) await put(destination, `listed/${name}`, inChunks(Buffer.from(name)));
      const expected = names.map((name) => `listed/${name}`).sort();
      expect(await pathsOf(destination, "listed/")).toEqual(expected);
      expect(await pathsOf(destination, "listed/b/1")).toEqual(["listed/b/1/00.avro", "listed/b/10.avro"]);
      expect(await pathsOf(destination, "listed/b/1/")).toEqual(["listed/b/1/00.avro"]);
      expect(await pathsOf(destination, "")).toEqual(expect.arrayContaining(expected));
      expect((await pathsOf(destination, "")).filter((path) => path.startsWith(".coldpath"))).toEqual([]);
      expect(await pathsOf(destination, ".coldpath/")).toEqual([]);
      expect(await pathsOf(destination, "../")).toEqual([]);
      for await (const object of destination.list("listed/")) {
        expect(object.bytes).toBe(Buffer.byteLength(object.path.slice("listed/".length)));
      }
    });

    it("lists one level: folders and files up to the next slash, in path order, never .coldpath", async () => {
      const names = ["b/2.avro", "b/10.avro", "b-1/x.avro", "b/1/00.avro", "b.avro", "a/z.avro", "c d/é+%#?.avro"];
      for (const name of names) await put(destination, `level/${name}`, inChunks(Buffer.from(name)));
      expect(await levelOf(destination, "level/")).toEqual({
        folders: ["level/a/", "level/b-1/", "level/b/", "level/c d/"],
        files: [{ path: "level/b.avro", bytes: 6 }],
      });
      expect(await levelOf(destination, "level/b/1")).toEqual({
        folders: ["level/b/1/"],
        files: [{ path: "level/b/10.avro", bytes: 9 }],
      });
      expect(await levelOf(destination, "level/c d/")).toEqual({
        folders: [],
        files: [{ path: "level/c d/é+%#?.avro", bytes: 15 }],
      });
      const top = await levelOf(destination, "");
      expect(top.folders).toContain("level/");
      expect(top.folders.filter((path) => /coldpath/i.test(path))).toEqual([]);
      for (const nowhere of [
        "nowhere/",
        "level/b.avro/x",
        "../",
        "level/../",
        "/",
        ".coldpath/",
        ".coldpath/labels/",
      ]) {
        expect([nowhere, await levelOf(destination, nowhere)]).toEqual([nowhere, { folders: [], files: [] }]);
      }
    });

    it("pages a level: each name once, and an end", async () => {
      const names = Array.from({ length: 23 }, (_, at) => `paged/${at % 3 === 0 ? `${at}/00` : `${at}`}.avro`);
      for (const name of names) await put(destination, name, inChunks(Buffer.from("x")));
      const whole = await levelOf(destination, "paged/");
      expect(whole.folders.length + whole.files.length).toBe(23);
      for (const limit of [1, 5, 23]) expect(await levelOf(destination, "paged/", limit)).toEqual(whole);
      const { next } = await destination.listLevel({ prefix: "paged/", limit: 5 });
      expect(next).toEqual(expect.any(String));
      await expect(
        destination.listLevel({ prefix: "paged/", limit: 5, signal: AbortSignal.abort() }),
      ).rejects.toMatchObject({ failure: { code: "aborted" } });
    });

    it.each([
      "",
      "/etc/passwd",
      "../outside.avro",
      "a/../../outside.avro",
      "a//b.avro",
      "a/./b.avro",
      "a/",
      "a\\..\\b.avro",
      "a/\0.avro",
      ".coldpath/labels/x.json",
      ".COLDPATH/tmp/x.tmp",
      `a/${"x".repeat(251)}`,
      "x/".repeat(600) + "x",
    ])("refuses the hostile path %j with a permanent failure and a hint", async (path) => {
      const refused = { kind: "permanent", code: "invalid-path", hint: expect.stringMatching(/\w+/) as string };
      expect(await put(destination, path, inChunks(Buffer.from("x")))).toMatchObject(refused);
      expect(await destination.head(path)).toMatchObject(refused);
      await expect(bodyOf(destination, path)).rejects.toMatchObject({ failure: refused });
    });

    it("refuses a container name that leads elsewhere", async () => {
      for (const name of ["", "..", "../x", ".hidden", "a/b", "a\0b", "a\\b", "x".repeat(300)]) {
        await expect(setting.account.container(name)).rejects.toBeInstanceOf(ColdpathError);
        await expect(setting.account.createContainer(name)).rejects.toMatchObject({
          kind: "invalid",
          field: "container",
        });
      }
    });

    it("says that a container does not exist, permanently and with what to do, and does not create it", async () => {
      const absent = await setting.account.container(`${setting.containerName}-absent`);
      const failure = {
        kind: "permanent",
        code: expect.stringMatching(/^(container-not-found|ContainerNotFound)$/) as string,
        hint: expect.stringMatching(/\w+/) as string,
      };
      expect(await put(absent, "00.avro", inChunks(Buffer.from("x")))).toMatchObject(failure);
      expect(await absent.head("00.avro")).toMatchObject(failure);
      await expect(pathsOf(absent, "")).rejects.toBeInstanceOf(DestinationError);
      await expect(levelOf(absent, "")).rejects.toMatchObject({ failure });
      await expect(bodyOf(absent, "00.avro")).rejects.toMatchObject({ failure });
      const steps = await absent.probe();
      expect(probeFailure(steps)).toMatchObject({ ...failure, step: expect.stringMatching(/^find the/) as string });
      // What it makes impossible is told as not tried.
      const at = steps.findIndex(({ outcome }) => outcome === "failed");
      expect(steps.slice(at + 1).map(({ outcome }) => outcome)).toEqual(steps.slice(at + 1).map(() => "not-tried"));
      expect(steps.length).toBeGreaterThan(at + 2);
      expect(await setting.account.listContainers()).not.toContain(`${setting.containerName}-absent`);
    });

    it("probes without leaving anything visible", async () => {
      const before = await pathsOf(destination, "");
      const steps = await destination.probe();
      expect(steps.length).toBeGreaterThan(3);
      expect(steps.filter(({ outcome }) => outcome !== "ok")).toEqual([]);
      expect(await destination.probe()).toEqual(steps);
      expect(await pathsOf(destination, "")).toEqual(before);
      expect(probeFailure(await destination.probe(AbortSignal.abort()))).toMatchObject({
        kind: "temporary",
        code: "aborted",
      });
    });
  });
}

export function put(
  destination: Destination,
  path: string,
  bytes: AsyncIterable<Uint8Array>,
  signal?: AbortSignal,
): Promise<PutOutcome> {
  return destination.put({ path, bytes, label: () => label, signal });
}

/** `body` in pieces of `chunkBytes`, the last one shorter; an empty piece in between now and then. */
export async function* inChunks(body: Buffer, chunkBytes = 64 * 1024): AsyncGenerator<Uint8Array> {
  for (let position = 0; position < body.byteLength; position += chunkBytes) {
    if (position > 0 && position % 3 === 0) yield Buffer.alloc(0);
    yield body.subarray(position, position + chunkBytes);
  }
}

export async function bodyOf(destination: Destination, path: string): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of destination.read(path)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

export async function pathsOf(destination: Destination, prefix: string, signal?: AbortSignal): Promise<string[]> {
  const paths: string[] = [];
  for await (const object of destination.list(prefix, signal)) paths.push(object.path);
  return paths;
}

/** All pages of a level. */
export async function levelOf(
  destination: Destination,
  prefix: string,
  limit = 1_000,
): Promise<{ readonly folders: readonly string[]; readonly files: readonly ListedObject[] }> {
  const folders: string[] = [];
  const files: ListedObject[] = [];
  let after: string | undefined;
  do {
    const level = await destination.listLevel({ prefix, limit, after });
    expect(level.folders.length + level.files.length).toBeLessThanOrEqual(limit);
    folders.push(...level.folders);
    files.push(...level.files);
    after = level.next ?? undefined;
  } while (after !== undefined);
  return { folders, files };
}
