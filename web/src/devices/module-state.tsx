// Whether a module is connected, in a badge.

import { StateBadge } from "../parts/states.tsx";
import type { Module } from "./module-queries.ts";

export function ModuleState({ module: { connected } }: { readonly module: Module }) {
  return <StateBadge tone={connected ? "good" : "off"}>{connected ? "Connected" : "Not connected"}</StateBadge>;
}
