// A setting between the operator and the device: what is sent for it, and what the device's answer means. Pure.
//
// Two forms, chosen by the device template: that of 2018, {"fan": {"value": 3}} answered by {"fan": {"value": 3,
// "desiredVersion": 7, "statusCode": 200, "status": "completed"}}, and that of July 2020, {"fan": 3} answered by
// {"fan": {"value": 3, "ac": 200, "ad": "completed", "av": 7}}. Answers are taken in either form, whatever was sent.
// docs/formats.md "Settings and device properties".

import type { PropertyValue, SettingForm } from "./device-template.ts";
import { own } from "./input.ts";
import { type Json, type JsonObject, type TwinSection, mergeDiff } from "./twin-section.ts";

export const settingStates = ["synced", "pending", "error"] as const;
export type SettingState = (typeof settingStates)[number];

export interface SettingSync {
  readonly state: SettingState;
  /** The version of desired at which it was set last. */
  readonly desiredVersion: number;
  /** What the device says it has; absent before its first answer. */
  readonly reported?: Json | undefined;
  /** In the device's words. */
  readonly message?: string | undefined;
  /** When the device answered last, ISO 8601. */
  readonly at?: string | undefined;
}

/** What stands in desired for a setting; null removes it. */
export function desiredOf(value: PropertyValue | undefined, form: SettingForm): Json {
  if (value === undefined || value === null) return null;
  const json = value as Json;
  return form === "wrapped" ? { value: json } : json;
}

/** What matters here of a template's settings. */
export interface SettingDefinitions {
  /** `wrapped` when left out. */
  readonly form?: SettingForm | undefined;
  readonly device: Readonly<Record<string, unknown>>;
}

/**
 * The merge patch after which desired holds the settings, and beside them what it held that never was one; null when nothing
 * changes.
 *
 * @param from  as `desired` was made; those that `to` has no more are removed.
 */
export function settingsPatch(
  desired: JsonObject,
  from: SettingDefinitions,
  to: SettingDefinitions,
  settings: Readonly<Record<string, PropertyValue>>,
): JsonObject | null {
  const wanted = new Map<string, Json>(Object.entries(desired));
  for (const name of Object.keys(from.device)) wanted.delete(name);
  for (const name of Object.keys(to.device)) {
    const value = desiredOf(own(settings, name), to.form ?? "wrapped");
    if (value === null) wanted.delete(name);
    else wanted.set(name, value);
  }
  return mergeDiff(desired, Object.fromEntries(wanted));
}

/**
 * How far a setting got.
 *
 * @returns null when nothing is asked of the device.
 */
export function settingSync(name: string, desired: TwinSection, reported: TwinSection): SettingSync | null {
  if (own(desired.content, name) === undefined) return null;
  const desiredVersion = versionOf(desired, name);
  const answer = own(reported.content, name);
  if (answer === undefined) return { state: "pending", desiredVersion };
  const at = timeOf(reported, name);
  // A device that reports the bare value says what it has, and not whether it is an answer.
  if (typeof answer !== "object" || answer === null || Array.isArray(answer)) {
    return { state: "pending", desiredVersion, reported: answer, at };
  }
  const { value, version, code, status, message } = readAnswer(answer as JsonObject);
  const isCurrent = version !== null && version >= desiredVersion;
  const state = isCurrent ? stateOf(code, status) : "pending";
  return {
    state,
    desiredVersion,
    ...(value === undefined ? {} : { reported: value }),
    ...(message === null ? {} : { message }),
    at,
  };
}

interface Answer {
  readonly value: Json | undefined;
  readonly version: number | null;
  readonly code: number | null;
  readonly status: string | null;
  readonly message: string | null;
}

function readAnswer(answer: JsonObject): Answer {
  const number = (...keys: readonly string[]): number | null => {
    const found = keys.map((key) => own(answer, key)).find((value) => typeof value === "number");
    return typeof found === "number" ? found : null;
  };
  const text = (...keys: readonly string[]): string | null => {
    const found = keys.map((key) => own(answer, key)).find((value) => typeof value === "string" && value !== "");
    return typeof found === "string" ? found : null;
  };
  return {
    value: own(answer, "value"),
    version: number("av", "desiredVersion"),
    code: number("ac", "statusCode"),
    status: text("status", "ad"),
    message: text("message", "ad", "status"),
  };
}

/** 2xx is done, 201 and 202 are on their way; `statusCode` was optional in 2018, then the word decides. */
function stateOf(code: number | null, status: string | null): SettingState {
  if (code === null) {
    if (status === null || status.toLowerCase() === "completed") return "synced";
    return /error|fail|unauthori[sz]ed|invalid|reject/i.test(status) ? "error" : "pending";
  }
  if (code === 201 || code === 202 || code < 200) return "pending";
  return code < 300 ? "synced" : "error";
}

function versionOf(section: TwinSection, name: string): number {
  const part = own(section.metadata as Readonly<Record<string, unknown>>, name);
  const version = (part as { readonly $lastUpdatedVersion?: number } | undefined)?.$lastUpdatedVersion;
  return version ?? section.version;
}

function timeOf(section: TwinSection, name: string): string | undefined {
  const part = own(section.metadata as Readonly<Record<string, unknown>>, name);
  return (part as { readonly $lastUpdated?: string } | undefined)?.$lastUpdated;
}
