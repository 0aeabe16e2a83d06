// What a device's messages say in the words of its template: last values, series to draw, states over time, events, and fields
// that the template does not have. Pure.
//
// Bodies are whatever a device sent: only own fields of JSON objects are looked at.

import type { Schema } from "../api/client.ts";
import type { DeviceMessage } from "./use-device-messages.ts";

type Template = Schema<"DeviceTemplate">;
export type Telemetry = Schema<"TelemetryDefinition">;
export type StateField = Schema<"StateDefinition">;
export type EventField = Schema<"EventDefinition">;

/** A value, and when the message that held it was taken. */
export interface Timed {
  readonly timeMs: number;
  readonly value: unknown;
}
/** From when on a state held, and until when; null: it holds. */
export interface StateSpan {
  readonly fromMs: number;
  readonly untilMs: number | null;
  readonly value: string;
}
export interface SeenEvent extends Timed {
  readonly field: string;
  readonly name: string;
  readonly category: EventField["category"];
}
export interface UnknownField {
  readonly field: string;
  readonly last: Timed;
  readonly count: number;
}

export interface Measurements {
  /** By field, of telemetry and states. */
  readonly last: ReadonlyMap<string, Timed>;
  /** Of each number, oldest first. */
  readonly numbers: ReadonlyMap<string, readonly { readonly timeMs: number; readonly value: number }[]>;
  readonly states: ReadonlyMap<string, readonly StateSpan[]>;
  /** Newest first. */
  readonly events: readonly SeenEvent[];
  readonly unknown: readonly UnknownField[];
  /** Messages whose body is no JSON object. */
  readonly others: number;
}

/** Fields beyond these are counted with the rest: a device may send any. */
const unknownMax = 100;

/** @param messages  newest first. */
export function measurementsOf({ measurements }: Template, messages: readonly DeviceMessage[]): Measurements {
  const last = new Map<string, Timed>();
  const numbers = new Map<string, { timeMs: number; value: number }[]>();
  const states = new Map<string, StateSpan[]>();
  const events: SeenEvent[] = [];
  const unknown = new Map<string, { field: string; last: Timed; count: number }>();
  let others = 0;
  for (const { body, enqueuedTime } of messages.toReversed()) {
    if (typeof body !== "object" || body === null || Array.isArray(body)) {
      others++;
      continue;
    }
    const timeMs = Date.parse(enqueuedTime);
    for (const [field, value] of Object.entries(body)) {
      if (Object.hasOwn(measurements.telemetry, field)) {
        last.set(field, { timeMs, value });
        if (typeof value === "number") append(numbers, field, { timeMs, value });
      } else if (Object.hasOwn(measurements.states, field)) {
        last.set(field, { timeMs, value });
        addSpan(states, field, timeMs, textOf(value));
      } else if (Object.hasOwn(measurements.events, field)) {
        const { name, category } = measurements.events[field] as EventField;
        events.push({ field, name, category, timeMs, value });
      } else {
        const seen = unknown.get(field);
        if (seen !== undefined) unknown.set(field, { field, last: { timeMs, value }, count: seen.count + 1 });
        else if (unknown.size < unknownMax) unknown.set(field, { field, last: { timeMs, value }, count: 1 });
      }
    }
  }
  return { last, numbers, states, events: events.toReversed(), unknown: [...unknown.values()], others };
}

function append<T>(lists: Map<string, T[]>, key: string, item: T): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [item]);
  else list.push(item);
}

function addSpan(states: Map<string, StateSpan[]>, field: string, timeMs: number, value: string): void {
  const spans = states.get(field) ?? [];
  const running = spans.at(-1);
  if (running?.value === value) return;
  if (running !== undefined) spans[spans.length - 1] = { ...running, untilMs: timeMs };
  spans.push({ fromMs: timeMs, untilMs: null, value });
  states.set(field, spans);
}

/** A value as people read it; long ones are cut. */
export function textOf(value: unknown, charsMax = 200): string {
  const text =
    typeof value === "string"
      ? value
      : typeof value === "number" && Number.isFinite(value)
        ? formatNumber(value)
        : isPlace(value)
          ? placeText(value)
          : (JSON.stringify(value) ?? "–");
  return text.length <= charsMax ? text : `${text.slice(0, charsMax).toWellFormed()}…`;
}

/** Six digits say what a sensor knows; whole numbers are shown as they are. */
export function formatNumber(value: number): string {
  const size = Math.abs(value);
  if (Number.isInteger(value) && size < 1e15) return value.toLocaleString("en");
  if (size >= 1e15 || size < 1e-6) return String(Number(value.toPrecision(6)));
  return value.toLocaleString("en", { maximumSignificantDigits: 6 });
}

interface Place {
  readonly lon: number;
  readonly lat: number;
  readonly alt?: number;
}
function isPlace(value: unknown): value is Place {
  if (typeof value !== "object" || value === null) return false;
  const { lon, lat } = value as Record<string, unknown>;
  return typeof lon === "number" && typeof lat === "number";
}

function placeText({ lon, lat, alt }: Place): string {
  const place = `${lat.toFixed(5)}°, ${lon.toFixed(5)}°`;
  return typeof alt === "number" ? `${place}, ${formatNumber(alt)} m` : place;
}

/** What is wrong with a telemetry value by its template, in words; null when nothing is. */
export function oddityOf({ dataType, minValue, maxValue }: Telemetry, value: unknown): string | null {
  if (dataType === "double") {
    if (typeof value !== "number") return "Not a number";
    if (minValue !== undefined && value < minValue) return "Below minimum";
    if (maxValue !== undefined && value > maxValue) return "Above maximum";
    return null;
  }
  if (dataType === "boolean" && typeof value !== "boolean") return "Not true or false";
  if (dataType === "location" && !isPlace(value)) return "Not a location";
  if ((dataType === "string" || dataType === "dateTime") && typeof value !== "string") return "Not a text";
  return null;
}
