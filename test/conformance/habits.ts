// What an SDK makes of messages, so that files can be compared with what its program said. Node's and Python's send them as they are.

import type { ExportedMessage } from "../lib/exported-messages.ts";
import type { DriverMessage } from "./driver-protocol.ts";

type Entries = readonly (readonly [string, string])[];

export interface Habits {
  /** A message as it reaches the hub. */
  readonly sent: (
    message: DriverMessage,
    by: { readonly deviceId: string; readonly moduleId: string | undefined },
  ) => DriverMessage;
  /** A record without what the SDK adds by chance. */
  readonly found: (message: ExportedMessage) => ExportedMessage;
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const creationTime = "iothub-creation-time-utc";

/** Java, over any transport: times have seven digits, of which three are milliseconds and stand last; the order is a hash map's. */
const always: Habits = {
  sent: (message) => ({
    ...message,
    properties: sorted(
      message.properties.map(([name, value]) => [
        name,
        name === creationTime ? value.replace(/\.(\d{3})Z$/, ".0000$1Z") : value,
      ]),
    ),
  }),
  // It gives each message an id and a correlation id that has none.
  found: (message) => ({ ...message, application: sorted(message.application), system: withoutOwnIds(message) }),
};

export const javaHttpHabits = always;

/** Java: an empty value is left out, name and all. */
export const javaMqttHabits: Habits = {
  ...always,
  sent: (message, by) => {
    const sent = always.sent(message, by);
    return { ...sent, properties: sent.properties.filter(([, value]) => value !== "") };
  },
};

/** Java: it says who sends in properties of the program's own kind, which the hub exports as any other. */
export const javaAmqpHabits: Habits = {
  ...always,
  sent: (message, by) => {
    const { deviceId, moduleId } = by;
    const own: Entries = [
      ["iothub-connection-device-id", deviceId],
      ...(moduleId === undefined ? [] : ([["iothub-connection-module-id", moduleId]] as const)),
    ];
    return always.sent({ ...message, properties: [...message.properties, ...own] } satisfies DriverMessage, by);
  },
};

function withoutOwnIds({ system }: ExportedMessage): Entries {
  const ids: readonly string[] = ["messageId", "correlationId"];
  return system.filter(([name, value]) => !ids.includes(name) || !uuid.test(value));
}

function sorted(entries: Entries): Entries {
  return entries.toSorted(([one], [other]) => (one < other ? -1 : 1));
}
