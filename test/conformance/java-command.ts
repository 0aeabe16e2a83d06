// How a process with Java's SDK in it is started: the driver, compiled once for all of them, and a file that says where the hub is.
// Of names the JVM asks nobody else then (jdk.net.hosts.file); of ports it cannot be told, so that the gate has the standard ones.

import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { hubHost } from "./gate-address.ts";
import { javaSdkClassPath } from "../lib/needs.ts";

let folder: string | null = null;

/** @param address  of the gate. */
export function javaCommand(address: string): readonly string[] {
  folder ??= compiled();
  const hosts = join(folder, `hosts-${address}`);
  writeFileSync(hosts, `${address} ${hubHost}\n`);
  return [
    "java",
    `-Djdk.net.hosts.file=${hosts}`,
    `-Djava.io.tmpdir=${folder}`,
    // For a short life: it is up in a second, and leaves the processor to the others.
    "-XX:TieredStopAtLevel=1",
    "-XX:+UseSerialGC",
    "-Xshare:auto",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=error",
    "-cp",
    [join(folder, "classes"), javaSdkClassPath].join(delimiter),
    "SdkDriver",
  ];
}

/** @returns a folder, which goes when this process does. */
function compiled(): string {
  const made = mkdtempSync(join(tmpdir(), "conformance-java-"));
  process.once("exit", () => rmSync(made, { recursive: true, force: true }));
  const classes = join(made, "classes");
  mkdirSync(classes);
  const source = join(import.meta.dirname, "SdkDriver.java");
  execFileSync("javac", ["-d", classes, "-cp", javaSdkClassPath, "-encoding", "UTF-8", source]);
  return made;
}
