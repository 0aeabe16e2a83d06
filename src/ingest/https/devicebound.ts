// A cloud-to-device message as the answer to a poll. Pure. docs/formats.md "Cloud-to-device messages".

import type { CloudDelivery } from "../../registry/registry.ts";
import { cloudMessageAddress } from "../../twins/cloud-messages.ts";

/** The form that IoT Hub's SDKs read: the lock token is the ETag, properties have their prefix. */
export function deliveryHeaders(deviceId: string, delivery: CloudDelivery): Readonly<Record<string, string | number>> {
  const { correlationId, userId, contentType, contentEncoding } = delivery;
  const optional = {
    "iothub-correlationid": correlationId,
    "iothub-userid": userId,
    "iothub-contenttype": contentType,
    "iothub-contentencoding": contentEncoding,
    // Azure's SDK for C looks for these, letter by letter (iothubtransporthttp.c, retrieve_message_properties).
    ContentType: contentType,
    ContentEncoding: contentEncoding,
  };
  return {
    "Content-Type": "application/octet-stream",
    "Content-Length": delivery.body.length,
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    ETag: `"${delivery.lockToken}"`,
    "iothub-messageid": delivery.messageId,
    "iothub-to": cloudMessageAddress(deviceId),
    "iothub-expiry": delivery.expiresAt,
    "iothub-enqueuedtime": delivery.enqueuedAt,
    "iothub-sequencenumber": delivery.number,
    "iothub-deliverycount": delivery.deliveryCount,
    ...Object.fromEntries(
      Object.entries(optional).filter((entry): entry is [string, string] => entry[1] !== undefined),
    ),
    ...Object.fromEntries(Object.entries(delivery.properties).map(([name, value]) => [`iothub-app-${name}`, value])),
  };
}
