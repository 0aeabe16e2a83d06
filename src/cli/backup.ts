// `coldpath backup`: all of a data directory that cannot be made again and is not in the journal, in one file.

import { existsSync } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { finished } from "node:stream/promises";
import { nodeDisk } from "../lib/disk.ts";
import { ColdpathError, codeOf, messageOf } from "../lib/errors.ts";
import { command } from "./command.ts";
import { dataDirOption } from "./journal-directory.ts";
import { bytesText, jsonOption } from "./output.ts";

export const backupCommand = command({
  name: "backup",
  purpose: "copy the registry and its secrets into one file, while the server runs or not",
  arguments: ["FILE"],
  details: [
    "It holds devices, keys, templates, policies, storage accounts, exports and how far they got; the key of these secrets, unless it is given to the server from elsewhere; the administrator's token; the certificate authority. It holds no messages: what is journaled and not exported exists once.",
    "Keep the file as safe as the server: whoever has it can read every key. Its mode is 600. With - as FILE it goes to standard output, e.g. into a program that encrypts it.",
  ].join("\n"),
  options: {
    ...dataDirOption,
    force: { group: "Options", type: "boolean", isFlagOnly: true, description: "Replace FILE if it exists." },
    ...jsonOption,
  },
  examples: [
    ["coldpath backup /backup/coldpath-$(date +%F).tar --data-dir /var/lib/coldpath", "every night, say"],
    ["coldpath backup - | age -r age1… > coldpath.tar.age", "encrypted"],
  ],
  exitCodes: { 1: "There is no such registry, or FILE could not be written. No file is left." },
  run: async ({ values: { dataDir, force, json }, positionals: [file = ""], terminal }) => {
    const [{ takeBackup }, { inspectionOf }] = await Promise.all([
      import("../backup/take-backup.ts"),
      import("./backup-inspect.ts"),
    ]);
    if (!existsSync(join(dataDir, "registry.db"))) {
      throw new ColdpathError("not-found", "registry-not-found", `${dataDir} is not a server's data directory.`, {
        hint: "Name it with --data-dir (COLDPATH_DATA_DIR).",
      });
    }
    const path = file === "-" ? null : resolve(file);
    if (path !== null && existsSync(path) && force !== true) {
      throw new ColdpathError("conflict", "backup-exists", `${file} exists.`, {
        hint: "Give another name, or --force to replace it.",
      });
    }
    const manifest = await takeBackup({
      dataDir,
      temporaryDirectory: path === null ? tmpdir() : dirname(path),
      nowMs: Date.now(),
      write: path === null ? writeOut : (bytes) => writeWhole(path, bytes),
    }).catch((cause: unknown) => {
      throw codeOf(cause)?.startsWith("E") === true ? unwritable(file, cause) : cause;
    });
    if (path === null) return;
    const inspection = inspectionOf(manifest);
    if (json === true) {
      terminal.print(JSON.stringify({ file: path, ...inspection }, null, 2));
      return;
    }
    terminal.print(
      `${path}: hub "${manifest.hubName}", ${bytesText(inspection.bytes)}. It holds secrets: keep it safe.`,
    );
    if (manifest.secretKey === "elsewhere") {
      terminal.print("The key of its secrets is not in it, for the server gets it from elsewhere: keep that, too.");
    }
  },
});

function unwritable(file: string, cause: unknown): ColdpathError {
  return new ColdpathError("conflict", "backup-unwritable", `${file} cannot be written: ${messageOf(cause)}.`, {
    hint: "Name a file in a directory that exists, is writable and has room for the registry twice.",
    cause,
  });
}

async function writeOut(bytes: AsyncIterable<Buffer>): Promise<void> {
  for await (const chunk of bytes) {
    if (!process.stdout.write(chunk)) await new Promise((done) => process.stdout.once("drain", done));
  }
  if (process.stdout.writableLength > 0) await finished(process.stdout.end());
}

/** The name shows a whole backup or nothing, also after a power cut. */
async function writeWhole(path: string, bytes: AsyncIterable<Buffer>): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    await rm(temporary, { force: true });
    const file = await open(temporary, "wx", 0o600);
    try {
      for await (const chunk of bytes) await file.writeFile(chunk);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    await nodeDisk.syncDirectory(dirname(path));
  } catch (cause) {
    await rm(temporary, { force: true });
    throw cause;
  }
}
