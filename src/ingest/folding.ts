// Folding re-sends by message id: a message with a `messageId` that was taken already, of the same device and generation
// and with the same content, is not journaled again. Off unless the operator asks for it.
//
// What is compared is the record that would be written, all of it but its time (record-digest.ts). So the same id with
// another body, other properties or another sender is another message: when in doubt a second record, never a lost one.
//
//   J1  Nothing is acknowledged here. Whoever is told "folded" registers with the journal like everybody else, behind
//       the first record, which is in the same partition or was recovered from disk.
//   M1  The memory is a table of fixed size; the oldest are forgotten first, and that is counted.

import { randomBytes } from "node:crypto";
import type { Journal } from "../journal/journal.ts";
import type { Clock } from "../lib/clock.ts";
import type { Log } from "../lib/log.ts";
import { windowOf } from "../lib/window.ts";
import { RecordDigest, digestKeyBytes } from "../message/record-digest.ts";
import { readRecord } from "../message/record-reader.ts";
import { FoldTable } from "./fold-table.ts";
import type { IngestCounters } from "./ingest.ts";

export interface FoldingOptions {
  /** How long after its first record a message is recognised, by the journal's time. Above 0. */
  readonly windowMs: number;
  /** Messages that are remembered. */
  readonly messagesMax: number;
  readonly counters: IngestCounters;
  readonly clock: Clock;
  readonly log: Log;
}

/** How often the start says how far it is. */
const progressMs = 5000;

export class Folding {
  readonly #options: FoldingOptions;
  readonly #table: FoldTable;
  readonly #digest = new RecordDigest(randomBytes(digestKeyBytes));
  /** Of the journal, when it was last said that messages are forgotten too early. */
  #toldForgottenMs = -Infinity;

  constructor(options: FoldingOptions) {
    this.#options = options;
    this.#table = new FoldTable(options.messagesMax, options.windowMs);
  }

  /**
   * Whether the record `bytes[first, next)`, stamped `timeMs`, stands in the journal already. If not it is remembered:
   * the caller commits it now, in this turn.
   */
  isKnown(bytes: Buffer, first: number, next: number, headBytes: number, timeMs: number): boolean {
    const digest = this.#digest;
    digest.read(bytes, first, next, headBytes);
    if (this.#table.has(digest.words, timeMs)) {
      this.#options.counters.folded["message-id"]++;
      const { deviceId } = readRecord(bytes, first);
      this.#options.log.debug({ deviceId }, "A message was sent again; it was folded into its first record.");
      return true;
    }
    this.#remember(timeMs);
    return false;
  }

  /**
   * Remembers what the journal took within the window: at the start, before the first message. A damaged part of the
   * journal is left out, so a message of it may become a second record.
   */
  async rebuild(journal: Journal): Promise<void> {
    const { windowMs, clock, log } = this.#options;
    const aheadMs = journal.status().partitions.map((partition) => partition.aheadMs);
    const nowMs = clock.nowMs();
    const oldestMs = nowMs + Math.min(0, ...aheadMs) - windowMs;
    const newestMs = nowMs + Math.max(0, ...aheadMs);
    const startMs = performance.now();
    let toldMs = startMs;
    let records = 0;
    let isComplete = true;
    for await (const { bytes, lengths, timeMs } of journal.recovered(windowOf(oldestMs), windowOf(newestMs))) {
      if (timeMs < oldestMs) continue;
      if (!this.#addBatch(bytes, lengths, oldestMs)) {
        isComplete = false;
        break;
      }
      records += lengths.length;
      if (performance.now() - toldMs > progressMs) {
        toldMs = performance.now();
        log.info({ records }, "Devices wait: the journal is read for messages that may be sent again.");
      }
    }
    const fields = { records, remembered: this.#table.entries, ms: Math.round(performance.now() - startMs) };
    log.info(fields, "Messages of the journal are remembered, so that they are recognised when they are sent again.");
    if (!isComplete) this.#tellForgotten(newestMs);
  }

  /** False when the table is full. */
  #addBatch(bytes: Buffer, lengths: Uint32Array, oldestMs: number): boolean {
    let at = 0;
    for (const length of lengths) {
      const record = readRecord(bytes, at);
      if (record.hasMessageId && record.timeMs > oldestMs) {
        this.#digest.read(bytes, at, at + length, record.headBytes);
        if (!this.#table.addOlder(this.#digest.words, record.timeMs)) return false;
      }
      at += length;
    }
    return true;
  }

  #remember(timeMs: number): void {
    const table = this.#table;
    const { forgotten } = table;
    table.add(this.#digest.words, timeMs);
    if (table.forgotten === forgotten) return;
    this.#options.counters.foldForgotten++;
    if (timeMs - this.#toldForgottenMs >= this.#options.windowMs) this.#tellForgotten(timeMs);
  }

  /** Once a window: nothing is logged per message. */
  #tellForgotten(timeMs: number): void {
    this.#toldForgottenMs = timeMs;
    this.#options.log.warn(
      { messagesMax: this.#options.messagesMax },
      "More messages came within --fold-window than --fold-messages-max: the oldest are forgotten, and become a second record when they are sent again. Raise it, or shorten the time.",
    );
  }
}
