// A folder whose file operations do not end, or end late.

import { probeFailure } from "../failure.ts";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { mkdir, open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { bodyOf, inChunks, pathsOf, put } from "../destination.contract.ts";
import type { Destination, PutRequest, StorageAccess } from "../destination.ts";
import { nodeFiles, type Files } from "./files.ts";
import { openFolder } from "./folder-account.ts";

let directory = "";
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "coldpath-hang-"));
  await mkdir(join(directory, "iot"));
});
afterEach(() => rmSync(directory, { recursive: true }));

const requestTimeoutMs = 60_000;
/** Of an abort, at most. */
const graceMs = 1_000;
const timeout = { kind: "temporary", code: "timeout", hint: expect.stringMatching(/mounted/) as string };
const body = (): AsyncIterable<Uint8Array> => inChunks(Buffer.from("body"));

/** A file server whose operations hang while it is away, and end when it comes back. */
class FileServer {
  isAway = false;
  begun = 0;
  atOnce = 0;
  atOnceMost = 0;
  /** Those of them that hang. */
  stuck = 0;
  readonly #held: (() => void)[] = [];

  readonly files: Files = {
    lstat: this.#hanging(nodeFiles.lstat),
    link: this.#hanging(nodeFiles.link),
    mkdir: this.#hanging(nodeFiles.mkdir),
    open: this.#hanging(async (path, flags) => {
      const file = await open(path, flags);
      const close = file.close.bind(file);
      return Object.assign(file, {
        write: this.#hanging(file.write.bind(file)),
        sync: this.#hanging(file.sync.bind(file)),
        close: this.#hanging(async () => {
          await close();
          this.closed++;
        }),
      });
    }),
    readFile: this.#hanging(nodeFiles.readFile),
    readdir: this.#hanging(nodeFiles.readdir),
    realpath: this.#hanging(nodeFiles.realpath),
    rename: this.#hanging(nodeFiles.rename),
    unlink: this.#hanging(nodeFiles.unlink),
  };
  closed = 0;

  comeBack(): void {
    this.isAway = false;
    while (this.#held.length > 0) this.letOneGo();
  }

  /** The others go on hanging. */
  letOneGo(): void {
    this.#held.shift()?.();
  }

  #hanging<F extends (...given: never[]) => Promise<unknown>>(operation: F): F {
    return (async (...given: Parameters<F>) => {
      this.begun++;
      this.atOnceMost = Math.max(this.atOnceMost, ++this.atOnce);
      try {
        if (this.isAway) {
          this.stuck++;
          await new Promise<void>((resolve) => void this.#held.push(resolve));
          this.stuck--;
        }
        return await operation(...given);
      } finally {
        this.atOnce--;
      }
    }) as F;
  }
}

// Time limits pass when a test says so, never because the machine is busy.
beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] }));
afterEach(() => void vi.useRealTimers());

let server: FileServer;
let account: StorageAccess;
let destination: Destination;
beforeEach(async () => {
  server = new FileServer();
  account = openFolder(directory, { files: server.files, requestTimeoutMs });
  destination = await account.container("iot");
});
// What hangs would else end in the next test.
afterEach(async () => {
  server.comeBack();
  await until(() => server.atOnce === 0);
});

async function until(isSo: () => boolean): Promise<void> {
  for (let turn = 0; !isSo(); turn++) {
    if (turn === 100_000) throw new Error(`never: ${isSo.toString()}`);
    await new Promise(setImmediate);
  }
}

/** What `use` comes to when so many operations hang for as long as the limit. */
async function afterLimit<T>(use: Promise<T>, operations = 1, limitMs = requestTimeoutMs): Promise<T> {
  use.catch(() => {}); // told to the caller below
  await until(() => server.stuck === operations);
  vi.advanceTimersByTime(limitMs);
  return await use;
}

describe("a folder whose file server hangs", () => {
  test.each<[string, () => Promise<unknown>]>([
    ["put", () => put(destination, "00.avro", body())],
    ["head", () => destination.head("00.avro")],
    ["probe", async () => probeFailure(await destination.probe())],
  ])("%s ends with a temporary timeout", async (_name, use) => {
    server.isAway = true;
    expect(await afterLimit(use())).toMatchObject(timeout);
  });

  test.each<[string, () => Promise<unknown>]>([
    ["read", () => bodyOf(destination, "00.avro")],
    ["list", () => pathsOf(destination, "")],
    ["container", () => account.container("iot")],
    ["listContainers", () => account.listContainers()],
    ["createContainer", () => account.createContainer("new")],
  ])("%s fails with a temporary timeout", async (_name, use) => {
    server.isAway = true;
    await expect(afterLimit(use())).rejects.toMatchObject({ name: "DestinationError", failure: timeout });
  });

  test("after four hanging operations further ones are refused and hold no thread, however the account is opened", async () => {
    server.isAway = true;
    await afterLimit(Promise.all([1, 2, 3, 4].map(() => destination.head("00.avro"))), 4);
    expect(server.atOnce).toBe(4);
    const { begun } = server;
    const another = openFolder(directory, { files: server.files, requestTimeoutMs });
    const refused = { ...timeout, message: expect.stringMatching(/^4 file operations in .* hang/) as string };
    for (let attempt = 0; attempt < 20; attempt++) {
      expect(await put(destination, "00.avro", body())).toMatchObject(refused);
      await expect(another.container("iot")).rejects.toMatchObject({ failure: refused });
    }
    expect(server.begun).toBe(begun);

    server.letOneGo();
    await until(() => server.atOnce === 3);
    expect(await afterLimit(destination.head("00.avro"), 4)).not.toMatchObject(refused);
    expect(server.begun).toBe(begun + 1);

    server.comeBack();
    await until(() => server.atOnce === 0);
    expect(await put(destination, "00.avro", body())).toEqual({ kind: "created" });
  });

  test("no more than sixteen operations of an account run at once, hanging or not, and all that are asked for end", async () => {
    server.isAway = true;
    const looks = Array.from({ length: 60 }, () => destination.head("00.avro"));
    await until(() => server.atOnce === 16);
    server.comeBack();
    for (const outcome of await Promise.all(looks)) expect(outcome).toEqual({ kind: "absent" });
    expect(server.atOnceMost).toBe(16);
  });

  test("an abort ends put, head, read, list and the account's calls, long before the time limit", async () => {
    server.isAway = true;
    const stop = new AbortController();
    const { signal } = stop;
    const aborted = { kind: "temporary", code: "aborted" };
    const failed = { failure: aborted };
    const read = async (): Promise<void> => {
      for await (const _chunk of destination.read("00.avro", signal));
    };
    const calls = Promise.all([
      expect(put(destination, "00.avro", body(), signal)).resolves.toMatchObject(aborted),
      expect(destination.head("00.avro", signal)).resolves.toMatchObject(aborted),
      expect(destination.probe(signal).then(probeFailure)).resolves.toMatchObject({
        ...aborted,
        step: expect.any(String) as string,
      }),
      expect(read()).rejects.toMatchObject(failed),
      expect(pathsOf(destination, "", signal)).rejects.toMatchObject(failed),
      expect(account.container("iot", signal)).rejects.toMatchObject(failed),
      expect(account.listContainers(signal)).rejects.toMatchObject(failed),
      expect(account.createContainer("new", signal)).rejects.toMatchObject(failed),
    ]);
    await until(() => server.stuck === 8);
    stop.abort();
    await afterLimit(calls, 8, graceMs);
    server.comeBack();
    await until(() => server.atOnce === 0);
    expect(readdirSync(directory)).toEqual(["iot"]);
    expect(await pathsOf(destination, "")).toEqual([]);
  });

  test("E5: a put that hangs half-way never shows a part; its file is closed when the server is back", async () => {
    const halfWay = async function* (): AsyncGenerator<Uint8Array> {
      yield Buffer.from("one");
      server.isAway = true;
      yield await Promise.resolve(Buffer.from("two"));
    };
    expect(await afterLimit(put(destination, "00.avro", halfWay()))).toMatchObject(timeout);
    const opened = server.closed;
    expect(server.stuck).toBe(1); // the write: closing waits for it, and nobody for closing
    server.comeBack();
    await until(() => server.closed > opened && server.atOnce === 0);
    expect(existsSync(join(directory, "iot/00.avro"))).toBe(false);
    expect(await put(destination, "00.avro", body())).toEqual({ kind: "created" });
  });

  test("E5: a link that ends late shows the whole object, and the next attempt finds it", async () => {
    const late: Files["link"] = async (from, to) => {
      server.isAway = true;
      await server.files.link(from, to);
    };
    const files = { ...server.files, link: late };
    const container = await openFolder(directory, { files, requestTimeoutMs }).container("iot");
    expect(await afterLimit(put(container, "00.avro", body()))).toMatchObject(timeout);
    server.comeBack();
    await until(() => server.atOnce === 0);
    expect((await bodyOf(destination, "00.avro")).toString()).toBe("body");
    expect(await put(destination, "00.avro", body())).toEqual({ kind: "exists" });
  });

  test("E5: without hard links, the lock stays while a rename may still happen", async () => {
    const rename: Files["rename"] = async (from, to) => {
      server.isAway = true;
      await server.files.rename(from, to);
    };
    const link: Files["link"] = () => Promise.reject(Object.assign(new Error("no links"), { code: "ENOTSUP" }));
    const files = { ...server.files, link, rename };
    const container = await openFolder(directory, { files, requestTimeoutMs }).container("iot");
    expect(await afterLimit(put(container, "00.avro", body()))).toMatchObject(timeout);
    server.isAway = false; // others get through; the rename does not
    expect(existsSync(join(directory, "iot/.coldpath/put.lock"))).toBe(true);
  });

  test("a file that is opened after nobody waits for it any more is closed", async () => {
    const files: Files = {
      ...server.files,
      open: async (path, flags) => {
        server.isAway = true;
        return await server.files.open(path, flags);
      },
    };
    const container = await openFolder(directory, { files, requestTimeoutMs }).container("iot");
    const { closed } = server;
    const request: PutRequest = { path: "00.avro", bytes: body(), label: () => ({}) };
    expect(await afterLimit(container.put(request))).toMatchObject(timeout);
    server.comeBack();
    await until(() => server.closed === closed + 1);
  });
});
