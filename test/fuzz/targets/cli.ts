// The command line: words of anyone, and what it prints of records that devices filled.
//
// The input: a byte of choices; words with a NUL between them, the last of which is also the body of a message. Commands are
// not run, only their arguments are read: the table of targets takes that line out.

import fc from "fast-check";
import { repeatedOf } from "../../../src/cli/command.ts";
import { csvLine } from "../../../src/lib/csv.ts";
import { readAssignments } from "../../../src/cli/device-values.ts";
import { flatten, jsonLine } from "../../../src/cli/record-view.ts";
import { runCommandLine } from "../../../src/cli/run.ts";
import { fitWidths, renderTable } from "../../../src/cli/table.ts";
import type { Terminal } from "../../../src/cli/terminal.ts";
import { ColdpathError } from "../../../src/lib/errors.ts";
import type { TemplateContent } from "../../../src/registry/registry.ts";
import { type Target, claim } from "../engine/target.ts";

class SilentTerminal implements Terminal {
  readonly columns = 80;
  readonly canAsk = false;
  readonly isScreen = false;
  printed = "";
  complained = "";
  print(text: string): void {
    this.printed += `${text}\n`;
  }
  async write(text: string): Promise<void> {
    this.printed += text;
  }
  complain(text: string): void {
    this.complained += `${text}\n`;
  }
  style(_: unknown, text: string): string {
    return text;
  }
  async ask(): Promise<string> {
    return "";
  }
  async askUnseen(): Promise<string> {
    return "";
  }
  async readInput(): Promise<string> {
    return "";
  }
}

const content: TemplateContent = {
  measurements: { telemetry: {}, states: {}, events: {} },
  settings: { device: { fan: { name: "F", dataType: "double" } } },
  properties: {
    cloud: { on: { name: "O", dataType: "boolean" }, place: { name: "P", dataType: "location" } },
    device: {},
  },
};

/** RFC 4180, one line. */
function cellsOf(line: string): string[] {
  const cells: string[] = [];
  let at = 0;
  for (;;) {
    if (line[at] === '"') {
      let cell = "";
      for (at++; !(line[at] === '"' && line[at + 1] !== '"'); at++) {
        claim(at < line.length, "a quote is not closed");
        if (line[at] === '"') at++;
        cell += line[at];
      }
      cells.push(cell);
      at++;
    } else {
      const end = line.slice(at).search(/,|\r\n/);
      claim(end >= 0, "a line does not end");
      cells.push(line.slice(at, at + end));
      at += end;
    }
    if (line.startsWith("\r\n", at)) {
      claim(at + 2 === line.length, "one record is two lines");
      return cells;
    }
    claim(line[at] === ",", "a cell does not end");
    at++;
  }
}

function input(choices: number, ...words: string[]): Buffer {
  return Buffer.from(`${String.fromCharCode(choices)}${words.join("\0")}`);
}

export const target: Target = {
  bytesMax: 3000,
  seeds: () => [
    input(
      0,
      "device",
      "create",
      "dev-1",
      "--template",
      "t",
      "--property",
      "on=true",
      "--setting=fan=3",
      '{"t":1,"u":[1,{"a":"b"}]}',
    ),
    input(1, "serve", "--mqtt-port", "1883", "--data-dir=/x", "--no-sample", "--retention", "7d", "=1+1"),
    input(0, "help", "export", "create", ""),
    input(1, "journal", "cat", "--from", "2026-01-02T03:04Z", "--json", "--", "-x", "1e400"),
    input(0, "read", "a.avro", "--format", "csv", "--raw", "\u202e"),
    input(1, "export", "create", "--types", "devices,measurements", "--help", "12345678901234567890.5"),
    input(0, "devise", "lst", "[[[[]]]]"),
    input(0, "storage", "create", "--secret", "x", '"a\r\nb"'),
  ],
  grammar: fc
    .tuple(
      fc.nat(255),
      fc.array(
        fc.constantFrom(
          "device",
          "list",
          "create",
          "export",
          "--json",
          "--template",
          "--property",
          "a=1",
          "--x",
          "-h",
          "--",
          "--limit",
          "9e9",
          "template",
          "import",
        ),
        {
          maxLength: 6,
        },
      ),
      fc.oneof(fc.json(), fc.string({ unit: "binary" })),
    )
    .map(([choices, words, body]) => input(choices, ...words, body)),
  dictionary: [
    "--",
    "--no-",
    "--property=",
    "=",
    "\0",
    "\0--",
    "\u0000-",
    '"',
    "\r\n",
    "=cmd|",
    "@",
    "[[[[[[[[",
    '{"a":{"b":',
    "1e999",
    "\u2028",
  ],
  run: async (bytes) => {
    const choices = bytes[0] ?? 0;
    const words = bytes.subarray(1).toString("utf8").split("\0");
    const body = Buffer.from(words.pop() ?? "");
    const terminal = new SilentTerminal();
    const code = await runCommandLine(
      words,
      terminal,
      (choices & 1) === 0 ? {} : { COLDPATH_MQTT_PORT: words[0] ?? "", NO_COLOR: "1" },
    );
    claim(code === 0 || code === 1 || code === 2, () => `it ends with ${String(code)}`);
    claim(code === 0 || terminal.complained + terminal.printed !== "", "it fails without a word");
    claim(
      code === 0 ||
        !/\bat \S+ \(|TypeError|RangeError|undefined/.test(terminal.complained.replaceAll(/"[^]*?"/g, "")) ||
        words.join().includes("undefined") ||
        words.some((word) => word.includes("debug")), // --log-level=debug asks for the stack
      () => `it complains like a program: ${terminal.complained.slice(0, 300)}`,
    );
    repeatedOf(words.join("\0"));
    try {
      readAssignments("device create", content, { properties: words.slice(0, 3), settings: words.slice(3) });
    } catch (error) {
      if (!(error instanceof ColdpathError)) throw error;
    }

    const record = { EnqueuedTimeUtc: "2026", Properties: { [words[0] ?? "k"]: words.at(-1) ?? "" }, Body: body };
    for (const raw of [false, true]) {
      const line = jsonLine(record, { raw });
      claim(!/[\r\n]/.test(line), "a record is two lines");
      JSON.parse(line);
      const cells = [...flatten(record, { raw })].flat();
      const again = cellsOf(csvLine(cells));
      claim(
        again.length === cells.length &&
          again.every((cell, index) => cell === cells[index] || cell === `'${cells[index]}`),
        () => `CSV: ${JSON.stringify(cells)} is read as ${JSON.stringify(again)}`,
      );
      for (const cell of again) {
        claim(
          !/^[=+\-@\t\r]/.test(cell) || /^[+-]?[0-9.eE+-]+$/.test(cell),
          () => `A spreadsheet would run ${JSON.stringify(cell)}`,
        );
      }
    }
    renderTable(["a", "b"], [words.slice(0, 2), [body.toString(), ""]], terminal);
    const widths = fitWidths([choices, words.length, body.length], 40);
    claim(widths.length === 3, "a table has another number of columns");
  },
};
