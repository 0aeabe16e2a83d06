// Checks of this machine: the data directory, the ports, the certificate. Nothing is left behind.

import { X509Certificate } from "node:crypto";
import { access, constants, readFile, rm, stat, statfs, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import type { Config } from "../config/config.ts";
import { codeOf, ColdpathError, messageOf } from "../lib/errors.ts";
import { bytesText } from "./output.ts";

export interface CheckResult {
  readonly name: string;
  readonly state: "ok" | "warning" | "failed" | "skipped";
  readonly detail: string;
  readonly hint?: string | undefined;
}

const dayMs = 86_400_000;

export async function checkDataDirectory({ dataDir, journalBytesMax }: Config): Promise<CheckResult> {
  const name = "data directory";
  const place = await nearestDirectory(dataDir);
  if (place === null) {
    const hint = "Name a directory with --data-dir (COLDPATH_DATA_DIR).";
    return { name, state: "failed", detail: `${dataDir} is not a directory`, hint };
  }
  try {
    await access(place, constants.W_OK | constants.X_OK);
    if (place === dataDir) {
      const probe = join(dataDir, `.check-${process.pid}`);
      await writeFile(probe, "");
      await rm(probe);
    }
  } catch (error) {
    const hint = "Give it to the user that the server runs as, or name another with --data-dir (COLDPATH_DATA_DIR).";
    return { name, state: "failed", detail: `${place} cannot be written: ${messageOf(error)}`, hint };
  }
  const { bavail, bsize } = await statfs(place);
  const free = bavail * bsize;
  const what = place === dataDir ? dataDir : `${dataDir} will be made in ${place}`;
  if (free < journalBytesMax) {
    return {
      name,
      state: "warning",
      detail: `${what}; ${bytesText(free)} free, less than the journal may take (${bytesText(journalBytesMax)})`,
      hint: "Lower --journal-bytes-max, or give it a larger disk: when that is full, devices are refused.",
    };
  }
  return { name, state: "ok", detail: `${what}; ${bytesText(free)} free` };
}

/** The directory, or the nearest one above it that is there; null when something else stands in the way. */
async function nearestDirectory(path: string): Promise<string | null> {
  for (let at = path; ; at = dirname(at)) {
    const found = await stat(at).catch(() => null);
    if (found !== null) return found.isDirectory() ? at : null;
    if (at === dirname(at)) return null;
  }
}

export async function checkPorts(config: Config): Promise<readonly CheckResult[]> {
  const web = config.webTls ? config.host : "127.0.0.1";
  const ports = [
    { option: "mqtt-port", port: config.mqttPort, host: config.mqttHost },
    { option: "mqtts-port", port: config.mqttsPort, host: config.host },
    { option: "amqps-port", port: config.amqpsPort, host: config.host },
    { option: "https-port", port: config.httpsPort, host: config.host },
    { option: "web-port", port: config.webPort, host: web },
  ];
  const results: CheckResult[] = [];
  for (const { option, port, host } of ports) {
    const name = `--${option}`;
    if (port === 0) {
      results.push({ name, state: "ok", detail: "any free one" });
      continue;
    }
    const twin = ports.find((other) => other.option !== option && other.port === port);
    if (twin !== undefined) {
      results.push({
        name,
        state: "failed",
        detail: `${port} is --${twin.option}, too`,
        hint: "Give each a port of its own.",
      });
      continue;
    }
    const error = await tryListen(port, host);
    if (error === null) results.push({ name, state: "ok", detail: `${host}:${port} is free` });
    else {
      const isTaken = codeOf(error) === "EADDRINUSE";
      results.push({
        name,
        state: "failed",
        detail: `${host}:${port} ${isTaken ? "is in use" : `cannot be listened on: ${messageOf(error)}`}`,
        hint: `Stop the program that holds it, or give another port with --${option}; 0 takes any free one.`,
      });
    }
  }
  return results;
}

function tryListen(port: number, host: string): Promise<Error | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.on("error", resolve);
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(null)));
  });
}

export async function checkCertificate(config: Config): Promise<CheckResult> {
  const { dataDir, publicHost, tlsCert, tlsKey, tlsCa } = config;
  const name = "certificate";
  if (tlsCert === undefined || tlsKey === undefined) return await checkMadeCertificate(dataDir);
  // Loaded here: it makes certificates, too, and that takes a library.
  const { openTls } = await import("../tls/tls.ts");
  try {
    const { identity } = await openTls({
      dataDir,
      publicHosts: publicHost,
      own: { certPath: tlsCert, keyPath: tlsKey, caPath: tlsCa },
    });
    const missing = publicHost.filter((host) => !identity.names.includes(host.toLowerCase()));
    const days = Math.floor((identity.notAfter.getTime() - Date.now()) / dayMs);
    const detail = `${tlsCert} is for ${identity.names.join(", ")} and ends in ${days} days`;
    if (missing.length > 0) {
      const hint = "Devices that use that name refuse it: get a certificate for it, or correct --public-host.";
      return { name, state: "warning", detail: `${detail}; not for --public-host ${missing.join(", ")}`, hint };
    }
    if (days < 30)
      return { name, state: "warning", detail, hint: "Renew it; a running server takes it up within a day." };
    return { name, state: "ok", detail };
  } catch (error) {
    const hint = error instanceof ColdpathError ? error.hint : undefined;
    return { name, state: "failed", detail: messageOf(error), hint };
  }
}

async function checkMadeCertificate(dataDir: string): Promise<CheckResult> {
  const name = "certificate";
  const path = join(dataDir, "tls", "server.pem");
  try {
    const { validTo } = new X509Certificate(await readFile(path));
    const days = Math.floor((Date.parse(validTo) - Date.now()) / dayMs);
    return { name, state: "ok", detail: `${path}, made by the server and renewed by itself, ends in ${days} days` };
  } catch (error) {
    if (codeOf(error) === "ENOENT") {
      return {
        name,
        state: "ok",
        detail: `the server makes one at its first start; devices need ${dataDir}/tls/ca.pem`,
      };
    }
    const hint = "Run the check as the user that the server runs as.";
    return { name, state: "failed", detail: `cannot read ${path}: ${messageOf(error)}`, hint };
  }
}
