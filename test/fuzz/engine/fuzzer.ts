// The loop: pick an input, change it, run it, keep it when it reached something new.
//
// Owns:      one process's run over one target, with its bounds, its figures and its findings.
// Does not:  survive a hang (watchdog.ts ends the process, main.ts starts another).

import fc from "fast-check";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { seededRandom } from "../../../src/lib/disk.simulated.ts";
import { Corpus, covering } from "./corpus.ts";
import { Coverage } from "./coverage.ts";
import type { Instrumentation } from "./instrument.ts";
import { writeCompany } from "./findings.ts";
import { mutate } from "./mutate.ts";
import type { Target } from "./target.ts";
import type { Watchdog } from "./watchdog.ts";

export interface Figures {
  executions: number;
  seconds: number;
  /** Edges of the modules under test that were passed, and all of them. */
  edges: number;
  edgesTotal: number;
  corpus: number;
  rssMiB: number;
  /** JavaScript heap after a collection, at even intervals. */
  heapMiB: number[];
  /** Names of the files in `findings`. */
  findings: string[];
}

export interface FuzzerOptions {
  readonly target: Target;
  readonly instrumentation: Instrumentation;
  readonly watchdog: Watchdog | null;
  /** Read at the start, not written. */
  readonly keptCorpus: string;
  /** Holds `corpus` and `findings`. */
  readonly directory: string;
  readonly seed: number;
  readonly executionsMax: number;
  readonly secondsMax: number;
  readonly findingsMax: number;
  /** Told every second or so. */
  readonly onFigures: (figures: Figures) => void;
}

const dictionaryTokenBytesMax = 64;
/** Drawing from fast-check takes as long as hundreds of executions. */
const grammarEvery = 256;
const grammarDraws = 8;
const trimsMax = 48;
/** Inputs that are kept with a crash: it may come of what one of them left behind. */
const companyMax = 512;
const turnMs = 20;
const figuresMs = 1000;
const heapMs = 5000;

export class Fuzzer {
  readonly figures: Figures;
  readonly #options: FuzzerOptions;
  readonly #coverage: Coverage;
  readonly #corpus = new Corpus();
  readonly #random: () => number;
  readonly #dictionary: readonly Buffer[];
  readonly #toldFindings = new Set<string>();
  #running: Buffer = Buffer.alloc(0);
  /** The last inputs in their order, the running one too. */
  readonly #company: Buffer[] = [];

  constructor(options: FuzzerOptions) {
    const { target, instrumentation } = options;
    this.#options = options;
    this.#coverage = new Coverage(instrumentation.counters);
    this.#random = seededRandom(options.seed);
    this.#dictionary = dictionaryOf(target, instrumentation);
    this.figures = {
      executions: 0,
      seconds: 0,
      edges: 0,
      edgesTotal: instrumentation.edges,
      corpus: 0,
      rssMiB: 0,
      heapMiB: [],
      findings: [],
    };
    for (const name of ["corpus", "findings"]) mkdirSync(join(options.directory, name), { recursive: true });
    // What a target left to run may fail later; the input is then one of the last.
    process.on("uncaughtException", (error) => this.#find(this.#running, error));
  }

  /** Until a bound is reached. */
  async run(): Promise<Figures> {
    const { target, directory, keptCorpus, executionsMax, secondsMax, findingsMax } = this.#options;
    const startMs = performance.now();
    const endMs = startMs + secondsMax * 1000;
    let figuresAt = startMs + figuresMs;
    let heapAt = startMs;
    let turnAt = startMs + turnMs;
    await target.open?.();
    for (const input of [...filesIn(keptCorpus), ...filesIn(join(directory, "corpus"))]) await this.#try(input, false);
    for (const input of target.seeds()) await this.#try(Buffer.from(input), true);
    const { figures } = this;
    while (figures.executions < executionsMax && figures.findings.length < findingsMax) {
      const nowMs = performance.now();
      figures.seconds = (nowMs - startMs) / 1000;
      if (nowMs >= endMs) break;
      if (nowMs >= heapAt) {
        heapAt = nowMs + heapMs * Math.max(1, figures.heapMiB.length / 60);
        globalThis.gc?.();
        figures.heapMiB.push(mebibytes(process.memoryUsage().heapUsed));
      }
      if (nowMs >= figuresAt) {
        figuresAt = nowMs + figuresMs;
        this.#tell();
      }
      if (nowMs >= turnAt) {
        turnAt = nowMs + turnMs;
        await new Promise(setImmediate);
      }
      for (let step = 0; step < 16; step++) await this.#step();
    }
    globalThis.gc?.();
    figures.heapMiB.push(mebibytes(process.memoryUsage().heapUsed));
    this.#tell();
    await target.close?.();
    return figures;
  }

  async #step(): Promise<void> {
    const { target } = this.#options;
    const random = this.#random;
    let input = this.#corpus.pick(random);
    if (target.grammar !== undefined && random() < 1 / grammarEvery) {
      const seed = Math.floor(random() * 2 ** 31);
      for (const fresh of fc.sample(target.grammar, { seed, numRuns: grammarDraws })) {
        input = Buffer.from(fresh).subarray(0, target.bytesMax);
        await this.#try(input, true);
      }
    }
    const options = {
      random,
      bytesMax: target.bytesMax,
      dictionary: this.#dictionary,
      other: () => this.#corpus.any(random),
    };
    await this.#try(mutate(input, options), true);
  }

  /** @param isStored  write it to the corpus when it is new. */
  async #try(input: Buffer, isStored: boolean): Promise<void> {
    if (input.length > this.#options.target.bytesMax) return;
    const startMs = performance.now();
    const isSound = await this.#execute(input);
    const durationMs = performance.now() - startMs;
    const { edges } = this.#options.instrumentation;
    if (!isSound || !this.#coverage.learn(edges)) return;
    const reached = this.#coverage.reached(edges);
    const kept = isStored ? await this.#trimmed(input, this.#coverage.hash(edges)) : input;
    this.#corpus.add(kept, reached, durationMs);
    this.figures.edges = this.#coverage.edges;
    this.figures.edgesTotal = edges;
    this.figures.corpus = this.#corpus.entries.length;
    if (isStored) writeFileSync(join(this.#options.directory, "corpus", nameOf(kept)), kept);
  }

  /** Without the pieces that make no difference. */
  async #trimmed(input: Buffer, hash: number): Promise<Buffer> {
    const { instrumentation } = this.#options;
    let best = input;
    let tries = 0;
    for (let size = Math.ceil(input.length / 2); size >= 1 && tries < trimsMax; size >>= 1) {
      for (let at = 0; at < best.length && tries < trimsMax; tries++) {
        const shorter = Buffer.concat([best.subarray(0, at), best.subarray(at + size)]);
        const isSame = (await this.#execute(shorter)) && this.#coverage.hash(instrumentation.edges) === hash;
        if (isSame) best = shorter;
        else at += size;
      }
    }
    return best;
  }

  /** False when it found something. */
  async #execute(input: Buffer): Promise<boolean> {
    const { target, instrumentation, watchdog } = this.#options;
    // A target may keep or change what it is given.
    const given = Buffer.from(input);
    this.#running = input;
    if (this.#company.push(input) > companyMax * 2) this.#company.splice(0, companyMax);
    this.#coverage.clear(instrumentation.edges);
    this.figures.executions++;
    watchdog?.begin(input);
    try {
      const outcome = target.run(given);
      if (outcome !== undefined) await outcome;
      return true;
    } catch (error) {
      this.#find(input, error);
      return false;
    } finally {
      watchdog?.end();
    }
  }

  #find(input: Buffer, error: unknown): void {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    // One file for each place: the frames up to this file, whatever the message.
    const frames = text.split("\n").filter((line) => /^ {4}at /.test(line));
    const own = frames.findIndex((line) => line.includes("/fuzz/engine/fuzzer.ts"));
    const key = frames.length === 0 ? text : frames.slice(0, own < 0 ? 4 : own).join("\n");
    if (this.#toldFindings.has(key)) return;
    this.#toldFindings.add(key);
    const name = `crash-${nameOf(input)}`;
    writeFileSync(join(this.#options.directory, "findings", name), input);
    writeFileSync(join(this.#options.directory, "findings", `${name}.txt`), `${text}\n`);
    writeCompany(join(this.#options.directory, "findings", name), this.#company.slice(-companyMax - 1, -1));
    this.figures.findings.push(name);
    this.#tell();
  }

  #tell(): void {
    this.figures.rssMiB = mebibytes(process.memoryUsage.rss());
    this.#options.onFigures(this.figures);
  }

  /** The smallest part of the corpus that reaches the same. */
  async minimised(inputs: readonly Buffer[]): Promise<Buffer[]> {
    const { target, instrumentation } = this.#options;
    await target.open?.();
    const found: { bytes: Buffer; reached: number[] }[] = [];
    for (const bytes of inputs) {
      if (!(await this.#execute(bytes))) continue;
      // Edges alone: the classes of their counts make ten times as many files.
      const reached = new Set(this.#coverage.reached(instrumentation.edges).map((thing) => thing >> 3));
      found.push({ bytes, reached: [...reached] });
    }
    await target.close?.();
    return covering(found);
  }
}

/**
 * Whether the heap grows without end: what it never fell below in the last third of a run is far above what it ever was in
 * the first.
 */
export function growsWithoutEnd(heapMiB: readonly number[]): boolean {
  if (heapMiB.length < 9) return false;
  const third = Math.floor(heapMiB.length / 3);
  const before = Math.max(...heapMiB.slice(0, third));
  const least = Math.min(...heapMiB.slice(-third));
  return least > before * 1.25 + 16;
}

export function filesIn(directory: string): Buffer[] {
  let names: string[];
  try {
    names = readdirSync(directory);
  } catch {
    return []; // there is none yet
  }
  return names.sort().map((name) => readFileSync(join(directory, name)));
}

export function nameOf(input: Uint8Array): string {
  return createHash("sha1").update(input).digest("hex").slice(0, 16);
}

function dictionaryOf(target: Target, { literals, numbers }: Instrumentation): Buffer[] {
  const tokens: Uint8Array[] = [...(target.dictionary ?? []), ...literals].map((token) => Buffer.from(token));
  for (const number of numbers) {
    if (!Number.isSafeInteger(number) || number < 0) continue;
    tokens.push(Buffer.from(String(number)));
    if (number > 255 && number < 2 ** 32) {
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32LE(number);
      tokens.push(bytes, bytes.toReversed());
    }
  }
  return tokens
    .filter((token) => token.length > 0 && token.length <= dictionaryTokenBytesMax)
    .map((token) => Buffer.from(token));
}

function mebibytes(bytes: number): number {
  return Math.round((bytes / 2 ** 20) * 10) / 10;
}
