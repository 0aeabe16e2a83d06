// What was answered holds after a SIGKILL, besides telemetry: reports, desired properties, messages for devices, subscriptions,
// registrations; and a direct method is carried out once. The server is killed the moment an answer comes, at one kind of answer
// after the other, while all the rest goes on.

import { afterEach, expect, test } from "vitest";
import { AnswerStand, Polls, type Promised, Registers, Subscribes, Talks } from "./answers.ts";

/** At which answer the server is killed, round by round. */
const kinds = [
  "mqtt reported",
  "amqps reported",
  "mqtt wanted",
  "mqtt sent",
  "amqps completed",
  "https completed",
  "subscribed",
  "registered",
];
const answersBefore = 5;

let stand: AnswerStand | null = null;
afterEach(async () => {
  await stand?.close();
  stand = null;
});

test("D1, D2: what devices and administrators were answered holds after SIGKILL, at whatever answer it comes", async () => {
  stand = await AnswerStand.open();
  const all: readonly Promised[] = [
    await Talks.open(stand, "mqtt"),
    await Talks.open(stand, "amqps"),
    await Polls.open(stand),
    new Subscribes(stand),
    await Registers.open(stand),
  ];
  await Promise.all(all.map(async (one) => await one.open()));
  for (const kind of kinds) {
    const killed = stand.killedAt(kind, answersBefore);
    await Promise.all(all.map(async (one) => await one.run()));
    await killed;
    await stand.start();
    await Promise.all(all.map(async (one) => await one.check()));
  }
  expect(stand.isDown).toBe(false);
});
