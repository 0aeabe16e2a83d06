// The unmodified azure-iot-device-http, over TLS, with an agent of its own (facts: it knows no other port than 443).

import { readFileSync } from "node:fs";
import { Agent } from "node:https";
import device from "azure-iot-device";
import azureHttp from "azure-iot-device-http";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { IngestHub, aWhile, until } from "../../../test/lib/ingest-hub.ts";
import { openTls } from "../../tls/tls.ts";

const { Client, Message } = device;
type ReceivedMessage = InstanceType<typeof Message> & { readonly lockToken: string };
type SdkClient = ReturnType<typeof Client.fromConnectionString>;

let hub: IngestHub;
let agent: Agent;

beforeAll(async () => {
  hub = await IngestHub.open();
  const { identity } = await openTls({ dataDir: hub.directory, publicHosts: ["localhost"] });
  const port = await hub.https.listen(0, "127.0.0.1", { cert: identity.certPem, key: identity.keyPem });
  agent = new Agent({ port, ca: readFileSync(identity.caPath ?? "", "utf8"), keepAlive: true });
});
afterAll(async () => {
  agent.destroy();
  await hub.close();
});

async function clientOf(id: string, key?: string): Promise<SdkClient> {
  const own = await hub.createDevice(id);
  const client = Client.fromConnectionString(
    `HostName=localhost;DeviceId=${id};SharedAccessKey=${key ?? own}`,
    azureHttp.Http,
  );
  void client.setOptions({ http: { agent } }); // never resolves (facts, §4.4)
  await client.open();
  return client;
}

describe("The Azure SDK", () => {
  test("sends a message with application and system properties", async () => {
    const client = await clientOf("sdk-1");
    const message = new Message(Buffer.from([0, 255, 10, 13]));
    message.messageId = "m-1";
    message.correlationId = "c-1";
    message.userId = "u";
    message.contentType = "application/json";
    message.contentEncoding = "utf-8";
    message.properties.add("level", "50% & more");
    message.properties.add("dt-subject", "thermostat1");
    await client.sendEvent(message);
    await client.close();
    const [record] = hub.records("sdk-1");
    expect(record?.Body).toEqual(Buffer.from([0, 255, 10, 13]));
    expect(record?.Properties).toEqual({ level: "50% & more" });
    expect(record?.SystemProperties).toMatchObject({
      messageId: "m-1",
      correlationId: "c-1",
      userId: "u",
      contentType: "application/json",
      contentEncoding: "utf-8",
      "dt-subject": "thermostat1",
    });
  });

  test("sends a batch", async () => {
    const client = await clientOf("sdk-2");
    const [one, two] = [new Message("one"), new Message("two")];
    one.properties.add("Level", "1");
    await client.sendEventBatch([one, two]);
    await client.close();
    expect(hub.bodies("sdk-2")).toEqual(["one", "two"]);
    expect(hub.records("sdk-2").map(({ Properties }) => Properties)).toEqual([{ Level: "1" }, {}]);
  });

  test("is told in errors of its own what is wrong", async () => {
    const stranger = await clientOf("sdk-3", Buffer.alloc(32, 5).toString("base64"));
    await expect(stranger.sendEvent(new Message("x"))).rejects.toMatchObject({ name: "UnauthorizedError" });
    await stranger.close();
    const client = await clientOf("sdk-4");
    await expect(client.sendEvent(new Message(Buffer.alloc(256 * 1024 + 1)))).rejects.toMatchObject({
      name: "MessageTooLargeError",
    });
    const quoted = new Message("x");
    quoted.properties.add("a", 'a "quote" breaks its JSON');
    await expect(client.sendEventBatch([quoted])).rejects.toMatchObject({ name: "ArgumentError" });
    await client.close();
    expect([hub.bodies("sdk-3"), hub.bodies("sdk-4")]).toEqual([[], []]);
  });

  test("tries again by itself while the journal is full, and is heard once", async () => {
    const client = await clientOf("sdk-5");
    hub.writer.refuseWith("full");
    const before = hub.rejections("journal-full");
    const sent = client.sendEvent(new Message("patient"));
    await until(() => hub.rejections("journal-full") >= before + 2, "it was told to come back, and came");
    hub.writer.refuseWith(null);
    await sent;
    await client.close();
    expect(hub.bodies("sdk-5")).toEqual(["patient"]);
  });
});

test("The Azure SDK polls for messages, and completes, rejects and abandons them", async () => {
  const client = await clientOf("sdk-polls");
  for (const body of ["one", "two", "three"]) {
    await hub.cloudMessages.send("sdk-polls", {
      body: Buffer.from(body),
      messageId: `m-${body}`,
      correlationId: "c",
      properties: { level: "50%" },
    });
  }
  const taken: { readonly body: string; readonly lockToken: string }[] = [];
  client.on("message", (message: ReceivedMessage) => {
    const body = Buffer.from(message.data as Buffer).toString();
    taken.push({ body, lockToken: message.lockToken });
    if (body === "one") {
      expect(message.messageId).toBe("m-one");
      expect(message.correlationId).toBe("c");
      expect(message.to).toBe("/devices/sdk-polls/messages/devicebound");
      expect(Date.parse(String(message.expiryTimeUtc))).toBeGreaterThan(Date.now());
      expect(message.properties.getValue("iothub-app-level")).toBe("50%");
      void client.complete(message);
    } else if (body === "two") void client.reject(message);
    else if (taken.filter((one) => one.body === "three").length === 1) void client.abandon(message);
    else void client.complete(message);
  });
  const states = async () => (await hub.registry.cloudMessages("sdk-polls")).map(({ state }) => state).toSorted();
  const endMs = performance.now() + 20_000;
  while ((await states()).join() !== "completed,completed,rejected" && performance.now() < endMs) await aWhile(50);
  expect(await states()).toEqual(["completed", "completed", "rejected"]);
  expect(taken.map(({ body }) => body).toSorted()).toEqual(["one", "three", "three", "two"]);
  client.removeAllListeners("message"); // it polls no more
  await client.close();
  await until(() => Object.keys(agent.sockets).length === 0, "its last poll is answered");
});
