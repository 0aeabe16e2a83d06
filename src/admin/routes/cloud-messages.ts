// Cloud-to-device messages: sent to a device, looked at until it is known what became of them, purged.

import { Type } from "typebox";
import { ColdpathError } from "../../lib/errors.ts";
import type { CloudMessage as RegistryMessage } from "../../registry/registry.ts";
import type { AdminOptions } from "../options.ts";
import { type Api, ref } from "../schema.ts";
import { CloudMessage, CloudMessageList, NewCloudMessage } from "../schemas/cloud-message.ts";
import { gone } from "../schemas/error.ts";

const tags = ["devices"];
const access = "operator";
const oneDevice = Type.Object({ deviceId: Type.String() });
const oneMessage = Type.Object({ deviceId: Type.String(), messageId: Type.String() });

export function cloudMessageRoutes(
  api: Api,
  { registry, cloudMessages }: Pick<AdminOptions, "registry" | "cloudMessages">,
): void {
  api.get(
    "/devices/:deviceId/cloud-messages",
    {
      schema: {
        operationId: "listCloudMessages",
        summary: "The messages that wait for a device, and what became of the last ones.",
        tags,
        access,
        params: oneDevice,
        response: { 200: ref(CloudMessageList) },
        failures: [404],
      },
    },
    async (request) => ({ items: (await registry.cloudMessages(request.params.deviceId)).map(shown) }),
  );

  api.post(
    "/devices/:deviceId/cloud-messages",
    {
      schema: {
        operationId: "sendCloudMessage",
        summary: "Sends a message to a device: it is kept until the device completes it or it expires.",
        tags,
        access,
        params: oneDevice,
        body: ref(NewCloudMessage),
        response: { 201: ref(CloudMessage) },
        failures: [404, 409],
      },
    },
    async (request, reply) => {
      const { body = "", bodyEncoding = "text", ttlSeconds, ...rest } = request.body;
      const ttlMs = ttlSeconds === undefined ? undefined : ttlSeconds * 1000;
      const message = { ...rest, body: bytesOf(body, bodyEncoding), ttlMs };
      const sent = await cloudMessages.send(request.params.deviceId, message);
      // What was sent may be a secret.
      request.callNote = { detail: { messageId: sent.messageId, bytes: sent.bytes } };
      return await reply.code(201).send(shown(sent));
    },
  );

  api.delete(
    "/devices/:deviceId/cloud-messages",
    {
      schema: {
        operationId: "purgeCloudMessages",
        summary: "Purges all messages that wait for a device.",
        tags,
        access,
        params: oneDevice,
        response: { 204: gone },
        failures: [404],
      },
    },
    async (request, reply) => {
      await registry.purgeCloudMessages(request.params.deviceId);
      return await reply.code(204).send(null);
    },
  );

  api.delete(
    "/devices/:deviceId/cloud-messages/:messageId",
    {
      schema: {
        operationId: "purgeCloudMessage",
        summary: "Purges one message that waits for a device.",
        tags,
        access,
        params: oneMessage,
        response: { 204: gone },
        failures: [404],
      },
    },
    async (request, reply) => {
      await registry.purgeCloudMessages(request.params.deviceId, request.params.messageId);
      return await reply.code(204).send(null);
    },
  );
}

function shown({ properties, ...message }: RegistryMessage) {
  return { ...message, properties: { ...properties } };
}

function bytesOf(body: string, encoding: "text" | "base64"): Buffer {
  if (encoding === "text") return Buffer.from(body, "utf8");
  const isBase64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(body);
  if (isBase64) return Buffer.from(body, "base64");
  throw new ColdpathError("invalid", "input-invalid", "body is not base64.", {
    field: "body",
    hint: 'Leave out bodyEncoding, or say "text", when the body is text.',
  });
}
