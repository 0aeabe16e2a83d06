import { type AddressInfo, type Socket, connect } from "node:net";
import { type TLSSocket, connect as connectTls, createServer } from "node:tls";
import { expect, onTestFinished, test } from "vitest";
import { aWhile, until } from "../../test/lib/ingest-hub.ts";
import { makeAuthority } from "../tls/authority.ts";
import { Handshakes, type HandshakesOptions } from "./handshakes.ts";

/** As a TLS record begins: the server waits for the rest. */
const halfHello = Buffer.from([0x16, 3, 1, 2, 0, 1]);

async function listen(options: HandshakesOptions, silenceMsMax = 5_000) {
  const handshakes = new Handshakes(options);
  const { certPem: cert, keyPem: key } = await makeAuthority(Date.now());
  let secured = 0;
  const silent: Socket[] = [];
  const server = createServer({ cert, key }, (socket) => {
    secured++;
    socket.on("error", () => {}).resume();
  });
  server.on("tlsClientError", () => {});
  handshakes.pace(server, silenceMsMax, (socket) => silent.push(socket));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const clients: Socket[] = [];
  onTestFinished(() => {
    for (const client of clients) client.destroy();
    server.close();
  });
  const come = (bytes: Buffer | null): Socket => {
    const client = connect({ port, host: "127.0.0.1" }, () => {
      if (bytes !== null) client.write(bytes);
    });
    client.on("error", () => {}).resume();
    clients.push(client);
    return client;
  };
  const shake = (): TLSSocket => {
    const client = connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false });
    client.on("error", () => {}).resume();
    clients.push(client);
    return client;
  };
  return { handshakes, come, shake, silent, secured: () => secured };
}

test("So many are under way; the next begins when one ends, well or badly", async () => {
  const { handshakes, come, shake, secured } = await listen({ placesMax: 2, placeMsMax: 60_000 });
  const slow = [come(halfHello), come(halfHello)];
  await until(() => handshakes.underWay === 2, "both are under way");
  shake();
  shake();
  await until(() => handshakes.waiting === 2, "they wait");
  await aWhile();
  expect(secured()).toBe(0);
  slow[0]?.destroy();
  await until(() => secured() === 2, "one after the other is let in");
  expect(handshakes.underWay).toBe(1);
});

test("All that come at once are let in", async () => {
  const { handshakes, shake, secured } = await listen({ placesMax: 3 });
  for (let count = 0; count < 60; count++) shake();
  await until(() => secured() === 60, "all are let in", 20_000);
  expect([handshakes.underWay, handshakes.waiting]).toEqual([0, 0]);
});

test("M1: who is slow holds a place for a moment only", async () => {
  const { handshakes, come, shake, secured } = await listen({ placesMax: 1, placeMsMax: 100 });
  come(halfHello);
  await until(() => handshakes.underWay === 1, "it is under way");
  shake();
  await until(() => secured() === 1, "the next is let in");
});

test("M1: who says nothing holds no place, and ends in the time for it", async () => {
  const { handshakes, come, shake, silent, secured } = await listen({ placesMax: 1, placeMsMax: 60_000 }, 300);
  const quiet = come(null);
  const ended = new Promise((resolve) => quiet.once("close", resolve));
  shake();
  await until(() => secured() === 1, "the next is let in");
  expect(handshakes.underWay).toBe(0);
  await ended;
  expect(silent).toHaveLength(1);
});

test("Who left while it waited is passed over", async () => {
  const { handshakes, come, shake, secured } = await listen({ placesMax: 1, placeMsMax: 60_000 });
  const slow = come(halfHello);
  await until(() => handshakes.underWay === 1, "it is under way");
  const gone = come(halfHello);
  await until(() => handshakes.waiting === 1, "it waits");
  shake();
  await until(() => handshakes.waiting === 2, "the next waits, too");
  gone.resetAndDestroy();
  await aWhile();
  slow.destroy();
  await until(() => secured() === 1, "the next is let in");
});
