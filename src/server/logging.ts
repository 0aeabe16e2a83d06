// The log: pino's JSON lines on standard error, or short lines for people when that is a terminal.
//
// A2  Keys, tokens and connection strings are cut out wherever they stand, as a last net: no caller should log them.

import pino from "pino";
import type { Log } from "../lib/log.ts";

const secretPatterns = [
  /(SharedAccessKey=)[^;"\s]+/g,
  /(AccountKey=)[^;"\s]+/g,
  /(SharedAccessSignature )[^"\s]+/g,
  /([?&;"\s]sig=)[^&;"\s]+/g,
  /(Bearer )[A-Za-z0-9._~+/=-]+/g,
];

function maskSecrets(text: string): string {
  return secretPatterns.reduce((masked, pattern) => masked.replaceAll(pattern, "$1***"), text);
}

/** @param output  where lines go; `isTerminal` chooses the form. */
export function openLog(level: string, output: NodeJS.WritableStream & { isTTY?: boolean }): Log {
  const write = (line: string): void => {
    const masked = maskSecrets(line);
    output.write(output.isTTY === true ? forPeople(masked) : masked);
  };
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime, messageKey: "message" }, { write });
}

const levelNames: Readonly<Record<number, string>> = { 20: "debug", 30: "info", 40: "WARN", 50: "ERROR" };

/** `12:34:56 WARN  The clock jumped … code=clock-jump` */
function forPeople(line: string): string {
  const { level, time, message, ...fields } = JSON.parse(line) as { level: number; time: string; message: string };
  const more = Object.entries(fields).map(
    ([name, value]) => ` ${name}=${typeof value === "string" ? value : JSON.stringify(value)}`,
  );
  return `${time.slice(11, 19)} ${(levelNames[level] ?? "info").padEnd(5)} ${message}${more.join("")}\n`;
}
