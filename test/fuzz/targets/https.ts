// One HTTPS connection: raw bytes into Node's HTTP server and the exchange behind it, over a pair of streams in memory.
//
// The input: a byte of choices, a byte that says how the stream is cut, then the stream, in which `TOKEN` stands for a token
// that opens `dev-1`.
//
//   J1  no 204 for a message before the journal said durable; then one for each request that was taken
//   D1  nothing is taken from a request without that token
//       every answer is HTTP, with a status of the table; nothing throws

import { type IncomingMessage, type ServerResponse, createServer } from "node:http";
import { duplexPair } from "node:stream";
import fc from "fast-check";
import { BodyBudget } from "../../../src/ingest/https/body.ts";
import { type HttpsContext, defaultHttpsBounds } from "../../../src/ingest/https/context.ts";
import { Exchange } from "../../../src/ingest/https/exchange.ts";
import { Turns } from "../../../src/ingest/turns.ts";
import { silentLog } from "../../../src/lib/log.ts";
import { idScope, registrationToken } from "../../lib/enrolled.ts";
import { type Target, InputReader, claim } from "../engine/target.ts";
import { hubOfOne, readRecord, token } from "../one-device.ts";

const statuses = [200, 202, 204, 400, 401, 404, 408, 412, 413, 417, 429, 431, 501, 503];
const bodiesBytesMax = 3000;

/** Statuses of the answers in a stream; throws when it is no HTTP. */
function statusesOf(answers: string): number[] {
  const found: number[] = [];
  let rest = answers;
  while (rest !== "") {
    const head = /^HTTP\/1\.1 (\d{3}) [^\r\n]*\r\n((?:[^\r\n]+\r\n)*)\r\n/.exec(rest);
    claim(head !== null, () => `it answers ${JSON.stringify(rest.slice(0, 80))}`);
    const status = Number(head[1]);
    if (status !== 100) found.push(status);
    const length = Number(/^content-length: (\d+)\r$/im.exec(head[2] ?? "")?.[1] ?? 0);
    rest = rest.slice(head[0].length);
    // Node's own answers, to an unknown `Expect` or without a Host, are empty and in chunks.
    if (/^transfer-encoding: chunked\r$/im.test(head[2] ?? "") && rest.startsWith("0\r\n\r\n")) rest = rest.slice(5);
    // To HEAD, the head alone.
    const isMessage = /^iothub-messageid: /im.test(head[2] ?? "");
    if (!rest.startsWith("{") && !isMessage) continue;
    claim(rest.length >= length, "an answer is shorter than it says");
    if (!isMessage) JSON.parse(rest.slice(0, length));
    rest = rest.slice(length);
  }
  return found;
}

function request(method: string, path: string, headers: readonly string[], body = ""): string {
  const lines = [
    `${method} ${path} HTTP/1.1`,
    "Host: hub.test",
    "Authorization: TOKEN",
    `Content-Length: ${body.length}`,
    ...headers,
  ];
  return `${lines.join("\r\n")}\r\n\r\n${body}`;
}
function stream(choices: number, cuts: number, ...requests: string[]): Buffer {
  return Buffer.from(String.fromCharCode(choices, cuts) + requests.join(""), "latin1");
}
const events = "/devices/dev-1/messages/events?api-version=2020-09-30";
const batch = "Content-Type: application/vnd.microsoft.iothub.json";

const operation = `/${idScope}/registrations/dev-3/operations/x?api-version=2019-03-31`;

/** Of one that is no device yet. */
function register(id: string): string {
  const authorization = `Authorization: ${registrationToken(id)}`;
  const body = JSON.stringify({ registrationId: id, payload: { modelId: "dtmi:a;1" } });
  const path = `/${idScope}/registrations/${id}/register?api-version=2019-03-31`;
  return request("PUT", path, [], body).replace("Authorization: TOKEN", authorization);
}

export const target: Target = {
  bytesMax: 3000,
  seeds: () => [
    stream(0, 0, request("POST", events, ["iothub-app-a: 1", "IoTHub-MessageId: m"], '{"t":1}')),
    stream(
      1,
      3,
      request("POST", events, [batch], '[{"body":"eyJ0IjoxfQ=="},{"body":"x","base64Encoded":false}]'),
      request("POST", events, [], "2"),
    ),
    stream(
      2,
      1,
      request("GET", "/devices/dev-1/messages/devicebound", []),
      request("DELETE", "/devices/dev-1/messages/devicebound/lock-1?reject", []),
      request("POST", "/devices/dev-1/messages/devicebound/lock-1/abandon", []),
    ),
    stream(
      4,
      7,
      "POST " +
        events +
        " HTTP/1.1\r\nHost: a\r\nAuthorization: TOKEN\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    ),
    stream(
      0,
      0,
      request("POST", "/devices/dev-2/messages/events", [], "x"),
      request("POST", "/devices/dev-1/files", [], ""),
    ),
    stream(0, 0, request("POST", events, ["Expect: 100-continue"], "x".repeat(700))),
    stream(8, 5, "GET / HTTP/1.0\r\n\r\n"),
    ...["dev-3", "wait", "block", "take", "full", "break"].map((id) => stream(0, 3, register(id))),
    stream(0, 0, request("GET", operation, [], "{}")),
  ],
  grammar: fc
    .tuple(
      fc.nat(15),
      fc.nat(255),
      fc.array(
        fc
          .record({
            method: fc.constantFrom("POST", "GET", "PUT", "HEAD", "DELETE"),
            path: fc.constantFrom(
              events,
              "/devices/dev-1/messages/devicebound",
              "/devices/dev-1/messages/devicebound/lock-1?a&reject",
              "/devices/dev-1/messages/devicebound/lock-2/abandon",
              "/devices/dev%2D1/messages/events",
              operation,
              `/${idScope}/registrations/dev-3/register`,
              "/",
            ),
            headers: fc.subarray([
              batch,
              "iothub-app-x: y",
              "Connection: close",
              "Expect: 100-continue",
              "Authorization: x",
              "Upgrade: h2c",
            ]),
            body: fc.constantFrom("", "x", '[{"body":"AA=="}]', "y".repeat(500)),
          })
          .map(({ method, path, headers, body }) => request(method, path, headers, body)),
        { maxLength: 4 },
      ),
    )
    .map(([choices, cuts, requests]) => stream(choices, cuts, ...requests)),
  dictionary: [
    "TOKEN",
    "/registrations/",
    "/register",
    "/operations/",
    "\r\n",
    "Content-Length: ",
    "Transfer-Encoding: chunked",
    "Expect: 100-continue",
    "Connection: close",
    " HTTP/1.1\r\n",
    events,
    batch,
    "iothub-app-",
    "/messages/devicebound/lock-1",
    "/abandon",
    "0\r\n\r\n",
  ],
  run: async (input) => {
    const reader = new InputReader(input);
    const choices = reader.byte();
    const cuts = reader.byte();
    const bytes = Buffer.from(reader.rest().toString("latin1").replaceAll("TOKEN", token), "latin1");

    const { front, writer, queue } = hubOfOne({ reserveBytesMax: 8192 });
    const { table } = front;
    if ((choices & 1) !== 0) writer.refusal = "wait";
    if ((choices & 2) !== 0 && (choices & 1) !== 0) writer.refusal = "full";
    const budget = new BodyBudget(bodiesBytesMax);
    let logged = "";
    const context: HttpsContext = {
      ...front,
      budget,
      bounds: { ...defaultHttpsBounds, bodiesBytesMax, roomWaitMs: 200 },
      turns: new Turns(),
      log: { ...silentLog, error: (fields, message) => (logged += `${message} ${JSON.stringify(fields)}`) },
    };
    const running: Promise<void>[] = [];
    const server = createServer(
      { maxHeaderSize: 16_384, requestTimeout: 0, headersTimeout: 0 },
      (request: IncomingMessage, response: ServerResponse) => {
        running.push(new Exchange(context, request, response).run());
      },
    );
    server.maxHeadersCount = 0;
    const [client, peer] = duplexPair();
    let answers = "";
    client.setEncoding("latin1").on("data", (text: string) => (answers += text));
    client.on("error", () => {});
    peer.on("error", () => {});
    server.emit("connection", peer);
    const turn = (): Promise<unknown> => new Promise(setImmediate);
    const isPolling = bytes.includes("devicebound");
    const checkEarly = (): void => {
      const early = statusesOf(answers).filter((status) => status === 204).length;
      claim(
        isPolling || early <= writer.told,
        () => `J1: ${early} answers of 204, and ${writer.told} frames are durable`,
      );
    };

    let seed = cuts;
    for (let at = 0; at < bytes.length && !client.destroyed && !peer.destroyed;) {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
      const size = cuts === 0 ? bytes.length : 64 + ((seed >>> 16) % 700);
      client.write(bytes.subarray(at, at + size));
      at += size;
      await turn();
      if ((choices & 4) !== 0 && (seed & 0x300) === 0) writer.sync();
    }
    for (let round = 0; round < 3; round++) {
      for (let quiet = 0; quiet < 4; quiet++) await turn();
      checkEarly();
      if ((choices & 8) !== 0 && round === 1)
        for (const claimed of ["dev-1", "dev-2"]) table.hear({ kind: "device-deleted", deviceId: claimed } as never);
      writer.makeRoom();
      writer.sync();
    }
    for (let quiet = 0; quiet < 4; quiet++) await turn();
    writer.sync();
    for (let quiet = 0; quiet < 2; quiet++) await turn();
    const isOpen = !client.destroyed && !peer.destroyed;

    const found = statusesOf(answers);
    for (const status of found) claim(statuses.includes(status), () => `an answer of ${status}`);
    claim(bytes.includes(token) || !answers.includes("iothub-messageid"), "D1: a stranger got a message");
    claim(bytes.includes(token) || queue.settled.length === 0, "D1: a stranger settled a message");
    const taken = found.filter((status) => status === 204).length;
    claim(
      isPolling || taken <= writer.told,
      () => `J1: ${taken} answers of 204 for ${writer.told} requests that were taken`,
    );
    // Behind an answer that closes the connection others are not sent: their devices know nothing, and send again.
    const isClosing =
      /connection: close/i.test(answers) || /connection|upgrade|http\/1\.0/i.test(bytes.toString("latin1"));
    const isPlain = !isPolling && isOpen && !isClosing;
    claim(
      !isPlain || taken === writer.told,
      () => `J1: ${writer.told} requests were taken, and ${taken} have an answer`,
    );
    claim(writer.records.length === 0 || bytes.includes(token), "D1: a message was taken without a token");
    for (const record of writer.records)
      claim(readRecord(record).SystemProperties["connectionDeviceId"] === "dev-1", "D1: a record of another device");
    client.destroy();
    peer.destroy();
    await turn();
    writer.makeRoom();
    writer.sync();
    await Promise.all(running);
    claim(budget.take(bodiesBytesMax), "M1: bytes of bodies were not given back");
    claim(logged === "", () => logged);
  },
};
