import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type Device,
  type DeviceOrder,
  type DeviceQuery,
  type NewDevice,
  type Registry,
  deviceOrders,
} from "../registry.ts";
import { type MakeStand, type Stand, fridge } from "./stand.ts";

/** Enough for several slices of a scan. */
const fleetDevices = 5_000;

export function deviceListStories(make: MakeStand): void {
  /** Templates of equal and different names, in versions that sort as numbers; devices made at several times. */
  const makeFleet = async (devices: number): Promise<Stand> => {
    const stand = await make();
    const { registry, clock } = stand;
    await registry.createTemplate({ ...fridge, id: "z", name: "apple" });
    await registry.createTemplate({ ...fridge, id: "a", name: "Zebra" });
    await registry.createTemplate({ ...fridge, id: "b", name: "Apple" });
    for (const version of ["1.10.0", "1.9.0"])
      await registry.createTemplateVersion("b", { ...fridge, id: "b", version });
    const names = ["Öl", "öl", "Zug", "apfel", "Apfel", "😀", "\u{ffee}", "a_b%", "1"];
    for (let first = 0; first < devices; first += 500) {
      await registry.createDevices(
        Array.from({ length: Math.min(500, devices - first) }, (_, index): NewDevice => {
          const at = first + index;
          // Ids in another order than they are made in.
          const id = `${((at * 7919) % 10_007).toString(36)}${at % 3 === 0 ? "A" : "a"}${at}`;
          const [templateId, templateVersion] = ["z 1.0.0", "a 1.0.0", "b 1.10.0", "b 1.9.0"][at % 4]?.split(" ") ?? [];
          return {
            id,
            ...(at % 5 === 0 ? {} : { name: `${names[at % names.length]} ${at % 40}` }),
            templateId: templateId ?? "",
            templateVersion,
            simulated: at % 7 === 0,
            enabled: at % 11 !== 0,
          };
        }),
      );
      clock.timeMs += 60_000;
    }
    return stand;
  };

  describe("lists of devices", () => {
    test("whatever is filtered and sorted by: its pages are that list, and their total is its length", async () => {
      const { registry } = await makeFleet(fleetDevices);
      const everything = await allPages(registry, { limit: 1000 });
      expect(everything).toHaveLength(fleetDevices);
      const templates = new Map((await registry.templates()).map((one) => [`${one.id} ${one.version}`, one.name]));
      const maybe = <T>(values: readonly T[]) => fc.option(fc.constantFrom(...values), { nil: undefined });
      const query = fc.record({
        sort: maybe(deviceOrders),
        descending: maybe([true, false]),
        search: maybe(["", "ÖL", "a", "😀", "%", "no such", "1", "\n"]),
        templateId: maybe(["a", "b", "none"]),
        templateVersion: maybe(["1.9.0", "1.0.0"]),
        simulated: maybe([true, false]),
        enabled: maybe([true, false]),
        isIncluded: maybe([(id: string) => id.endsWith("7")]),
        limit: fc.constantFrom(137, 999, 1000),
      });
      await fc.assert(
        fc.asyncProperty(query, async ({ isIncluded, ...given }) => {
          const asked: DeviceQuery = { ...given, isIncluded };
          const expected = everything
            .filter((device) => matches(device, asked))
            .toSorted((a, b) => {
              const order = comparison(asked.sort ?? "id", templates)(a, b);
              return asked.descending === true ? -order : order;
            });
          const found = await allPages(registry, asked, expected.length);
          expect(found.map(({ id }) => id)).toEqual(expected.map(({ id }) => id));
          expect(await registry.countDevices(asked)).toBe(expected.length);
        }),
        { numRuns: 60 },
      );
    }, 120_000);

    test("who is there all the time is on one page, once, whatever is made and deleted between pages", async () => {
      const { registry } = await makeFleet(600);
      for (const sort of deviceOrders) {
        for (const more of [{}, { descending: true }, { search: "a" }, { simulated: false, descending: true }]) {
          const before = await allPages(registry, more);
          const seen: string[] = [];
          const gone = new Set<string>();
          for (let after: string | null | undefined, turn = 0; after !== null; turn++) {
            const page = await registry.devices({ ...more, sort, limit: 37, after });
            seen.push(...page.items.map(({ id }) => id));
            after = page.next;
            // The last one of this page, one that was seen, one that may come.
            for (const id of [page.items.at(-1)?.id, seen[turn], before[(turn * 31) % before.length]?.id]) {
              if (id === undefined || gone.has(id)) continue;
              gone.add(id);
              await registry.deleteDevice(id);
            }
            await registry.createDevice({
              id: `new-a-${sort}-${JSON.stringify(more).length}-${turn}`,
              templateId: "a",
            });
          }
          expect(new Set(seen).size).toBe(seen.length);
          const stayed = before.filter(({ id }) => !gone.has(id));
          expect(stayed.filter(({ id }) => !seen.includes(id))).toEqual([]);
        }
      }
    }, 60_000);

    test("what is no `next` of this list is refused by its name", async () => {
      const { registry } = await makeFleet(10);
      const { next } = await registry.devices({ limit: 2, sort: "name" });
      expect((await registry.devices({ limit: 2, sort: "name", after: next ?? "" })).items).toHaveLength(2);
      for (const query of [
        { after: next ?? "" },
        { sort: "name", descending: true, after: next ?? "" },
        { after: "fridge-7" },
        { after: "" },
        { after: Buffer.from('["id",false,5]').toString("base64url") },
        { after: Buffer.from('["id",false]').toString("base64url") },
      ] as const) {
        await expect(registry.devices(query)).rejects.toMatchObject({ code: "input-invalid", field: "after" });
      }
      await expect(registry.devices({ sort: "age" as never })).rejects.toMatchObject({ field: "sort" });
    });

    test("a long one lets others go on, also when several are asked for at once", async () => {
      const { registry } = await makeFleet(fleetDevices);
      let turns = 0;
      let isDone = false;
      const count = (): void => {
        turns++;
        if (!isDone) setImmediate(count);
      };
      setImmediate(count);
      const lists = [1, 2, 3].map((limit) => registry.devices({ search: "no such", limit, isCounted: true }));
      await Promise.all(lists);
      isDone = true;
      // Three slices each, one a turn.
      expect(turns).toBeGreaterThanOrEqual(9);
    });
  });
}

async function allPages(registry: Registry, query: DeviceQuery, total?: number): Promise<readonly Device[]> {
  const found: Device[] = [];
  for (let after: string | null | undefined; after !== null;) {
    const page = await registry.devices({ ...query, after, isCounted: total !== undefined });
    found.push(...page.items);
    expect(page.total).toBe(total ?? null);
    after = page.next;
  }
  return found;
}

function matches(device: Device, query: DeviceQuery): boolean {
  const term = query.search?.toLowerCase() ?? "";
  return (
    (query.templateId ?? device.templateId) === device.templateId &&
    (query.templateVersion ?? device.templateVersion) === device.templateVersion &&
    (query.simulated ?? device.simulated) === device.simulated &&
    (query.enabled ?? device.enabled) === device.enabled &&
    (query.isIncluded?.(device.id) ?? true) &&
    (device.id.toLowerCase().includes(term) || device.name.toLowerCase().includes(term) || term === "\n")
  );
}

/** By the bytes of UTF-8, as SQLite has it. */
function comparison(sort: DeviceOrder, templates: ReadonlyMap<string, string>): (a: Device, b: Device) => number {
  const keyOf = ({ id, name, createdAt, templateId, templateVersion }: Device): readonly string[] => {
    const [major, minor, patch] = templateVersion.split(".").map((part) => part.padStart(5, "0"));
    const templateName = templates.get(`${templateId} ${templateVersion}`)?.toLowerCase() ?? "";
    return {
      id: [id],
      name: [name.toLowerCase(), id],
      createdAt: [createdAt, id],
      template: [templateName, templateId, `${major}.${minor}.${patch}`, id],
    }[sort];
  };
  return (a, b) => {
    const [one, other] = [keyOf(a), keyOf(b)];
    const differs = one.findIndex((part, index) => part !== other[index]);
    return differs < 0 ? 0 : Buffer.compare(Buffer.from(one[differs] ?? ""), Buffer.from(other[differs] ?? ""));
  };
}
