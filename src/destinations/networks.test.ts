import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { addressProblem, hostProblem } from "./networks.ts";

const open = {};

describe("an address", () => {
  test.each([
    ["169.254.169.254", /metadata/],
    ["169.254.170.2", /metadata/],
    ["168.63.129.16", /metadata/],
    ["100.100.100.200", /metadata/],
    ["fd00:ec2::254", /metadata/],
    ["fd00:0ec2:0:0:0:0:0:0254", /metadata/],
    ["169.254.0.1", /link-local/],
    ["fe80::1", /link-local/],
    ["fe80::1%eth0", /link-local/],
    ["0.0.0.0", /no address of one machine/],
    ["::", /no address of one machine/],
    ["224.0.0.1", /multicast/],
    ["ff02::1", /multicast/],
    ["255.255.255.255", /reserved/],
  ])("A3: %s is never allowed, whatever is configured", (address, why) => {
    expect(addressProblem(address, 443, open)).toMatch(why);
    expect(addressProblem(address, 443, { networks: ["0.0.0.0/0", "::/0"] })).toMatch(why);
  });

  test("A3: no way of carrying an IPv4 address in an IPv6 one leads around that", () => {
    const byte = fc.integer({ min: 0, max: 255 });
    fc.assert(
      fc.property(fc.tuple(byte, byte, byte, byte), (bytes) => {
        const dotted = bytes.join(".");
        const hex = Buffer.from(bytes)
          .toString("hex")
          .replace(/^(.{4})(.{4})$/, "$1:$2");
        const plain = addressProblem(dotted, 443, open);
        // ::0.0.0.0 and ::0.0.0.1 are :: and ::1.
        const forms = [`::ffff:${dotted}`, `::ffff:${hex}`, `64:ff9b::${dotted}`, `2002:${hex}::1`];
        if (bytes.slice(0, 3).some((one) => one > 0)) forms.push(`::${dotted}`);
        for (const form of forms) expect([form, addressProblem(form, 443, open)]).toEqual([form, plain]);
      }),
      { examples: [[[169, 254, 169, 254]], [[127, 0, 0, 1]], [[10, 0, 0, 1]], [[169, 254, 0, 1]], [[8, 8, 8, 8]]] },
    );
  });

  test("private and loopback ones are allowed unless storage-networks leaves them out", () => {
    const all = ["10.1.2.3", "172.31.0.1", "192.168.1.1", "100.64.0.1", "fd12::1", "127.0.0.1", "127.8.8.8", "::1"];
    for (const address of [...all, "20.60.1.1", "2603:1030::1"]) expect(addressProblem(address, 443, open)).toBeNull();
    for (const address of all)
      expect(addressProblem(address, 443, { networks: ["public"] })).toMatch(/storage-networks/);
    expect(addressProblem("20.60.1.1", 443, { networks: ["public"] })).toBeNull();
    const narrow = { networks: ["10.1.0.0/16", "loopback", "2603:1030::/32"] };
    expect(addressProblem("10.1.200.1", 443, narrow)).toBeNull();
    expect(addressProblem("::ffff:10.1.200.1", 443, narrow)).toBeNull();
    expect(addressProblem("::1", 443, narrow)).toBeNull();
    expect(addressProblem("2603:1030::1", 443, narrow)).toBeNull();
    expect(addressProblem("10.2.0.1", 443, narrow)).toMatch(/private/);
    expect(addressProblem("20.60.1.1", 443, narrow)).toMatch(/public/);
  });

  test("of this machine is refused at this server's own ports, and at no others", () => {
    const policy = { ownPorts: () => [8080, 8883] };
    for (const address of ["127.0.0.1", "127.0.0.2", "::1", "::ffff:127.0.0.1"]) {
      expect(addressProblem(address, 8080, policy)).toMatch(/this server itself/);
      expect(addressProblem(address, 10_000, policy)).toBeNull();
    }
    expect(addressProblem("20.60.1.1", 8080, policy)).toBeNull();
  });
});

test("names that only metadata services have are refused before anybody resolves them", () => {
  for (const name of ["metadata.google.internal", "METADATA.google.internal.", "metadata"]) {
    expect(hostProblem(name)).toMatch(/metadata/);
  }
  expect(hostProblem("mystorage.blob.core.windows.net")).toBeNull();
});
