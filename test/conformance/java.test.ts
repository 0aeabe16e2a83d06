// The Azure IoT SDK for Java, over each of its transports: docs/compatibility.md, as it happens. The gate has the standard ports, as
// Java's sockets cannot be led elsewhere: WebSockets and HTTPS need the right to 443.

import { needs } from "../lib/needs.ts";
import { testRows } from "./cells.ts";
import { rows } from "./rows.ts";

const ofJava = rows.filter(({ language }) => language === "Java");
const isDirect = ({ transport }: (typeof rows)[number]): boolean => transport === "Mqtt" || transport === "Amqp";

needs("java-sdk")("the Azure IoT SDK for Java", () => {
  testRows(ofJava.filter(isDirect));
});

needs("java-sdk", "port-443")("the Azure IoT SDK for Java, by port 443", () => {
  testRows(ofJava.filter((row) => !isDirect(row)));
});
