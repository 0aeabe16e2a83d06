// The secret key that an operator keeps elsewhere: in the environment, or behind a command (a vault, a cloud's KMS).
//
// Owns:      running that command, bounded in time and output, and the notation of a key.
// Does not:  say anywhere what the command wrote, on either of its outputs: both may hold the key (A2).

import { spawn } from "node:child_process";
import { ColdpathError } from "../lib/errors.ts";

const keyBytes = 32;
const outputCharsMax = 4096;

export interface GivenKey {
  /** The key as text. */
  readonly text: string | undefined;
  /** A command for the shell, whose standard output is the key as text. */
  readonly command: string | undefined;
  /** How the operator names the two, for errors: `secret-key`. */
  readonly option: string;
}

/**
 * The key, or undefined when none is given.
 *
 * @throws ColdpathError `fatal`, `secret-key-unusable`.
 */
export async function readGivenKey(
  { text, command, option }: GivenKey,
  timeoutMs = 30_000,
): Promise<Buffer | undefined> {
  if (text !== undefined && command !== undefined) {
    const hint = "Give one of them.";
    throw unusable(option, `Both --${option} and --${option}-command are given.`, hint);
  }
  if (text !== undefined) return keyOf(text, option, `The secret key in --${option}`);
  if (command === undefined) return undefined;
  const name = `${option}-command`;
  return keyOf(await outputOf(command, name, timeoutMs), name, `What the command of --${name} wrote`);
}

function keyOf(text: string, option: string, subject: string): Buffer {
  const trimmed = text.trim();
  const encoding = /^[0-9a-fA-F]{64}$/.test(trimmed) ? "hex" : "base64";
  const isText = encoding === "hex" || /^[A-Za-z0-9+/_-]{43}=?$/.test(trimmed);
  const key = Buffer.from(trimmed, encoding);
  if (isText && key.length === keyBytes) return key;
  throw unusable(
    option,
    `${subject} is not ${keyBytes} bytes in base64 or hexadecimal.`,
    "Make one with: openssl rand -base64 32",
  );
}

async function outputOf(command: string, option: string, timeoutMs: number): Promise<string> {
  // A process group of its own: what the shell started ends with it.
  const child = spawn("/bin/sh", ["-c", command], { stdio: ["ignore", "pipe", "ignore"], detached: true });
  const kill = (): void => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
    } catch {
      // ESRCH: it has ended by itself.
    }
  };
  let output = "";
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    kill();
  }, timeoutMs);
  try {
    const status = await new Promise<number | string | null>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code, signal) => resolve(code ?? signal));
      child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
        output += chunk;
        if (output.length > outputCharsMax) kill();
      });
    });
    const hint = "Run it by hand as the user that the server runs as; what it writes is not shown here.";
    const subject = `The command of --${option}`;
    if (isLate) throw unusable(option, `${subject} did not end within ${timeoutMs / 1000} s.`, hint);
    if (output.length > outputCharsMax) throw unusable(option, `${subject} wrote more than a key.`, hint);
    if (status !== 0) throw unusable(option, `${subject} failed (${status}).`, hint);
    return output;
  } finally {
    clearTimeout(timer);
    kill();
  }
}

function unusable(field: string, message: string, hint: string): ColdpathError {
  return new ColdpathError("fatal", "secret-key-unusable", message, { field, hint });
}
