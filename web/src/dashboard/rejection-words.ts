// What the hub refused, by reason, and what it means: for who reads the dashboard. Pure.
// The reasons are the server's (rejectionReasons in the ingest room); a test holds that each has words.

export interface RejectionWords {
  readonly title: string;
  readonly toDo: string;
}

const words: Readonly<Record<string, RejectionWords>> = {
  "protocol-version": {
    title: "Another version of MQTT",
    toDo: "The device must speak MQTT 3.1.1.",
  },
  "malformed-packet": {
    title: "No proper MQTT",
    toDo: "Something that is no MQTT client connects to the port, or a client has a fault. Often a port scan.",
  },
  "packet-too-large": {
    title: "A packet above the limit",
    toDo: "A message may have 256 KiB. Split what the device sends.",
  },
  "connect-timeout": {
    title: "Connected and said nothing",
    toDo: "Port scans and health checks do this. If it is a device, look at its network.",
  },
  "client-id": {
    title: "A client id that is no device id",
    toDo: "The MQTT client id must be the device's id.",
  },
  "user-name": {
    title: "A user name of another form",
    toDo: "The MQTT user name must be host/device id/?api-version=…, as the device's connection details show it.",
  },
  "unknown-host": {
    title: "A host name that is not this hub's",
    toDo: "Take the connection string anew from the device's page, or have the server started with --public-host.",
  },
  "unknown-device": {
    title: "A device that is not registered",
    toDo: "Create it in the device explorer, or correct the id on the device.",
  },
  "device-disabled": {
    title: "A blocked device",
    toDo: "Unblock it in the device explorer if it may send again.",
  },
  "token-malformed": {
    title: "A token that cannot be read",
    toDo: "The password must be a SharedAccessSignature made with the device's key.",
  },
  "token-expired": {
    title: "A token that has expired",
    toDo: "Check the device's clock. A device makes a new token before the old one ends.",
  },
  "token-resource": {
    title: "A token for another device or hub",
    toDo: "Take the connection string anew from the device's page.",
  },
  "token-signature": {
    title: "A token signed with a wrong key",
    toDo: "The key was changed, or belongs to another device. Take it anew from the device's page.",
  },
  "unknown-policy": {
    title: "A token of an unknown policy",
    toDo: "Use the device's own key, or one of the hub's policies.",
  },
  "unknown-module": {
    title: "A module that is not registered",
    toDo: "Make it under its device, or correct the id on the device.",
  },
  "authentication-type": {
    title: "A key where a certificate is expected, or the other way round",
    toDo: "Look at how the device is to sign in, on its page, and at what it is configured with.",
  },
  "certificate-thumbprint": {
    title: "Another certificate than the registered one",
    toDo: "Register the thumbprint of the certificate that the device uses now.",
  },
  "certificate-name": {
    title: "A certificate for another device",
    toDo: "The certificate's common name must be the device's id, letter for letter.",
  },
  "certificate-untrusted": {
    title: "A certificate that no verified CA signed",
    toDo: "The device must show its intermediate certificates, too, and the CA certificate must be there and verified.",
  },
  "certificate-expired": {
    title: "A certificate that has expired, or is not valid yet",
    toDo: "Give the device a new certificate, or check this server's clock.",
  },
  "will-topic": {
    title: "A last will for a topic that is not the device's own",
    toDo: "A will may only go to devices/{device id}/messages/events/.",
  },
  "too-many-connections": {
    title: "Too many connections",
    toDo: "The server takes as many as its options say. Whoever runs it can raise them.",
  },
  "not-ready": {
    title: "Refused while the hub could not take messages",
    toDo: "Devices try again by themselves. Look at the notices on this page.",
  },
  topic: {
    title: "A topic that the hub does not know",
    toDo: "Messages go to devices/{device id}/messages/events/.",
  },
  "qos-2": {
    title: "Quality of service 2",
    toDo: "Send with quality of service 1 (or 0).",
  },
  "message-too-large": {
    title: "A message above 256 KiB",
    toDo: "Split what the device sends.",
  },
  "invalid-property-bag": {
    title: "Message properties that cannot be read",
    toDo: "Properties in the topic must be encoded as in a URL: name=value&name=value.",
  },
  "invalid-batch": {
    title: "A batch that cannot be read",
    toDo: "See the batch format of the HTTPS interface; nothing of the batch was taken.",
  },
  "will-lost": {
    title: "A last will that could not be kept",
    toDo: "A device went away while the hub could not take messages: its will is not exported.",
  },
  "keep-alive": {
    title: "Fell silent",
    toDo: "The device sent nothing for longer than its keep-alive: its network or power went away. It connects again by itself.",
  },
  "unexpected-packet": {
    title: "A packet out of turn",
    toDo: "The device's MQTT client has a fault; update it.",
  },
  reconnecting: {
    title: "Connecting again and again",
    toDo: "A device connects many times a minute and is told to wait: its program starts anew, or its line drops. Look at its log.",
  },
  "too-many-subscriptions": {
    title: "Too many subscriptions",
    toDo: "A device needs only a few topics; look at what its program subscribes to.",
  },
  "invalid-twin-request": {
    title: "A report to the twin that breaks its bounds",
    toDo: "The device is told what is wrong: no JSON, too deep, too large, or a key with a dot, a $ or a space. Its program must mend it.",
  },
  "too-many-requests": {
    title: "Requests that do not wait for their answers",
    toDo: "A device may have ten requests to its twin under way (four when it registers); its program must wait for answers.",
  },
  "malformed-request": {
    title: "An HTTPS request that cannot be read",
    toDo: "Something that is no device calls the port, or a client has a fault.",
  },
  "request-timeout": {
    title: "An HTTPS request that did not end",
    toDo: "The device's network is slow or was cut off. It sends again.",
  },
  path: {
    title: "An HTTPS path that the hub does not know",
    toDo: "Messages are posted to /devices/{device id}/messages/events?api-version=…",
  },
  "sub-protocol": {
    title: "A WebSocket for another protocol",
    toDo: "The device's WebSocket must name the sub-protocol mqtt or AMQPWSB10.",
  },
  "malformed-frame": {
    title: "A WebSocket that cannot be read",
    toDo: "The device's WebSocket client has a fault; update it.",
  },
  "malformed-message": {
    title: "An AMQP message that cannot be read",
    toDo: "Its body must be data, a string or binary, and its properties simple values.",
  },
  "link-address": {
    title: "An AMQP link to nowhere",
    toDo: "Messages are sent to /devices/{device id}/messages/events.",
  },
  "too-many-links": {
    title: "Too many AMQP links",
    toDo: "A device needs a few links; look at what its program attaches, or how many devices share the connection.",
  },
  "unknown-id-scope": {
    title: "An ID scope of another service",
    toDo: "Give the device this hub's ID scope, or have the hub take that one, too: see Device connection.",
  },
  "unknown-registration": {
    title: "Provisioning without a good key",
    toDo: "The device's key or certificate is of no enrollment: compare it with what Device connection shows.",
  },
  "registration-blocked": {
    title: "Provisioning of a blocked device",
    toDo: "If it may come again, unblock it under Registrations.",
  },
  "registration-taken": {
    title: "Provisioning under the id of another device",
    toDo: "A device of that id was made by hand, or came by another enrollment. Delete it if it is the same one, or give it the derived key.",
  },
  "registrations-full": {
    title: "Too many registrations wait",
    toDo: "Approve, block or delete some under Registrations. Devices ask again by themselves.",
  },
  "lock-lost": {
    title: "A message settled too late",
    toDo: "A device answered for a message whose lock had run out after a minute; it gets the message again. It should answer sooner.",
  },
  "journal-full": {
    title: "The journal is full",
    toDo: "Exports owe all that it holds. See what stands in their way under Continuous Data Export. Devices keep their messages and send again.",
  },
  overloaded: {
    title: "More at once than the hub takes",
    toDo: "Devices send again by themselves. If it lasts, the machine is too small for them.",
  },
  throttled: {
    title: "More than a device may send",
    toDo: "The limit for each device is the server's option; find the device that sends so much.",
  },
};

export function rejectionWords(reason: string): RejectionWords {
  return words[reason] ?? { title: reason, toDo: "" };
}
