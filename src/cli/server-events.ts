// Server-sent events, as far as our server sends them: `event:` and one line of `data:`, comments, `retry:`.

export interface ServerEvent {
  readonly event: string;
  readonly data: unknown;
}

/** More in one event than any message makes. */
const eventCharsMax = 256 * 1024 * 1024;

/** @param texts  the stream's text, cut anywhere. */
export async function* readServerEvents(texts: AsyncIterable<string>): AsyncGenerator<ServerEvent, void, void> {
  let parts: string[] = [];
  let chars = 0;
  for await (const text of texts) {
    parts.push(text);
    chars += text.length;
    if (chars > eventCharsMax) throw new Error(`an event of more than ${eventCharsMax} characters`);
    // An event may come in many parts: it is put together once, when its end is there.
    if (!text.includes("\n")) continue;
    const blocks = parts.join("").split("\n\n");
    parts = [blocks.pop() ?? ""];
    chars = parts[0]?.length ?? 0;
    for (const block of blocks) {
      const event = /^event: (.*)$/m.exec(block)?.[1];
      const data = /^data: (.*)$/m.exec(block)?.[1];
      if (event !== undefined && data !== undefined) yield { event, data: JSON.parse(data) as unknown };
    }
  }
}
