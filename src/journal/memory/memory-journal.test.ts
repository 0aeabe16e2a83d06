import { journalContract } from "../journal.contract.ts";
import { MemoryJournal } from "./memory-journal.ts";

journalContract(
  "memory",
  (setting) => Promise.resolve(new MemoryJournal(setting)),
  async () => {
    for (let turn = 0; turn < 4; turn++) await new Promise(setImmediate);
  },
);
