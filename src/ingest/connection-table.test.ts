import { expect, test } from "vitest";
import { ConnectionTable, type LiveConnection, connectionId } from "./connection-table.ts";

class Connection implements LiveConnection {
  readonly policy: string | null;
  readonly ends: string[] = [];
  constructor(policy: string | null = null) {
    this.policy = policy;
  }
  end(why: "taken-over" | "access"): void {
    this.ends.push(why);
  }
}

test("A device has one open connection: the newer one ends the older", () => {
  const table = new ConnectionTable();
  const [first, second] = [new Connection(), new Connection()];
  table.claim("a", first);
  expect(table.isOpen("a")).toBe(false);
  table.open("a", first);
  table.claim("a", second);
  expect(first.ends).toEqual([]); // a claim ends nobody
  table.open("a", second);
  expect(first.ends).toEqual(["taken-over"]);
  table.leave("a", first); // late: must not take the second with it
  expect(table.isOpen("a")).toBe(true);
  expect(table.openCount).toBe(1);
  table.leave("a", second);
  expect(table.openCount).toBe(0);
});

test("D1: deletion, and a change of access, end what is open and what is only claimed", () => {
  for (const event of [
    { kind: "device-deleted", deviceId: "a" },
    { kind: "device-changed", deviceId: "a", access: true },
  ] as const) {
    const table = new ConnectionTable();
    const [open, claimed, other] = [new Connection(), new Connection(), new Connection()];
    table.claim("a", open);
    table.open("a", open);
    table.claim("a", claimed);
    table.claim("b", other);
    table.hear(event);
    expect([open.ends, claimed.ends, other.ends]).toEqual([["access"], ["access"], []]);
  }
});

test("D1: a policy's change ends the connections that came in by it, and all claims", () => {
  const table = new ConnectionTable();
  const [byPolicy, byOther, byKey, claimed] = [
    new Connection("p"),
    new Connection("q"),
    new Connection(),
    new Connection(),
  ];
  for (const [id, connection] of [
    ["a", byPolicy],
    ["b", byOther],
    ["c", byKey],
  ] as const) {
    table.claim(id, connection);
    table.open(id, connection);
  }
  table.claim("d", claimed);
  table.hear({ kind: "policy-changed", name: "p" });
  expect([byPolicy.ends, byOther.ends, byKey.ends, claimed.ends]).toEqual([["access"], [], [], ["access"]]);
});

test("A module's connection stands beside its device's", () => {
  const table = new ConnectionTable();
  const [device, module] = [new Connection(), new Connection()];
  table.open("a", device);
  table.open(connectionId("a", "m"), module);
  expect([device.ends, module.ends, table.openCount]).toEqual([[], [], 2]);
  expect([table.isOpen("a"), table.isOpen(connectionId("a", "m")), table.isOpen("m")]).toEqual([true, true, false]);
});

test("D1: a module's change of access ends its own connections, a device's those of its modules as well", () => {
  const table = new ConnectionTable();
  const open = (deviceId: string, moduleId?: string): Connection => {
    const connection = new Connection();
    table.open(connectionId(deviceId, moduleId), connection);
    return connection;
  };
  const [device, one, two, other] = [open("a"), open("a", "1"), open("a", "2"), open("b", "1")];
  const claimed = new Connection();
  table.claim(connectionId("a", "1"), claimed);
  table.hear({ kind: "module-changed", deviceId: "a", moduleId: "1", access: false });
  expect([one.ends, claimed.ends]).toEqual([[], []]);
  table.hear({ kind: "module-changed", deviceId: "a", moduleId: "1", access: true });
  expect([device.ends, one.ends, claimed.ends, two.ends]).toEqual([[], ["access"], ["access"], []]);
  table.leave(connectionId("a", "1"), one);
  table.leave(connectionId("a", "1"), claimed);
  table.hear({ kind: "device-changed", deviceId: "a", access: true });
  expect([device.ends, one.ends, two.ends, other.ends]).toEqual([["access"], ["access"], ["access"], []]);
});

test("What does not touch access ends nobody", () => {
  const table = new ConnectionTable();
  const open = new Connection();
  table.open("a", open);
  table.hear({ kind: "device-changed", deviceId: "a", access: false });
  table.hear({ kind: "device-created", deviceId: "a" });
  table.hear({ kind: "export-changed", exportId: "e" });
  expect(open.ends).toEqual([]);
});
