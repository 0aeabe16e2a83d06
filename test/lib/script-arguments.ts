// The words behind `npm run SCRIPT --`: --help prints the help; what is not understood is refused in one sentence, with the
// help behind it and exit code 2, before the script has done anything.

import { type ParseArgsConfig, parseArgs } from "node:util";

type Options = NonNullable<ParseArgsConfig["options"]>;
type Given<O extends Options> = ReturnType<typeof parseArgs<{ options: O; allowPositionals: true }>>;

/**
 * Options and words of this process. Does not return when help is wanted, or something is not understood.
 *
 * @param numbersMin  options that must be numbers, with the least each may be.
 * @param wordsMax    how many words that are no options it takes.
 */
export function scriptArguments<const O extends Options>(
  help: string,
  options: O,
  numbersMin: Partial<Record<keyof O, number>> = {},
  wordsMax = 0,
): Given<O> {
  const words = process.argv.slice(2);
  if (words.includes("--help") || words.includes("-h")) {
    console.log(help);
    process.exit(0);
  }
  const given = parsed(help, words, options);
  for (const [name, least] of Object.entries(numbersMin)) {
    const text = (given.values as Record<string, unknown>)[name];
    if (text === undefined || (text !== "" && Number.isFinite(Number(text)) && Number(text) >= Number(least))) continue;
    refuse(help, `--${name} must be a number, ${String(least)} or more, not ${JSON.stringify(text)}.`);
  }
  if (given.positionals.length > wordsMax) refuse(help, `Too many words: ${given.positionals.join(" ")}.`);
  return given;
}

/** Ends the process: `what` is wrong with its words. */
export function refuse(help: string, what: string): never {
  console.error(`${what}\n\n${help}`);
  process.exit(2);
}

function parsed<O extends Options>(help: string, words: string[], options: O): Given<O> {
  try {
    return parseArgs({ args: words, options, allowPositionals: true });
  } catch (error) {
    // Node's sentence; what it adds about words that begin with a dash helps nobody here.
    const [sentence = ""] = (error instanceof Error ? error.message : String(error)).split(". ");
    return refuse(help, `${sentence.replace(/\.?$/, "")}.`);
  }
}
