// A message's properties as they stand in HTTP headers, or under the same names in a batch. Pure.
//
// Names are compared without regard to case, and arrive in lower case in headers (docs/formats.md, "HTTPS"). Values are
// taken as they are: no SDK percent-encodes them (azure-iot-device-http 1.14, the C and Java SDKs, read in their sources),
// so decoding would damage a value with a `%` in it.
//
//   iothub-app-{name}           an application property
//   iothub-creation-time-utc    an application property of that name, as over MQTT (Java sends it unprefixed)
//   the table below             system properties
//   any other iothub-…          (to, expiry, ack, interface-id) known to IoT Hub but absent from its files
//
// A plain Content-Type describes the request: SDKs send `application/octet-stream` or a library's default there and the
// message's own type in `iothub-contenttype`. So it never becomes the system property `contentType`.

import { isUtf8 } from "node:buffer";
import { type MessageProperties, type MessageSystemProperty, creationTimeProperty } from "../../message/message.ts";

const applicationPrefix = "iothub-app-";
const systemNames: ReadonlyMap<string, MessageSystemProperty> = new Map([
  ["iothub-messageid", "messageId"],
  ["iothub-correlationid", "correlationId"],
  ["iothub-userid", "userId"],
  ["iothub-contenttype", "contentType"],
  ["iothub-contentencoding", "contentEncoding"],
  ["dt-subject", "dt-subject"],
]);

/** @param rawHeaders  names and values in turn, as Node has them. The last of two equal names wins, as in a bag. */
export function propertiesOfHeaders(rawHeaders: readonly string[]): MessageProperties {
  const collected = new PropertyCollection();
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = (rawHeaders[at] as string).toLowerCase();
    if (!name.startsWith("iothub-") && !systemNames.has(name)) continue;
    collected.add(name, headerText(rawHeaders[at + 1] as string));
  }
  return collected;
}

/** The properties of one message of a batch. Names that have no prefix are application properties, too. */
export function propertiesOfNames(named: Iterable<readonly [string, string]>): MessageProperties {
  const collected = new PropertyCollection();
  for (const [name, value] of named) collected.add(name, value);
  return collected;
}

class PropertyCollection implements MessageProperties {
  readonly application = new Map<string, string>();
  readonly system = new Map<MessageSystemProperty, string>();

  add(name: string, value: string): void {
    const lower = name.toLowerCase();
    const systemName = systemNames.get(lower);
    if (systemName !== undefined) this.system.set(systemName, value);
    else if (lower.startsWith(applicationPrefix)) this.application.set(name.slice(applicationPrefix.length), value);
    else if (lower === creationTimeProperty || !lower.startsWith("iothub-")) this.application.set(name, value);
  }
}

/** Node reads header bytes as Latin-1. Most clients send UTF-8; what is none was Latin-1 (Node's own client). */
function headerText(value: string): string {
  const bytes = Buffer.from(value, "latin1");
  return isUtf8(bytes) ? bytes.toString("utf8") : value;
}
