// Azurite, the storage emulator from npm, as a child process on the loopback.
//
// The blob service alone, on a free port. In memory by default; with `directory` it keeps its data, so that a test can
// stop it and start it again as an outage. Strict (no --loose): a header the emulator does not know is an error here.

import { spawn } from "node:child_process";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";

export interface Azurite {
  readonly connectionString: string;
  /** With the account's name, as path-style endpoints have it. */
  readonly endpoint: string;
  readonly accountName: string;
  readonly accountKey: string;
  readonly port: number;
  /** Ends the process. May be called twice. */
  stop(): Promise<void>;
}

export interface AzuriteOptions {
  /** Where to keep data; in memory when left out. */
  readonly directory?: string | undefined;
  /** For starting again where it was. */
  readonly port?: number | undefined;
  /** PEM files: serve https, and take tokens of Entra ID (their claims are checked, their signature is not). */
  readonly tls?: { readonly certificateFile: string; readonly keyFile: string } | undefined;
}

/** The published account of the emulator. */
const accountName = "devstoreaccount1";
const accountKey = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

const startMsMax = 60_000;

export async function startAzurite(options: AzuriteOptions = {}): Promise<Azurite> {
  const entry = fileURLToPath(import.meta.resolve("azurite/dist/src/blob/main.js"));
  const where = options.directory === undefined ? ["--inMemoryPersistence"] : ["--location", options.directory];
  const { tls } = options;
  const secure = tls === undefined ? [] : ["--oauth", "basic", "--cert", tls.certificateFile, "--key", tls.keyFile];
  const child = spawn(
    process.execPath,
    [
      entry,
      "--blobHost",
      "127.0.0.1",
      "--blobPort",
      String(options.port ?? 0),
      "--silent",
      "--disableTelemetry",
      ...where,
      ...secure,
    ],
    { cwd: options.directory ?? tmpdir(), stdio: ["ignore", "pipe", "pipe"] },
  );
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  // A test runner that dies takes its child along. Killed, the emulator forgets what it confirmed in the last seconds.
  const killChild = (): void => void child.kill(options.directory === undefined ? "SIGKILL" : "SIGTERM");
  process.once("exit", killChild);

  let output = "";
  const port = await new Promise<number>((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill("SIGKILL");
      reject(new Error(`Azurite did not start within ${startMsMax / 1_000} s: ${output}`));
    }, startMsMax);
    const read = (chunk: Buffer): void => {
      output = (output + chunk.toString()).slice(-10_000);
      const match = /successfully listens on https?:\/\/127\.0\.0\.1:(\d+)/.exec(output);
      if (match === null) return;
      clearTimeout(timer);
      resolve(Number(match[1]));
    };
    child.stdout.on("data", read);
    child.stderr.on("data", read);
    child.once("error", reject);
    child.once("close", (code) => {
      clearTimeout(timer);
      reject(new Error(`Azurite ended with code ${code}: ${output}`));
    });
  });

  const endpoint = `${tls === undefined ? "http" : "https"}://127.0.0.1:${port}/${accountName}`;
  return {
    connectionString: connectionStringOf(endpoint),
    endpoint,
    accountName,
    accountKey,
    port,
    stop: async () => {
      process.off("exit", killChild);
      // Its own shutdown waits for keep-alive connections; the data of --location is saved every few seconds and on end.
      child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), 10_000);
      await ended;
      clearTimeout(timer);
    },
  };
}

/** The connection string of Azurite's account behind another endpoint, e.g. a fault proxy's. */
export function connectionStringOf(endpoint: string): string {
  return `DefaultEndpointsProtocol=http;AccountName=${accountName};AccountKey=${accountKey};BlobEndpoint=${endpoint};`;
}
