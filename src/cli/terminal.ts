// The terminal: where a command's output goes and answers come from.
//
// Owns:      standard output, error and input; width; colour (none when not a TTY or NO_COLOR is set); the quiet end when
//            the reader of a pipe goes away (`| head`).
// Does not:  know what is printed. Results go to standard output; complaints, questions and notices to standard error,
//            so that a pipe carries results only.

import { Writable } from "node:stream";
import { createInterface } from "node:readline/promises";
import { styleText } from "node:util";
import { codeOf } from "../lib/errors.ts";

export type Style = Parameters<typeof styleText>[0];

export interface Terminal {
  /** Characters in a line; `columnsDefault` when output is not a terminal. */
  readonly columns: number;
  /** A human is there to answer questions. */
  readonly canAsk: boolean;
  /** Output is a terminal, not a file or a pipe. */
  readonly isScreen: boolean;
  /** A line, or several, of the result. */
  print(text: string): void;
  /** A part of the result as it is; resolves when there is room for more. */
  write(text: string): Promise<void>;
  /** A line on standard error. */
  complain(text: string): void;
  style(style: Style, text: string): string;
  /** The answer to a question, without the line's end. */
  ask(question: string): Promise<string>;
  /** As `ask`, and what is typed is not shown. */
  askUnseen(question: string): Promise<string>;
  /** Everything on standard input, as text. */
  readInput(): Promise<string>;
}

const columnsDefault = 100;
const inputBytesMax = 16 * 1024 * 1024;

/** This process's terminal. */
export function openTerminal(): Terminal {
  const { stdin, stdout, stderr } = process;
  for (const stream of [stdout, stderr]) {
    stream.on("error", (error) => {
      if (codeOf(error) !== "EPIPE") throw error;
      // Who read our output has seen enough.
      process.exit(0);
    });
  }
  return {
    // A terminal that does not know its width says 0.
    columns: stdout.isTTY && stdout.columns > 0 ? stdout.columns : columnsDefault,
    canAsk: stdin.isTTY && stderr.isTTY,
    isScreen: stdout.isTTY,
    print: (text) => void stdout.write(`${text}\n`),
    write: async (text) => {
      if (!stdout.write(text)) await new Promise<void>((resolve) => stdout.once("drain", resolve));
    },
    complain: (text) => void stderr.write(`${text}\n`),
    style: (style, text) => styleText(style, text, { stream: stdout }),
    ask: async (question) => {
      const lines = createInterface({ input: stdin, output: stderr });
      try {
        return await lines.question(question);
      } finally {
        lines.close();
      }
    },
    askUnseen: async (question) => {
      stderr.write(question);
      const unseen = new Writable({ write: (_chunk, _encoding, done) => done() });
      const lines = createInterface({ input: stdin, output: unseen, terminal: true });
      try {
        return await lines.question("");
      } finally {
        lines.close();
        stderr.write("\n");
      }
    },
    readInput: async () => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      for await (const chunk of stdin as AsyncIterable<Buffer>) {
        chunks.push(chunk);
        bytes += chunk.length;
        if (bytes > inputBytesMax) throw new Error(`standard input holds more than ${inputBytesMax} bytes`);
      }
      return Buffer.concat(chunks).toString("utf8");
    },
  };
}
