// All migrations, in order. Names sort; a released one never changes.

import type { Migration } from "kysely/migration";
import { first } from "./0001-first.ts";
import { cutRecords } from "./0002-cut-records.ts";
import { acceptedViolations } from "./0003-accepted-violations.ts";
import { runsByPath } from "./0004-runs-by-path.ts";
import { deviceLists } from "./0005-device-lists.ts";
import { users } from "./0006-users.ts";
import { deviceTwins } from "./0007-device-twins.ts";
import { provisioning } from "./0008-provisioning.ts";
import { x509 } from "./0009-x509.ts";
import { cloudMessages } from "./0010-cloud-messages.ts";
import { mqttSessions } from "./0011-mqtt-sessions.ts";
import { modules } from "./0012-modules.ts";
import { cloudMessageTotals } from "./0013-cloud-message-totals.ts";

export const migrations: Readonly<Record<string, Migration>> = {
  "0001-first": first,
  "0002-cut-records": cutRecords,
  "0003-accepted-violations": acceptedViolations,
  "0004-runs-by-path": runsByPath,
  "0005-device-lists": deviceLists,
  "0006-users": users,
  "0007-device-twins": deviceTwins,
  "0008-provisioning": provisioning,
  "0009-x509": x509,
  "0010-cloud-messages": cloudMessages,
  "0011-mqtt-sessions": mqttSessions,
  "0012-modules": modules,
  "0013-cloud-message-totals": cloudMessageTotals,
};
