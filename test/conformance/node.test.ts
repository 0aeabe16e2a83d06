// The Azure IoT SDKs for Node.js, over each of their transports: docs/compatibility.md, as it happens.

import { testRows } from "./cells.ts";
import { rows } from "./rows.ts";

testRows(rows.filter(({ language }) => language === "Node.js"));
