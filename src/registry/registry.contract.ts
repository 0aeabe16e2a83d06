// The registry's contract: the stories every adapter must pass, told through the port alone.
//
// An adapter's test calls `registryContract` with a way to make a fresh registry.

import { describe } from "vitest";
import { auditStories } from "./contract/audit.contract.ts";
import { cloudMessageStories } from "./contract/cloud-messages.contract.ts";
import { credentialStories } from "./contract/credentials.contract.ts";
import { deviceListStories } from "./contract/device-lists.contract.ts";
import { deviceStories } from "./contract/devices.contract.ts";
import { enrollmentStories } from "./contract/enrollments.contract.ts";
import { exportStories } from "./contract/exports.contract.ts";
import { mqttSessionStories } from "./contract/mqtt-sessions.contract.ts";
import { registrationStories } from "./contract/registrations.contract.ts";
import { moduleStories } from "./contract/modules.contract.ts";
import { snapshotStories } from "./contract/snapshots.contract.ts";
import type { MakeStand } from "./contract/stand.ts";
import { storageStories } from "./contract/storage-accounts.contract.ts";
import { templateStories } from "./contract/templates.contract.ts";
import { twinStories } from "./contract/twins.contract.ts";
import { x509Stories } from "./contract/x509.contract.ts";
import { userStories } from "./contract/users.contract.ts";

export function registryContract(adapter: string, make: MakeStand): void {
  describe(`the registry on ${adapter}`, () => {
    templateStories(make);
    deviceStories(make);
    deviceListStories(make);
    twinStories(make);
    cloudMessageStories(make);
    mqttSessionStories(make);
    credentialStories(make);
    enrollmentStories(make);
    registrationStories(make);
    x509Stories(make);
    moduleStories(make);
    storageStories(make);
    exportStories(make);
    snapshotStories(make);
    auditStories(make);
    userStories(make);
  });
}
