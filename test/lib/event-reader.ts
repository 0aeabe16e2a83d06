// A reader of server-sent events, as a page is one; it may also stop to read.

import http from "node:http";

export interface ServerEvent {
  readonly event: string;
  // oxlint-disable-next-line typescript/no-explicit-any -- events of any route
  readonly data: any;
}

export interface ReaderOptions {
  readonly token?: string | undefined;
  /** Reads nothing from the start. */
  readonly isPaused?: boolean | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

export class EventReader {
  readonly events: ServerEvent[] = [];
  /** Everything, comments too. */
  text = "";
  isOver = false;
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly #response: http.IncomingMessage;
  #rest = "";
  #taken = 0;

  static open(url: string, { token, isPaused = false, headers = {} }: ReaderOptions = {}): Promise<EventReader> {
    return new Promise((resolve, reject) => {
      const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
      const request = http.get(url, { agent: false, headers: { ...authorization, ...headers } });
      request.on("response", (response) => resolve(new EventReader(response, isPaused)));
      request.on("error", reject);
    });
  }

  private constructor(response: http.IncomingMessage, isPaused: boolean) {
    this.#response = response;
    this.status = response.statusCode ?? 0;
    this.headers = response.headers;
    const over = (): void => void (this.isOver = true);
    response.on("close", over).on("error", over);
    response.setEncoding("utf8");
    if (!isPaused) this.read();
  }

  /** Reads from now on. */
  read(): void {
    this.#response.on("data", (text: string) => {
      this.text += text;
      const blocks = `${this.#rest}${text}`.split("\n\n");
      this.#rest = blocks.pop() ?? "";
      for (const block of blocks) {
        const event = /^event: (.*)$/m.exec(block)?.[1];
        const data = /^data: (.*)$/m.exec(block)?.[1];
        if (event !== undefined && data !== undefined) this.events.push({ event, data: JSON.parse(data) as unknown });
      }
    });
  }

  of(event: string): readonly ServerEvent["data"][] {
    return this.events.filter((one) => one.event === event).map(({ data }) => data as unknown);
  }

  /** The next event of this kind that was not taken yet. */
  async next(event: string, withinMs = 10_000): Promise<ServerEvent["data"]> {
    const endMs = performance.now() + withinMs;
    for (;;) {
      while (this.#taken < this.events.length) {
        const one = this.events[this.#taken++];
        if (one?.event === event) return one.data;
      }
      if (this.isOver) throw new Error(`the stream ended before ${event}`);
      if (performance.now() > endMs) throw new Error(`no ${event} within ${withinMs} ms`);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }

  async over(withinMs = 10_000): Promise<void> {
    const endMs = performance.now() + withinMs;
    while (!this.isOver) {
      if (performance.now() > endMs) throw new Error(`the stream did not end within ${withinMs} ms`);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }

  close(): void {
    this.#response.destroy();
  }
}
