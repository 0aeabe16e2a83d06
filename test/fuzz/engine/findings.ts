// The files of a finding, beside each other in `findings`, and what its runs alone and in company say about it.
//
//     crash-0123456789abcdef          the input
//     crash-0123456789abcdef.txt      the error
//     crash-0123456789abcdef.company  the inputs that ran before it, oldest first, in base64 by line

import { existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";

/** Names of the inputs, without what stands beside them. */
export function findingsIn(directory: string): readonly string[] {
  return readdirSync(directory).filter((name) => !name.includes("."));
}

export function writeCompany(path: string, inputs: readonly Buffer[]): void {
  writeFileSync(`${path}.company`, inputs.map((input) => `${input.toString("base64")}\n`).join(""));
}

/** None when it was found without any, or by something else. */
export function companyOf(path: string): readonly Buffer[] {
  if (!existsSync(`${path}.company`)) return [];
  const lines = readFileSync(`${path}.company`, "utf8").split("\n");
  return lines.slice(0, -1).map((line) => Buffer.from(line, "base64"));
}

export function removeFinding(path: string): void {
  for (const ending of ["", ".txt", ".company"]) rmSync(path + ending, { force: true });
}

/** How a run of one input in a process of its own ended. */
export interface Rerun {
  readonly isSound: boolean;
  readonly ms: number;
  readonly complaint: string;
}

export interface Verdict {
  readonly isFinding: boolean;
  readonly text: string;
}

/**
 * What becomes of something that was found, when it ran again.
 *
 * A hang that is none when it runs alone was a busy machine. A crash stays one: it may have come of what an earlier input left
 * behind, or late.
 *
 * @param rerun  `isInCompany`: behind the inputs that were kept with it.
 */
export async function judge(
  name: string,
  hangMs: number,
  rerun: (isInCompany: boolean) => Promise<Rerun>,
): Promise<Verdict> {
  const alone = await rerun(false);
  if (!alone.isSound) return { isFinding: true, text: alone.complaint };
  if (name.startsWith("memory")) return { isFinding: true, text: "Alone it takes no such memory." };
  if (name.startsWith("hang")) {
    const isFinding = alone.ms > hangMs;
    return {
      isFinding,
      text: isFinding ? `${alone.ms} ms when it runs alone` : `fine when it runs alone (${alone.ms} ms)`,
    };
  }
  const together = await rerun(true);
  if (!together.isSound) return { isFinding: true, text: `In company only (--company): ${together.complaint}` };
  return {
    isFinding: true,
    text: "It was not seen again, neither alone nor behind the inputs before it: its error is in the .txt.",
  };
}
