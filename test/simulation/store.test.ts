// The simulated store is held to the contract that real ones are held to: a model that lies proves nothing.

import { destinationContract } from "../../src/destinations/destination.contract.ts";
import { SimulatedStore, type Wire } from "./store.ts";

const wire: Wire = {
  send: async (_operation, effect, signal) => {
    await new Promise(setImmediate);
    signal?.throwIfAborted();
    return effect();
  },
};

destinationContract("the simulated store", () => {
  const store = new SimulatedStore();
  const of = { blockBytes: 64 * 1024, requestTimeoutMs: 5_000 };
  return Promise.resolve({
    account: store.open(wire, of),
    otherAccount: store.open(wire, of),
    containerName: "contract",
    unitBytes: of.blockBytes,
    close: () => Promise.resolve(),
  });
});
