// What a simulated device answers to its settings: that it has them all. Pure.
//
// In the form in which they were sent (docs/formats.md "Settings and device properties").

import { type DeviceTemplate, type DeviceTwin, type JsonObject, settingSync } from "../registry/registry.ts";

/** The report that answers each setting that is not answered yet, or null when there is none. */
export function settingAnswers({ settings }: DeviceTemplate, { desired, reported }: DeviceTwin): JsonObject | null {
  const answers: Record<string, JsonObject> = {};
  for (const name of Object.keys(settings.device)) {
    const sync = settingSync(name, desired, reported);
    const wanted = desired.content[name];
    if (sync?.state !== "pending" || wanted === undefined) continue;
    const version = sync.desiredVersion;
    answers[name] =
      settings.form === "bare"
        ? { value: wanted, ac: 200, ad: "completed", av: version }
        : { ...(wanted as JsonObject), desiredVersion: version, statusCode: 200, status: "completed" };
  }
  return Object.keys(answers).length === 0 ? null : answers;
}
