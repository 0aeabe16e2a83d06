// `coldpath secret rotate`: everything that is encrypted at rest gets another key, or the key another place.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { ColdpathError } from "../lib/errors.ts";
import { readGivenKey } from "../server/given-secret-key.ts";
import { command } from "./command.ts";
import { dataDirOption } from "./journal-directory.ts";
import { confirm, counted, jsonOption, yesOption } from "./output.ts";
import { secretKeyOptions } from "./secret-key-options.ts";

export const secretRotateCommand = command({
  name: "secret rotate",
  purpose: "encrypt all secrets of the registry with another key",
  details: [
    "Stop the server first. The present key is where the server has it: COLDPATH_SECRET_KEY, --secret-key-command, or else {data-dir}/secret.key. The new one is in COLDPATH_NEW_SECRET_KEY or comes from --new-secret-key-command; without either a random one is made in secret.key. So this also moves the key between file and vault.",
    "It is one transaction: cut short anywhere, run it again, or start the server; one of the two keys opens everything. The former secret.key is removed at the end. Devices notice nothing.",
    "Who has the former key and an older copy of registry.db still reads that copy: if that may be, change the device keys, policies and storage secrets too.",
  ].join("\n"),
  options: {
    ...dataDirOption,
    ...secretKeyOptions,
    "new-secret-key": {
      ...secretKeyOptions["secret-key"],
      description: "The key to change to, 32 bytes in base64 or hexadecimal, from the environment.",
    },
    "new-secret-key-command": {
      ...secretKeyOptions["secret-key-command"],
      description: "A command for /bin/sh that writes the key to change to.",
    },
    ...yesOption,
    ...jsonOption,
  },
  examples: [
    ["coldpath secret rotate --data-dir /var/lib/coldpath", "a new random key in secret.key"],
    [
      "coldpath secret rotate --new-secret-key-command 'vault kv get -field=key kv/coldpath'",
      "from the file to a vault",
    ],
  ],
  exitCodes: { 1: "Not wanted, or a server runs; nothing was changed.", 2: "A key does not fit; nothing was changed." },
  run: async ({ values, terminal }) => {
    const { dataDir } = values;
    if (!existsSync(join(dataDir, "registry.db"))) {
      throw new ColdpathError("not-found", "registry-not-found", `${dataDir} is not a server's data directory.`, {
        hint: "Name it with --data-dir (COLDPATH_DATA_DIR).",
      });
    }
    const presentKey = await readGivenKey({
      text: values.secretKey,
      command: values.secretKeyCommand,
      option: "secret-key",
    });
    const nextKey = await readGivenKey({
      text: values.newSecretKey,
      command: values.newSecretKeyCommand,
      option: "new-secret-key",
    });
    const where = nextKey === undefined ? `a new random key in ${join(dataDir, "secret.key")}` : "the new key given";
    await confirm("secret rotate", `Encrypt all secrets in ${dataDir} with ${where}?`, values, terminal);

    const [{ rotateSecretKey }, { refuseToStart }] = await Promise.all([
      import("../registry/sqlite/rotation.ts"),
      import("../server/refuse-to-start.ts"),
    ]);
    const options = { directory: dataDir, presentKey, nextKey, beforeOpening: refuseToStart };
    const rotation = await rotateSecretKey(options).catch((error: unknown) => {
      if (!(error instanceof ColdpathError) || error.code !== "data-dir-in-use") throw error;
      throw new ColdpathError("conflict", error.code, error.message, { hint: "Stop it first, then run this again." });
    });
    if (rotation.leftovers !== null) {
      terminal.complain(
        `coldpath: the new key is in use, but the database could not be rewritten (${rotation.leftovers}): bytes sealed with the former key may remain in its free pages. Make room and run this again.`,
      );
    }
    if (values.json === true) {
      terminal.print(JSON.stringify(rotation, null, 2));
      return;
    }
    terminal.print(
      rotation.wasNeeded
        ? `Encrypted with ${where}: ${counted(rotation.sealed, "secret")}.`
        : `All secrets had ${where} already.`,
    );
    if (nextKey !== undefined) terminal.print("Start the server with that key; without it nobody can read them.");
  },
});
