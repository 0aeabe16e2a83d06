// A device that asks to be provisioned by an enrollment group: one HTTPS request, without an SDK.

import { once } from "node:events";
import { readFileSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { request } from "node:https";
import { join } from "node:path";
import { makeSasToken } from "../../src/ingest/sas-token.ts";
import type { HubProcess } from "../lib/hub-process.ts";

/** Resolves when the server has decided; throws when it does not know the device. @param payload  what the device says of itself. */
export async function register(
  hub: HubProcess,
  groupId: string,
  registrationId: string,
  payload: object = {},
): Promise<void> {
  const { idScope } = await hub.api<{ idScope: string }>("GET", "/provisioning");
  const keys = `/enrollment-groups/${groupId}/device-keys/${registrationId}`;
  const { primaryKey } = await hub.api<{ primaryKey: string }>("GET", keys);
  const resource = `${idScope}/registrations/${registrationId}`;
  const asking = request({
    host: "127.0.0.1",
    port: hub.address.ports.https,
    ca: readFileSync(join(hub.dataDir, "tls/ca.pem")),
    method: "PUT",
    path: `/${resource}/register?api-version=2019-03-31`,
    headers: {
      authorization: makeSasToken(resource, primaryKey, Date.now() + 60_000, "registration"),
      "content-type": "application/json",
    },
  });
  asking.end(JSON.stringify({ registrationId, payload }));
  const [answer] = (await once(asking, "response")) as [IncomingMessage];
  answer.resume();
  if ((answer.statusCode ?? 0) >= 300) throw new Error(`${registrationId} was answered ${answer.statusCode}.`);
}
