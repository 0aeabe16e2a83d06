// Loaded before everything else (`--import`): one line of the product is replaced while it is loaded. No file is touched.
//
//     COLDPATH_MUTATION='ack before fsync' node --import ./test/simulation/mutate.ts test/simulation/main.ts --seed 1

import { registerHooks } from "node:module";
import { mutations } from "./mutations.ts";

const wanted = process.env["COLDPATH_MUTATION"];
const mutation = mutations.find(({ name }) => name === wanted);
if (mutation === undefined) throw new Error(`there is no mutation ${wanted}`);
const url = new URL(`../../${mutation.file}`, import.meta.url).href;

registerHooks({
  load(of, context, next) {
    const loaded = next(of, context);
    if (of !== url) return loaded;
    const source =
      typeof loaded.source === "string" ? loaded.source : Buffer.from(loaded.source as Uint8Array).toString();
    const pieces = source.split(mutation.text);
    if (pieces.length !== 2) {
      throw new Error(`${mutation.name}: its text stands ${pieces.length - 1} times in ${mutation.file}, not once`);
    }
    process.env["COLDPATH_MUTATED"] = mutation.name; // proof that it was loaded
    return { ...loaded, source: pieces.join(mutation.replacement) };
  },
});
