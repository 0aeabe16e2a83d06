// Where the SDK really connects to: real sockets, the look-up of names given by the test.

import { type IncomingMessage, type RequestListener, type Server, createServer } from "node:http";
import type { AddressInfo, LookupFunction } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import type { NetworkPolicy } from "../networks.ts";
import { openStorage } from "../open-storage.ts";
import type { Failure } from "../destination.ts";

const key = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

interface Seen {
  readonly port: number;
  readonly requests: string[];
}

/** Something on loopback that answers as a blob service would: with an empty list, or as `answer` says. */
async function poser(answer?: RequestListener): Promise<Seen> {
  const requests: string[] = [];
  const server = createServer((request: IncomingMessage, response) => {
    requests.push(`${request.method} ${request.url}`);
    if (answer !== undefined) {
      answer(request, response);
      return;
    }
    response.writeHead(200, { "content-type": "application/xml" });
    response.end(
      `<?xml version="1.0"?><EnumerationResults><Containers><Container><Name>iot</Name></Container></Containers></EnumerationResults>`,
    );
  });
  servers.push(server);
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  return { port: (server.address() as AddressInfo).port, requests };
}

/** Every name means `addresses`; the n-th look-up gets the n-th list. */
function lookupOf(...addresses: readonly (readonly string[])[]): LookupFunction & { calls: number } {
  const lookup = ((_host, _options, callback): void => {
    const found = addresses[Math.min(lookup.calls++, addresses.length - 1)] ?? [];
    callback(
      null,
      found.map((address) => ({ address, family: address.includes(":") ? 6 : 4 })),
    );
  }) as LookupFunction & { calls: number };
  lookup.calls = 0;
  return lookup;
}

/** Lists the containers of `endpoint`: their names, or why not. */
async function look(
  endpoint: string,
  networkPolicy: NetworkPolicy = {},
  lookup?: LookupFunction,
): Promise<readonly string[] | Failure> {
  const settings = { kind: "azure-blob", auth: "account-key", endpoint, accountName: "acct" } as const;
  const account = openStorage(settings, key, { networkPolicy, lookup, requestTimeoutMs: 5_000 });
  try {
    return await account.listContainers();
  } catch (error) {
    return (error as { failure: Failure }).failure;
  } finally {
    await account.close();
  }
}

const forbidden = { kind: "permanent", code: "endpoint-forbidden", hint: expect.stringMatching(/storage-networks/) };

describe("A3: a storage endpoint", () => {
  test("on loopback is the administrator's right, by address and by name", async () => {
    const { port, requests } = await poser();
    expect(await look(`http://127.0.0.1:${port}/acct`)).toEqual(["iot"]);
    expect(await look(`http://lake.example:${port}/acct`, {}, lookupOf(["127.0.0.1"]))).toEqual(["iot"]);
    expect(requests).toHaveLength(2);
  });

  test.each(["http://127.0.0.1", "http://2130706433", "http://0x7f000001", "http://0177.0.0.1", "http://127.1"])(
    "%s is loopback, which storage-networks can forbid: nothing is sent",
    async (origin) => {
      const { port, requests } = await poser();
      expect(await look(`${origin}:${port}/acct`, { networks: ["public"] })).toMatchObject(forbidden);
      expect(requests).toEqual([]);
    },
  );

  test.each([
    "http://169.254.169.254/acct",
    "http://[fd00:ec2::254]/acct",
    "http://[::ffff:169.254.169.254]/acct",
    "http://2852039166/acct",
    "http://0xa9.0xfe.0xa9.0xfe/acct",
    "http://0251.0376.0251.0376/acct",
    "http://metadata.google.internal/acct",
    "http://[fe80::1]/acct",
    "http://0.0.0.0:1/acct",
  ])("%s is always refused, at once and for good", async (endpoint) => {
    expect(await look(endpoint)).toMatchObject(forbidden);
  });

  test("whose name resolves to a forbidden address is refused, also when only one of several is", async () => {
    const { port, requests } = await poser();
    const endpoint = `http://lake.example:${port}/acct`;
    expect(await look(endpoint, {}, lookupOf(["169.254.169.254"]))).toMatchObject(forbidden);
    expect(await look(endpoint, {}, lookupOf(["127.0.0.1", "fe80::1"]))).toMatchObject(forbidden);
    expect(await look(endpoint, { networks: ["public"] }, lookupOf(["127.0.0.1"]))).toMatchObject(forbidden);
    expect(requests).toEqual([]);
  });

  test("is judged by the very look-up that the connection uses: a name that changes gains nothing", async () => {
    const { port, requests } = await poser();
    // Were the name resolved once for the check and once for the connection, the second answer would be used.
    const lookup = lookupOf(["192.0.2.1"], ["127.0.0.1"]);
    const networks = ["192.0.2.0/24"];
    const pending = look(`http://lake.example:${port}/acct`, { networks }, lookup);
    await Promise.race([pending, new Promise((resolve) => setTimeout(resolve, 500))]);
    expect(lookup.calls).toBe(1);
    expect(requests).toEqual([]);
    await pending;
  });

  test("that is this server itself is refused, on every address of the machine", async () => {
    const { port, requests } = await poser();
    const policy = { ownPorts: () => [port] };
    for (const host of ["127.0.0.1", "localhost", "127.0.0.9"]) {
      expect(await look(`http://${host}:${port}/acct`, policy)).toMatchObject({
        ...forbidden,
        message: expect.stringMatching(/this server itself/),
      });
    }
    expect(requests).toEqual([]);
  });

  test.each([300, 301, 302, 307, 308])(
    "that answers %i is not followed, neither to itself nor elsewhere",
    async (status) => {
      const victim = await poser();
      for (const to of [
        "/acct/elsewhere?comp=list",
        `http://127.0.0.1:${victim.port}/acct?comp=list`,
        "http://169.254.169.254/",
      ]) {
        const redirecting = await poser((_request, response) => response.writeHead(status, { location: to }).end());
        const outcome = await look(`http://127.0.0.1:${redirecting.port}/acct`);
        expect(outcome).toMatchObject({ kind: "permanent", code: `http-${status}` });
        expect(redirecting.requests).toHaveLength(1);
      }
      expect(victim.requests).toEqual([]);
    },
  );
});
