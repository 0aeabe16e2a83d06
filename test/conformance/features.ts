// The columns of the table: what a device does with a hub. Each is one scenario, the same for every SDK and transport.

import { commandFeatures } from "./command-features.ts";
import { connectionFeatures } from "./connection-features.ts";
import { identityFeatures } from "./identity-features.ts";
import { provisioningFeatures } from "./provisioning-features.ts";
import type { Kind } from "./rows.ts";
import type { Cell } from "./stand.ts";
import { telemetryFeatures } from "./telemetry-features.ts";
import { twinFeatures } from "./twin-features.ts";

export const featureIds = [
  "connect",
  "send",
  "batch",
  "properties",
  "twin",
  "reported",
  "desired",
  "desired-away",
  "method",
  "complete",
  "reject",
  "abandon",
  "queued",
  "shared",
  "renewal",
  "restart",
  "cut",
  "x509-thumbprint",
  "x509-ca",
  "group-key",
  "individual-key",
  "group-x509",
  "approval",
] as const;
export type FeatureId = (typeof featureIds)[number];

export interface Feature {
  readonly id: FeatureId;
  /** As a reader knows it. */
  readonly title: string;
  readonly kinds: readonly Kind[];
  /** Throws when it does not work. */
  readonly run: (cell: Cell) => Promise<void>;
}

export const features: readonly Feature[] = [
  ...telemetryFeatures,
  ...twinFeatures,
  ...commandFeatures,
  ...connectionFeatures,
  ...identityFeatures,
  ...provisioningFeatures,
];
