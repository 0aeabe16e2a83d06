// The REST API over a real registry, journal and exporter, for tests. Keeps every answer and log line, so that a test
// can look for what must not be in them.

import { join } from "node:path";
import { openStorage } from "../../src/destinations/open-storage.ts";
import { type AdminOptions, type RunningAdmin, startAdmin } from "../../src/admin/admin.ts";
import { ConnectionTable } from "../../src/ingest/connection-table.ts";
import { type IngestCounters, newCounters } from "../../src/ingest/ingest.ts";
import { RecentMessages } from "../../src/live/recent-messages.ts";
import { Rates } from "../../src/live/rates.ts";
import { WatchedDevices } from "../../src/live/watched-devices.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { CloudMessages } from "../../src/twins/cloud-messages.ts";
import { Methods } from "../../src/twins/methods.ts";
import type { Log } from "../../src/lib/log.ts";
import { type BenchOptions, ExportBench } from "./export-bench.ts";

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // oxlint-disable-next-line typescript/no-explicit-any -- answers of any route
  readonly body: any;
}

export interface CallOptions {
  readonly token?: string | null | undefined;
  /** Sent as it is, with this content type. */
  readonly raw?: { readonly type: string; readonly text: string } | undefined;
}

export const adminToken = "test-token-of-the-administrator-0123456789";

export class AdminBench {
  readonly rooms: ExportBench;
  readonly connections = new ConnectionTable();
  readonly counters: IngestCounters = newCounters();
  readonly methods = new Methods({ clock: systemClock, callsMax: 1000 });
  readonly answers: string[] = [];
  readonly logged: string[] = [];
  /** Seconds pass by `rates.tick()`. */
  readonly rates = new Rates({
    totals: () => ({
      messages: this.counters.acceptedMessages,
      bytes: this.counters.acceptedBytes,
      rejections: Object.values(this.counters.rejections).reduce((sum, count) => sum + count, 0),
      connected: this.connections.openCount,
    }),
  });
  /** Why devices are refused. */
  reasons: readonly string[] = [];
  watchedDevices!: WatchedDevices;
  admin!: RunningAdmin;

  private constructor(rooms: ExportBench) {
    this.rooms = rooms;
  }

  static async open(more: Partial<AdminOptions> = {}, options: BenchOptions = {}): Promise<AdminBench> {
    const bench = new AdminBench(await ExportBench.open(options));
    bench.watchedDevices = new WatchedDevices({
      journal: bench.rooms.journal,
      devicesMax: 8,
      messagesPerSecondMax: 50,
      bytesPerSecondMax: 1024 * 1024,
    });
    const { registry, journal, exporter, clock } = bench.rooms;
    const write = (fields: object, message: string): void => {
      bench.logged.push(`${message} ${JSON.stringify(fields)}`);
    };
    const log: Log = { debug: write, info: write, warn: write, error: write };
    bench.admin = await startAdmin({
      registry,
      journal,
      exporter,
      clock,
      log,
      connections: bench.connections,
      counters: bench.counters,
      rates: bench.rates,
      methods: bench.methods,
      cloudMessages: new CloudMessages({ registry, clock, log, bytesMax: 1024 * 1024 }),
      recentMessages: new RecentMessages({
        journal,
        scanBytesMax: 64 * 1024 * 1024,
        scanMs: 3000,
        answerBytesMax: 1024 * 1024,
        scansMax: 2,
        scansWaitingMax: 20,
      }),
      watchedDevices: bench.watchedDevices,
      streamsMax: 200,
      streamUnsentBytesMax: 1024 * 1024,
      openStorage: async (id) => {
        const { settings } = await registry.storageAccount(id);
        return openStorage(settings, (await registry.storageSecret(id)) ?? undefined);
      },
      openStorageWith: (settings, secret) => openStorage(settings, secret),
      endpoints: () => ({
        publicHosts: ["hub.test"],
        mqttPort: 1883,
        mqttsPort: 8883,
        amqpsPort: 5671,
        httpsPort: 8443,
        caPath: null,
      }),
      readiness: () => ({ ready: bench.reasons.length === 0, reasons: bench.reasons }),
      metrics: async () => "coldpath_up 1\n",
      version: "0.0.0-test",
      startedAt: new Date().toISOString(),
      restored: null,
      exportDefaults: { blockBytes: 65_536, fileBytesMax: 1 << 30 },
      adminToken,
      pageDirectory: `${bench.rooms.directory}/page`,
      docsDirectory: join(import.meta.dirname, "../../docs"),
      sessions: { idleMs: 3_600_000, lengthMs: 86_400_000, sessionsMax: 100 },
      auditLogEntriesMax: 10_000,
      webUrl: () => bench.url,
      host: "127.0.0.1",
      port: 0,
      webHosts: [],
      requestBytesMax: 65_536,
      importBytesMax: 16 * 1024 * 1024,
      pageSizeMax: 1000,
      previewBytesMax: 64 * 1024 ** 2,
      downloadsMax: 8,
      storageFolders: null,
      ...more,
    });
    return bench;
  }

  get url(): string {
    return `http://127.0.0.1:${this.admin.port}`;
  }

  /** @param path  below /api/v1, unless it starts with `//`: then below the root. */
  async call(method: string, path: string, body?: unknown, options: CallOptions = {}): Promise<Answer> {
    const { token = adminToken, raw } = options;
    const text = raw?.text ?? (body === undefined ? undefined : JSON.stringify(body));
    const headers: Record<string, string> = {};
    if (token !== null) headers["authorization"] = `Bearer ${token}`;
    if (text !== undefined) headers["content-type"] = raw?.type ?? "application/json";
    const address = path.startsWith("//") ? `${this.url}${path.slice(1)}` : `${this.url}/api/v1${path}`;
    const response = await fetch(address, { method, headers, ...(text === undefined ? {} : { body: text }) });
    const answer = await response.text();
    this.answers.push(`${method} ${path} ${answer}`);
    const isJson = (response.headers.get("content-type") ?? "").startsWith("application/json");
    const content: unknown = isJson && answer !== "" ? JSON.parse(answer) : null;
    return { status: response.status, headers: response.headers, text: answer, body: content };
  }

  /** As `call`, and the answer's content where its status is the one expected. */
  // oxlint-disable-next-line typescript/no-explicit-any -- answers of any route
  async expect(status: number, method: string, path: string, body?: unknown): Promise<any> {
    const answer = await this.call(method, path, body);
    if (answer.status !== status) throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`);
    return answer.body;
  }

  /** The error of a call that must be refused. */
  async refused(
    status: number,
    method: string,
    path: string,
    body?: unknown,
  ): Promise<{ readonly code: string; readonly message: string; readonly field?: string; readonly hint?: string }> {
    return (await this.expect(status, method, path, body)).error;
  }

  /** A folder account with the container `iot`, by the API. @returns its id. */
  async folder(name: string): Promise<string> {
    const path = `${this.rooms.directory}/${name}`;
    const account = await this.expect(201, "POST", "/storage-accounts", { name, settings: { kind: "folder", path } });
    await this.expect(201, "POST", `/storage-accounts/${account.id}/containers`, { name: "iot" });
    return account.id as string;
  }

  async close(): Promise<void> {
    await this.admin.close();
    await this.rooms.close();
  }
}
