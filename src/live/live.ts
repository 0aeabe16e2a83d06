// The live room: how the hub is right now, and what a device said last, for people who watch.
//
// Owns:      rates over the last seconds and minutes; the last messages of a device, read back from the journal; the
//            messages of watched devices as they become durable; how a message looks to a person.
// Does not:  keep messages (journal), change anything, or speak HTTP (admin).
//
// Invariants (tests cite the numbers):
//   J1  What is shown as a message of a device stands in the journal: never what may still be refused or lost.
//   M1  How many readers there are, how many bytes and how long each may read, how many devices are watched and how many of
//       their messages are shown is bounded.
//
// The path of a message does not pass here: nothing of this room costs a message anything while nobody looks.

/** The messages of a device that were looked for: at most so much is read for one answer. */
export interface ReadBounds {
  /** Of the journal's records. What is read at once (a frame) is not cut, so that it may be that much more. */
  readonly scanBytesMax: number;
  readonly scanMs: number;
  /** Bytes of records in one answer, unless a single one is larger. */
  readonly answerBytesMax: number;
  /** Readers at a time; further ones wait. */
  readonly scansMax: number;
  readonly scansWaitingMax: number;
}

/** What of the journal could not be read. */
export interface Unreadable {
  readonly partition: number;
  readonly window: number;
  /** `journal-corrupt`, or `journal-trimmed`: it was let go while it was looked for. */
  readonly code: string;
  readonly message: string;
}

/**
 * What ended a search before all that was asked for was looked at:
 *   limit   as many messages were found as were asked for
 *   answer  the answer holds as many bytes as it may
 *   bytes   as many bytes of the journal were read as may be
 *   time    it took as long as it may
 */
export const searchEnds = ["limit", "answer", "bytes", "time"] as const;
export type SearchEnd = (typeof searchEnds)[number];
