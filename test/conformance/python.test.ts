// The Azure IoT SDK for Python, over each of its transports: docs/compatibility.md, as it happens.

import { needs } from "../lib/needs.ts";
import { testRows } from "./cells.ts";
import { rows } from "./rows.ts";

needs("python")("the Azure IoT SDK for Python", () => {
  testRows(rows.filter(({ language }) => language === "Python"));
});
