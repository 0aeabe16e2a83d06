// docs/devices.md: each block of it runs as it stands, against a real hub. What it says to fill in is filled in here.

import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type BenchDevice, DeviceBench } from "../lib/device-bench.ts";
import { valueOf } from "../lib/exported-messages.ts";
import { needs } from "../lib/needs.ts";
import { emptyTemplate } from "../lib/plain-devices.ts";

const run = promisify(execFile);
const text = readFileSync(join(import.meta.dirname, "../../docs/devices.md"), "utf8");

/** Lines of nothing but values. */
const isToFillIn = (block: string): boolean =>
  block.split("\n").every((line) => /^(?:[a-z]+=\S+ *(?:#.*)?)?$/.test(line));

/** The blocks below each heading that are to be run. */
const sections = new Map(
  text.split(/^## /m).map((part) => {
    const [heading = ""] = part.split("\n");
    const blocks = Array.from(part.matchAll(/^```sh\n([\s\S]*?)^```/gm), ([, block = ""]) => block);
    return [heading, blocks.filter((block) => !isToFillIn(block))] as const;
  }),
);
const toFillIn = Array.from(text.matchAll(/^```sh\n([\s\S]*?)^```/gm), ([, block = ""]) => block)
  .filter(isToFillIn)
  .flatMap((block) => Array.from(block.matchAll(/^([a-z]+)=/gm), ([, name = ""]) => name));

test("docs/devices.md shows every topic", () => {
  const topics = [
    "devices/$device/messages/events/",
    "devices/$device/modules/$module/messages/events/",
    "devices/$device/messages/devicebound/#",
    "$iothub/twin/GET/?$rid=",
    "$iothub/twin/PATCH/properties/reported/?$rid=",
    "$iothub/twin/res/#",
    "$iothub/twin/PATCH/properties/desired/#",
    "$iothub/methods/POST/#",
    "\\$iothub/methods/res/200/?\\$rid=",
    "$dps/registrations/PUT/iotdps-register/?$rid=",
    "$dps/registrations/res/#",
    "$dps/registrations/GET/iotdps-get-operationstatus/?$rid=",
  ];
  expect(topics.filter((topic) => !text.includes(topic))).toEqual([]);
});

needs(
  "mosquitto_pub",
  "mosquitto_sub",
  "openssl",
  "curl",
)("docs/devices.md", () => {
  let bench: DeviceBench;
  let device: BenchDevice;
  let values: Readonly<Record<string, string>>;
  beforeAll(async () => {
    // A person takes minutes for what the test does in three seconds: more than ten connections of one device.
    bench = await DeviceBench.open("--device-sign-ins-per-second-max=0");
    device = await bench.device("fridge-7");
    const group = { name: "fridges", templateId: emptyTemplate.id };
    const { id } = await bench.hub.api<{ id: string }>("POST", "/enrollment-groups", group);
    const { primaryKey } = await bench.hub.api<{ primaryKey: string }>("GET", `/enrollment-groups/${id}/keys`);
    const { idScope } = await bench.hub.api<{ idScope: string }>("GET", "/provisioning");
    values = {
      host: "localhost",
      port: String(bench.hub.address.ports.mqtts),
      ca: bench.caPath,
      device: device.id,
      key: device.key,
      api: `${bench.hub.address.url}/api/v1`,
      operator: bench.hub.adminToken,
      scope: idScope,
      groupkey: primaryKey,
      registration: "fridge-8",
    };
    expect(Object.keys(values).toSorted()).toEqual(toFillIn.toSorted());
  });
  afterAll(async () => await bench?.close());

  /** The blocks below a heading, each in a terminal of its own, at the same time. @returns what they printed. */
  async function section(heading: string): Promise<string> {
    const blocks = sections.get(heading) ?? [];
    expect(blocks, heading).not.toEqual([]);
    const [preparation = ""] = sections.get("Fill in") ?? [];
    const printed = await Promise.all(
      blocks.map(async (block) => {
        const options = { env: { ...process.env, ...values }, timeout: 60_000 };
        return (await run("bash", ["-euo", "pipefail", "-c", `${preparation}\n${block}`], options)).stdout;
      }),
    );
    return printed.join("");
  }

  test("sends messages, which are in the files", async () => {
    await section("Send a message");
    await bench.exported();
    const [plain, second] = await bench.messages.of(device.id);
    expect(String(plain?.body)).toBe('{"humidity":41}');
    expect(String(second?.body)).toBe('{"humidity":42}');
    expect(second?.application).toEqual([["level", "2"]]);
    expect(valueOf(second?.system ?? [], "messageId")).toBe("m-1");
    expect(valueOf(second?.system ?? [], "contentType")).toBe("application/json");
  });

  test("reads the twin", async () => {
    expect(JSON.parse(await section("Read the twin"))).toMatchObject({ desired: {}, reported: { $version: 1 } });
  });

  test("reports properties", async () => {
    expect(await section("Report properties")).toBe("$iothub/twin/res/204/?$rid=2&$version=2\n");
    const twin = await bench.hub.api("GET", `/devices/${device.id}/twin`);
    expect(twin).toMatchObject({ reported: { content: { firmware: "7.1" } } });
  });

  test("hears of desired properties that were changed while it was away", async () => {
    const patch: unknown = JSON.parse(await section("Hear of desired properties"));
    expect(patch).toMatchObject({ interval: { seconds: 30 }, $version: 2 });
  });

  test("gets a message", async () => {
    expect(await section("Get a message")).toMatch(
      /^devices\/fridge-7\/messages\/devicebound\/\S*level=2\S* defrost\n$/,
    );
    const { items } = await bench.hub.api<{ items: object[] }>("GET", `/devices/${device.id}/cloud-messages`);
    expect(items).toMatchObject([{ state: "completed" }]);
  });

  test("answers a direct method", async () => {
    expect(JSON.parse(await section("Answer a direct method"))).toEqual({ status: 200, payload: { done: true } });
  });

  test("sends as a module", async () => {
    await section("Send as a module");
    await bench.exported();
    const message = (await bench.messages.of(device.id)).find(({ body }) => String(body) === '{"people":3}');
    expect(valueOf(message?.system ?? [], "connectionModuleId")).toBe("vision");
  });

  test("registers at the provisioning service", async () => {
    const answer: unknown = JSON.parse(await section("Register at the provisioning service"));
    expect(answer).toMatchObject({ status: "assigned", registrationState: { deviceId: "fridge-8" } });
    expect(await bench.hub.api("GET", "/devices/fridge-8")).toMatchObject({ id: "fridge-8" });
  });
});
