// Decoded records of a preview, as they are shown. Pure.
//
// The server gives a message's Body as {json}, {text} or {base64} with how many bytes it had; where JSON would not be written
// again as it came, the exact text stands beside it and is what is shown.

export interface ShownBody {
  readonly kind: "JSON" | "text" | "base64";
  /** JSON's value; text otherwise. */
  readonly value: unknown;
  readonly bytes: number;
}

export interface ShownMessage {
  readonly enqueuedTime: string;
  readonly deviceId: string;
  readonly body: ShownBody | null;
}

type Fields = Readonly<Record<string, unknown>>;

function fieldsOf(value: unknown): Fields | null {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : null;
}

export function bodyOf(value: unknown): ShownBody | null {
  const given = fieldsOf(value);
  if (given === null || typeof given["bytes"] !== "number") return null;
  const bytes = given["bytes"];
  if ("base64" in given) return { kind: "base64", value: given["base64"], bytes };
  if ("json" in given) return { kind: "JSON", value: given["json"], bytes };
  return "text" in given ? { kind: "text", value: given["text"], bytes } : null;
}

/** What the device sent, exactly, where it is text at all. */
export function exactText(value: unknown): string | null {
  const text = fieldsOf(value)?.["text"];
  return typeof text === "string" ? text : null;
}

export function messageOf(record: unknown): ShownMessage {
  const fields = fieldsOf(record) ?? {};
  const system = fieldsOf(fields["SystemProperties"]) ?? {};
  return {
    enqueuedTime: textOf(fields["EnqueuedTimeUtc"]),
    deviceId: textOf(system["connectionDeviceId"]),
    body: bodyOf(fields["Body"]),
  };
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** The top-level values of a body that is a JSON object; null for any other. */
export function bodyFields(message: ShownMessage): Fields | null {
  return message.body?.kind === "JSON" ? fieldsOf(message.body.value) : null;
}

/** Names of values in the bodies, the most frequent first. */
export function columnNames(messages: readonly ShownMessage[], max: number): readonly string[] {
  const counts = new Map<string, number>();
  for (const message of messages) {
    for (const name of Object.keys(bodyFields(message) ?? {})) counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return [...counts]
    .toSorted(([, one], [, other]) => other - one)
    .slice(0, max)
    .map(([name]) => name);
}

/** A value in a cell: short. */
export function cellText(value: unknown, charsMax = 120): string {
  const text = value === undefined ? "" : typeof value === "string" ? value : JSON.stringify(value);
  return text.length > charsMax ? `${text.slice(0, charsMax)} …` : text;
}
