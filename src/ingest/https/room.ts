// Waiting for room in the journal, for so long and no longer. A request that gave up leaves its place (M1).

import type { PartitionWriter, Refusal } from "../../journal/journal.ts";

/**
 * Tries at once, and again whenever there is room, until it is something else than `wait`.
 *
 * @param bytes    about what it wants.
 * @param attempt  takes room within the call: it is offered to one after the other.
 * @returns what the last attempt did; `wait` after `waitMs`.
 */
export function withRoom<T>(
  writer: PartitionWriter,
  bytes: number,
  waitMs: number,
  attempt: () => T | Refusal,
): Promise<T | Refusal> {
  return new Promise((resolve, reject) => {
    let leave: () => void = () => {};
    let timer: NodeJS.Timeout | undefined;
    const again = (): void => {
      let outcome: T | Refusal;
      try {
        outcome = attempt();
      } catch (error) {
        clearTimeout(timer);
        return reject(error);
      }
      if (outcome !== "wait") {
        clearTimeout(timer);
        return resolve(outcome);
      }
      leave = writer.onRoom(again, bytes);
      timer ??= setTimeout(() => {
        leave();
        resolve("wait");
      }, waitMs);
    };
    again();
  });
}
