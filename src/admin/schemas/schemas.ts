// All named schemas, for the server to know and the OpenAPI document to list.

import type { TSchema } from "typebox";
import * as certificates from "./certificate.ts";
import * as cloudMessages from "./cloud-message.ts";
import * as devices from "./device.ts";
import * as deviceTemplates from "./device-template.ts";
import { ErrorAnswer } from "./error.ts";
import * as exportedFiles from "./exported-file.ts";
import * as exports from "./export.ts";
import * as live from "./live.ts";
import * as methods from "./method.ts";
import * as provisioning from "./provisioning.ts";
import * as modules from "./module.ts";
import * as status from "./status.ts";
import * as storageAccounts from "./storage-account.ts";
import * as twins from "./twin.ts";
import * as users from "./user.ts";

/** A schema file exports named schemas only. */
export const namedSchemas: readonly TSchema[] = [
  ErrorAnswer,
  ...[
    deviceTemplates,
    devices,
    twins,
    methods,
    modules,
    provisioning,
    certificates,
    cloudMessages,
    storageAccounts,
    exports,
    exportedFiles,
    status,
    live,
    users,
  ].flatMap((file) => Object.values<TSchema>(file)),
];
