import { type AddressInfo, type Server, type Socket, connect, createServer } from "node:net";
import { afterEach, expect, test } from "vitest";
import { SocketPlaces } from "./socket-places.ts";

const servers: Server[] = [];
const clients: Socket[] = [];

afterEach(() => {
  for (const client of clients.splice(0)) client.destroy();
  for (const server of servers.splice(0)) server.close();
});

interface Listening {
  readonly port: number;
  readonly open: Set<Socket>;
  dropped: number;
}

async function listening(places: SocketPlaces, ownMax: number): Promise<Listening> {
  const server = createServer((socket) => {
    at.open.add(socket.on("error", () => {}).once("close", () => at.open.delete(socket)));
  });
  servers.push(server);
  places.bound(server, ownMax);
  server.on("drop", () => at.dropped++);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const at: Listening = { port: (server.address() as AddressInfo).port, open: new Set(), dropped: 0 };
  return at;
}

async function open(to: Listening, count: number): Promise<Socket[]> {
  const before = to.open.size + to.dropped;
  const opened = Array.from({ length: count }, () => connect(to.port, "127.0.0.1").on("error", () => {}));
  clients.push(...opened);
  await expect.poll(() => to.open.size + to.dropped).toBe(before + count);
  return opened;
}

test("M1: sockets of all listeners together stay within their bound; places that become free are given again", async () => {
  const places = new SocketPlaces(10);
  const [first, second] = [await listening(places, 8), await listening(places, 100)];
  const held = await open(first, 20);
  expect([first.open.size, first.dropped]).toEqual([8, 12]); // its own bound
  await open(second, 20);
  expect([second.open.size, second.dropped]).toEqual([2, 18]); // what is left
  for (const client of held) client.destroy();
  await expect.poll(() => first.open.size).toBe(0);
  await open(second, 20);
  expect(second.open.size).toBe(10);
});

test("M1: a listener that finds no place left may have one, and no more", async () => {
  const places = new SocketPlaces(3);
  const [first, second] = [await listening(places, 100), await listening(places, 100)];
  await open(first, 10);
  expect(first.open.size).toBe(3);
  await open(second, 10);
  expect(second.open.size).toBe(1);
});
