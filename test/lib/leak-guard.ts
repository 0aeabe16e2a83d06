// Fails a test file that leaves a listening socket or a child process behind (a set-up file of every suite).
//
// What a file leaves open disturbs the next one and hides a missing `stop()` in the product. Only what cannot be an
// accident of keep-alive is looked at: sockets of clients close late by design.

import { afterAll, beforeAll, expect } from "vitest";

const watched = ["TCPServerWrap", "ProcessWrap"];
const graceMs = 2_000;

let before: readonly string[] = [];

function openNow(): readonly string[] {
  return process.getActiveResourcesInfo().filter((kind) => watched.includes(kind));
}

beforeAll(() => {
  before = openNow();
});

// Vitest runs the last registered hook first, so this runs after the file's own clean-up.
afterAll(async () => {
  const endMs = performance.now() + graceMs;
  while (openNow().length > before.length && performance.now() < endMs) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  expect(openNow(), "this file left a listening socket or a child process open").toHaveLength(before.length);
});
