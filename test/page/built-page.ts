// Before the tests of the page: it is built, when it is stale.

import { buildPage, isPageFresh } from "../../tools/build-page.ts";

export async function setup(): Promise<void> {
  if (isPageFresh()) return;
  const failure = await buildPage();
  if (failure !== null) throw new Error(`The page could not be built: ${failure}`);
}
