// What goes wrong on the way to Azure Blob: a proxy that fails on purpose between the adapter and a real Azurite.
//
// The matrix: {stage, commit, head, list, read, create} × {429, 500, 503, 403, reset, hang, answer lost}. Whatever
// happens, no partial blob is visible (E5) and the next attempt, over a sound connection, finishes.

import { probeFailure } from "../../src/destinations/failure.ts";
import { randomBytes } from "node:crypto";
import { inspect } from "node:util";
import { BlobServiceClient, type ContainerClient } from "@azure/storage-blob";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { bodyOf, inChunks, label, pathsOf, put } from "../../src/destinations/destination.contract.ts";
import {
  DestinationError,
  type Destination,
  type Failure,
  type StorageAccess,
} from "../../src/destinations/destination.ts";
import { openStorage } from "../../src/destinations/open-storage.ts";
import { connectionStringOf, startAzurite, type Azurite } from "../lib/azurite.ts";
import {
  startFaultProxy,
  type Fault,
  type FaultProxy,
  type PlacedRule,
  type ProxiedRequest,
} from "../lib/fault-proxy.ts";

const blockBytes = 32 * 1024;
/** Never waited for: a test that needs it to pass has the timers at hand (`timedOut`). A busy machine cannot reach it. */
const requestTimeoutMs = 60_000;
const settings = { kind: "azure-blob", auth: "connection-string", endpoint: "" } as const;

let azurite: Azurite;
let proxy: FaultProxy;
let account: StorageAccess;
let destination: Destination;
let raw: ContainerClient;
let names = 0;

beforeAll(async () => {
  azurite = await startAzurite();
  proxy = await startFaultProxy(`http://127.0.0.1:${azurite.port}`);
  const connectionString = connectionStringOf(`${proxy.origin}/${azurite.accountName}`);
  account = openStorage(settings, connectionString, { blockBytes, requestTimeoutMs });
  await account.createContainer("faults");
  destination = await account.container("faults");
  raw = BlobServiceClient.fromConnectionString(azurite.connectionString).getContainerClient("faults");
});
afterAll(async () => {
  await account.close();
  await proxy.stop();
  await azurite.stop();
});
beforeEach(() => proxy.clear());
afterEach(() => void vi.useRealTimers());

const isStage = (request: ProxiedRequest): boolean => request.query.get("comp") === "block";
const isCommit = (request: ProxiedRequest): boolean => request.query.get("comp") === "blocklist";
const isHead = (request: ProxiedRequest): boolean => request.method === "HEAD";
const isList = (request: ProxiedRequest): boolean => request.query.get("comp") === "list";
const isRead = (request: ProxiedRequest): boolean => request.method === "GET" && !isList(request);

const faults: readonly (readonly [title: string, fault: Fault, expected: Partial<Failure>])[] = [
  ["503 ServerBusy", { kind: "answer", status: 503, code: "ServerBusy" }, { kind: "temporary", code: "ServerBusy" }],
  [
    "500 InternalError",
    { kind: "answer", status: 500, code: "InternalError" },
    { kind: "temporary", code: "InternalError" },
  ],
  ["429 without a code", { kind: "answer", status: 429 }, { kind: "temporary", code: "http-429" }],
  [
    "502 of a gateway",
    { kind: "answer", status: 502, body: "<html>Bad gateway</html>" },
    { kind: "temporary", code: "http-502" },
  ],
  ["reset", { kind: "reset" }, { kind: "temporary", code: "ECONNRESET" }],
  ["hang", { kind: "hang" }, { kind: "temporary", code: "timeout" }],
  ["answer lost", { kind: "lose-answer" }, { kind: "temporary", code: "ECONNRESET" }],
  [
    "403 AuthenticationFailed",
    { kind: "answer", status: 403, code: "AuthenticationFailed" },
    { kind: "permanent", code: "AuthenticationFailed" },
  ],
  [
    "403 AuthorizationPermissionMismatch",
    { kind: "answer", status: 403, code: "AuthorizationPermissionMismatch" },
    { kind: "permanent", code: "AuthorizationPermissionMismatch" },
  ],
  [
    "409 ContainerBeingDeleted",
    { kind: "answer", status: 409, code: "ContainerBeingDeleted" },
    { kind: "temporary", code: "ContainerBeingDeleted" },
  ],
  ["418 unknown", { kind: "answer", status: 418, code: "Teapot" }, { kind: "permanent", code: "Teapot" }],
];

describe.each(faults)("azure-blob met by %s", (_title, fault, expected) => {
  const met = <T>(rule: PlacedRule, call: () => Promise<T>): Promise<T> =>
    fault.kind === "hang" ? timedOut(call, () => rule.hits === 1) : call();

  it("E5: while staging: nothing is visible, and the next attempt creates it", async () => {
    const { path, body } = fresh();
    // The second block: one is staged already.
    let stages = 0;
    const rule = proxy.add({ when: (request) => isStage(request) && ++stages === 2, fault, times: 1 });
    expect(await met(rule, () => put(destination, path, inChunks(body)))).toMatchObject({
      ...expected,
      message: expect.stringContaining(path) as string,
    });
    expect(rule.hits).toBe(1);
    expect(stages).toBe(2);
    expect(await visible(path)).toBeNull();
    expect(await put(destination, path, inChunks(body))).toEqual({ kind: "created" });
    expect(await visible(path)).toEqual(body);
  });

  it("E5: while committing: nothing or all is visible, and the next attempt says which", async () => {
    const { path, body } = fresh();
    const rule = proxy.add({ when: isCommit, fault, times: 1 });
    expect(await met(rule, () => put(destination, path, inChunks(body)))).toMatchObject(expected);
    expect(proxy.requests.filter(isCommit)).toHaveLength(1);
    if (fault.kind === "lose-answer") {
      expect(await visible(path)).toEqual(body);
      expect(await put(destination, path, inChunks(body))).toEqual({ kind: "exists" });
    } else {
      expect(await visible(path)).toBeNull();
      expect(await put(destination, path, inChunks(body))).toEqual({ kind: "created" });
    }
    expect(await destination.head(path)).toEqual({ kind: "found", bytes: body.byteLength, label });
  });

  it("while looking, listing and reading: the failure comes out once, with a hint", async () => {
    const { path, body } = fresh();
    await put(destination, path, inChunks(body));
    const failure = { ...expected, hint: expect.stringMatching(/\w+/) as string };
    const head = proxy.add({ when: isHead, fault, times: 1 });
    expect(await met(head, () => destination.head(path))).toMatchObject(failure);
    const list = proxy.add({ when: isList, fault, times: 1 });
    await expect(met(list, () => pathsOf(destination, path))).rejects.toMatchObject({ failure });
    const read = proxy.add({ when: isRead, fault, times: 1 });
    await expect(met(read, () => bodyOf(destination, path))).rejects.toMatchObject({ failure });
    expect(proxy.requests.filter(isRead)).toHaveLength(1);
    expect(await bodyOf(destination, path)).toEqual(body);
  });
});

describe("azure-blob", () => {
  it("E5: the loser of two attempts whose blocks met looks at the name", async () => {
    const { path, body } = fresh();
    // While the first attempt is about to commit, the second commits: the service drops the first one's blocks.
    const when = (request: ProxiedRequest): boolean => isCommit(request);
    proxy.add({ when, fault: { kind: "delay", delayMs: 300 }, times: 1 });
    const first = put(destination, path, inChunks(body));
    await until(() => proxy.requests.some(isCommit));
    expect(await put(destination, path, inChunks(body))).toEqual({ kind: "created" });
    expect(await first).toEqual({ kind: "exists" });
    expect(await visible(path)).toEqual(body);
  });

  it.each(["InvalidBlockList", "InvalidBlobOrBlock"])("400 %s with the name free is temporary", async (code) => {
    const { path, body } = fresh();
    proxy.add({ when: isCommit, fault: { kind: "answer", status: 400, code }, times: 1 });
    expect(await put(destination, path, inChunks(body))).toMatchObject({ kind: "temporary", code });
    expect(await put(destination, path, inChunks(body))).toEqual({ kind: "created" });
  });

  it.each(["LeaseIdMissing", "BlobImmutableDueToPolicy"])(
    "%s with the name taken is exists, else permanent",
    async (code) => {
      const { path, body } = fresh();
      proxy.add({ when: isCommit, fault: { kind: "answer", status: 412, code } });
      expect(await put(destination, path, inChunks(body))).toMatchObject({ kind: "permanent", code });
      await raw.getBlockBlobClient(path).upload("foreign", 7);
      expect(await put(destination, path, inChunks(body))).toEqual({ kind: "exists" });
      expect((await visible(path))?.toString()).toBe("foreign");
    },
  );

  it("E5: blocks of another id length left by a stranger are temporary, never mixed in", async () => {
    const { path, body } = fresh();
    await raw.getBlockBlobClient(path).stageBlock(Buffer.from("short").toString("base64"), "stranger", 8);
    expect(await put(destination, path, inChunks(body))).toMatchObject({
      kind: "temporary",
      code: "InvalidBlobOrBlock",
    });
    expect(await visible(path)).toBeNull();
  });

  it("a foreign blob without label in the way is exists, and its label is null", async () => {
    const { path, body } = fresh();
    await raw.getBlockBlobClient(path).upload("foreign", 7);
    expect(await put(destination, path, inChunks(body))).toEqual({ kind: "exists" });
    expect(await destination.head(path)).toEqual({ kind: "found", bytes: 7, label: null });
    expect((await visible(path))?.toString()).toBe("foreign");
  });

  it("a body cut short while it is read is an error, never a short read", async () => {
    const { path, body } = fresh();
    await put(destination, path, inChunks(body));
    for (const end of ["reset", "hang"] as const) {
      proxy.add({ when: isRead, fault: { kind: "cut-answer", bytes: 10_000, end }, times: 1 });
      let bytes = 0;
      const reading = async (): Promise<void> => {
        for await (const chunk of destination.read(path)) bytes += chunk.byteLength;
      };
      await expect(end === "reset" ? reading() : timedOut(reading, () => bytes === 10_000)).rejects.toMatchObject({
        name: "DestinationError",
        failure: { kind: "temporary", ...(end === "hang" ? { code: "timeout" } : {}) },
      });
      expect(bytes).toBeLessThanOrEqual(10_000);
    }
    expect(proxy.requests.filter(isRead)).toHaveLength(2);
  });

  it("a container deleted while an export runs is permanent, and heals when it is there again", async () => {
    await account.createContainer("vanishing");
    const vanishing = await account.container("vanishing");
    expect(await put(vanishing, "a", inChunks(Buffer.from("x")))).toEqual({ kind: "created" });
    await BlobServiceClient.fromConnectionString(azurite.connectionString).deleteContainer("vanishing");
    expect(await put(vanishing, "b", inChunks(Buffer.from("x")))).toMatchObject({
      kind: "permanent",
      code: "ContainerNotFound",
    });
    expect(probeFailure(await vanishing.probe())).toMatchObject({ kind: "permanent", step: "find the container" });
    await account.createContainer("vanishing");
    expect(probeFailure(await vanishing.probe())).toBeNull();
    expect(await put(vanishing, "b", inChunks(Buffer.from("x")))).toEqual({ kind: "created" });
  });

  it("a server that is away is temporary, and the probe says connect", async () => {
    const gone = await startFaultProxy(`http://127.0.0.1:${azurite.port}`);
    const away = openStorage(settings, connectionStringOf(`${gone.origin}/${azurite.accountName}`));
    await gone.stop();
    const failure = { kind: "temporary", code: "ECONNREFUSED" };
    expect(await put(await away.container("faults"), "x", inChunks(Buffer.from("x")))).toMatchObject(failure);
    expect(probeFailure(await (await away.container("faults")).probe())).toMatchObject({ ...failure, step: "connect" });
    await expect(away.listContainers()).rejects.toMatchObject({ failure });
    await expect(away.createContainer("faults")).rejects.toBeInstanceOf(DestinationError);
    const nowhere = openStorage(settings, connectionStringOf("http://coldpath.invalid/devstoreaccount1"));
    expect(probeFailure(await (await nowhere.container("faults")).probe())).toMatchObject({
      kind: "temporary",
      step: "resolve the host name",
    });
    await away.close();
    await nowhere.close();
  });

  it("probes with one tiny block under one name, and says which step failed", async () => {
    expect(probeFailure(await destination.probe())).toBeNull();
    const first = proxy.requests.map((request) => `${request.method} ${request.url}`);
    proxy.clear();
    expect(probeFailure(await destination.probe())).toBeNull();
    expect(proxy.requests.map((request) => `${request.method} ${request.url}`)).toEqual(first);
    expect(proxy.requests.reduce((bytes, request) => bytes + request.bodyBytes, 0)).toBe(1);
    expect(first).toHaveLength(3);
    const steps = [
      [isStage, "stage a block"],
      [isList, "list"],
      [isRead, "read"],
    ] as const;
    for (const [when, step] of steps) {
      proxy.clear();
      proxy.add({ when, fault: { kind: "answer", status: 403, code: "AuthorizationPermissionMismatch" } });
      expect(probeFailure(await destination.probe())).toMatchObject({ kind: "permanent", step });
    }
    proxy.clear();
    proxy.add({ fault: { kind: "answer", status: 403, code: "AuthenticationFailed" } });
    expect(probeFailure(await destination.probe())).toMatchObject({ kind: "permanent", step: "authenticate" });
  });

  it("A2: a service that quotes the key gives it to nobody: not in the failure, not in the error's cause", async () => {
    const quoting = `<?xml version="1.0"?><Error><Code>Odd</Code><Message>key ${azurite.accountKey}</Message></Error>`;
    proxy.add({ fault: { kind: "answer", status: 400, code: "Odd", body: quoting } });
    const outcome = await put(destination, "quoted", inChunks(Buffer.from("x")));
    expect(outcome).toMatchObject({
      kind: "permanent",
      code: "Odd",
      message: expect.stringContaining("key ***") as string,
    });
    const error: unknown = await account.listContainers().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(DestinationError);
    const shown = inspect(error, { showHidden: true, depth: 10 });
    expect(shown).toContain("key ***");
    expect(shown).not.toContain(azurite.accountKey);
    // Nor the request with its signature, which the SDK's own error carries.
    expect(shown).not.toContain("SharedKey");
  });

  it("a consumer may take longer over a chunk than the service may for an answer", async () => {
    const { path } = fresh();
    const body = randomBytes(40 * blockBytes);
    await put(destination, path, inChunks(body));
    let bytes = 0;
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    for await (const chunk of destination.read(path)) {
      if (bytes === 0) vi.advanceTimersByTime(1.5 * requestTimeoutMs);
      bytes += chunk.byteLength;
    }
    expect(bytes).toBe(body.byteLength);
  });

  it("a token that never comes is a time-out", async () => {
    const endpoint = `https://127.0.0.1:1/${azurite.accountName}`;
    const never = { getToken: (): Promise<never> => new Promise(() => {}) };
    const waiting = openStorage({ kind: "azure-blob", auth: "entra", endpoint }, undefined, {
      requestTimeoutMs: 50,
      tokenSource: never,
    });
    const failure = { kind: "temporary", code: "timeout" };
    const waitingContainer = await waiting.container("faults");
    expect(await put(waitingContainer, "x", inChunks(Buffer.from("x")))).toMatchObject(failure);
    await expect(pathsOf(waitingContainer, "")).rejects.toMatchObject({ failure });
    await expect(bodyOf(waitingContainer, "x")).rejects.toMatchObject({ failure });
    await waiting.close();
  });

  it("an abort ends a request that hangs, at once", async () => {
    const { path, body } = fresh();
    const controller = new AbortController();
    proxy.add({ when: isCommit, fault: { kind: "hang" } });
    const outcome = put(destination, path, inChunks(body), controller.signal);
    await until(() => proxy.requests.some(isCommit));
    controller.abort();
    expect(await outcome).toMatchObject({ kind: "temporary", code: "aborted" });
    expect(await visible(path)).toBeNull();
  });

  it("M1: moves a large object with the memory of a block, one block at a time", async () => {
    const { path } = fresh();
    const chunk = randomBytes(16 * 1024);
    const source = async function* (): AsyncGenerator<Uint8Array> {
      for (let index = 0; index < 200; index++) yield chunk;
    };
    expect(await put(destination, path, source())).toEqual({ kind: "created" });
    const blocks = proxy.requests.filter(isStage);
    expect(blocks).toHaveLength(100);
    for (const block of blocks) expect(block.bodyBytes).toBe(blockBytes);
    const ids = blocks.map((block) => Buffer.from(block.query.get("blockid") ?? "", "base64").toString());
    expect(new Set(ids.map((id) => id.length))).toEqual(new Set([24]));
    expect(new Set(ids.map((id) => id.slice(0, 16))).size).toBe(1);
    expect(new Set(ids).size).toBe(100);
  });
});

function fresh(): { path: string; body: Buffer } {
  return { path: `measurements/hub/${names++}/00.avro`, body: randomBytes(3 * blockBytes + 7) };
}

/** What `call` comes to when the time of a request passes in the moment that `isHanging` becomes true. */
async function timedOut<T>(call: () => Promise<T>, isHanging: () => boolean): Promise<T> {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  try {
    let isOver = false;
    const outcome = call().finally(() => (isOver = true));
    await until(() => isOver || isHanging());
    vi.advanceTimersByTime(requestTimeoutMs);
    return await outcome;
  } finally {
    vi.useRealTimers();
  }
}

/** What a reader sees, past the proxy; null when there is no blob. */
async function visible(path: string): Promise<Buffer | null> {
  const client = raw.getBlobClient(path);
  return (await client.exists()) ? await client.downloadToBuffer() : null;
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}
