import { journalContract } from "../journal.contract.ts";
import { MemoryJournal } from "./memory-journal.ts";

journalContract("memory", (setting) => Promise.resolve(new MemoryJournal(setting)));
