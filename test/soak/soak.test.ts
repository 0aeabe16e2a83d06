// The soak's judgement can fail.

import { expect, test } from "vitest";
import { soakPicture } from "./picture.ts";
import { type SoakSample, metricOf, verdict } from "./samples.ts";

const mebibyte = 1024 * 1024;

function samplesOf(change: (index: number) => Partial<SoakSample>): readonly SoakSample[] {
  return Array.from({ length: 360 }, (_, index) => ({
    elapsedSeconds: index * 10,
    rssBytes: (200 + (index % 7)) * mebibyte,
    heapBytes: 50 * mebibyte,
    externalBytes: 20 * mebibyte,
    fds: 60 + (index % 3),
    connections: 40,
    loopP50Ms: 10,
    loopP99Ms: 15,
    pubackP99Ms: 5,
    lagSeconds: 30,
    messagesPerSecond: 500,
    ...change(index),
  }));
}

const failed = (samples: readonly SoakSample[]): readonly string[] =>
  verdict(samples, 100)
    .filter(({ isPassed }) => !isPassed)
    .map(({ name }) => name);

test("a server that breathes passes", () => {
  expect(failed(samplesOf(() => ({})))).toEqual([]);
});

test("a leak of memory, of descriptors, of connections, and a loop that is not free each fail", () => {
  expect(failed(samplesOf((index) => ({ rssBytes: (200 + index * 0.2) * mebibyte })))).toEqual([
    "memory does not grow",
  ]);
  expect(failed(samplesOf((index) => ({ fds: 60 + index })))).toEqual(["file descriptors stay"]);
  expect(failed(samplesOf((index) => ({ connections: 40 + index })))).toEqual(["device connections stay"]);
  expect(failed(samplesOf(() => ({ loopP99Ms: 300 })))).toEqual(["the event loop is free"]);
});

test("what warms up in the first half is no leak", () => {
  expect(failed(samplesOf((index) => ({ rssBytes: Math.min(300, 150 + index) * mebibyte })))).toEqual([]);
});

test("a metric is read with and without labels; of several the highest", () => {
  const page = 'a_total 3\nlag{export="x"} 5\nlag{export="y"} 7.5\n';
  expect([metricOf(page, "a_total"), metricOf(page, "lag"), metricOf(page, "other")]).toEqual([3, 7.5, Number.NaN]);
});

test("the picture is drawn from the samples", () => {
  const picture = soakPicture(
    "a < b",
    samplesOf(() => ({})),
  );
  expect(picture).toContain("a &lt; b");
  expect(picture.match(/<polyline/g)).toHaveLength(10);
  expect(picture).not.toContain("NaN");
});
