// What a simulated device says next: from its template, what it said before, and chance. Pure.
//
// Telemetry is sent every turn: numbers wander within their bounds, places within a kilometre or so a step. States mostly
// stay as they are. Events are rare, the worse the rarer, and their value is the seed's word, "triggered". Device
// properties are reported when the device has none yet, and now and then again, as after a reboot.

import type {
  DevicePropertyDefinition,
  EventCategory,
  PropertyValue,
  TelemetryDefinition,
  TemplateContent,
} from "../registry/registry.ts";
import { type Random, pick } from "./random.ts";
import { Walk, boundsOf } from "./walk.ts";

const words = ["normal", "cooling", "idle", "defrost", "service"] as const;

/** How likely something is in one turn. */
const changeOfState = 0.03;
const changeOfWord = 0.05;
const reportOfProperty = 1 / 500;
const eventOf: Readonly<Record<EventCategory, number>> = { informational: 1 / 20, warning: 1 / 60, error: 1 / 200 };

type JsonValue = Exclude<PropertyValue, null>;
/** The next value; `timeMs` is the clock's. */
type Source = (timeMs: number) => JsonValue;

export class SimulatedDevice {
  readonly #random: Random;
  readonly #sources: readonly (readonly [name: string, source: Source])[];
  readonly #events: readonly (readonly [name: string, likelihood: number])[];
  readonly #properties: readonly (readonly [name: string, definition: DevicePropertyDefinition])[];

  constructor(content: TemplateContent, random: Random) {
    const { telemetry, states, events } = content.measurements;
    this.#random = random;
    this.#sources = [
      ...Object.entries(telemetry).map(([name, one]) => [name, telemetrySource(one, random)] as const),
      ...Object.entries(states).map(([name, { values }]) => [name, mostly(random, values, changeOfState)] as const),
    ];
    this.#events = Object.entries(events).map(([name, { category }]) => [name, eventOf[category]] as const);
    this.#properties = Object.entries(content.properties.device);
  }

  /** The next body, or null when there is nothing to say this time. Keys come in the template's order. */
  nextBody(timeMs: number): Readonly<Record<string, JsonValue>> | null {
    const body: [string, JsonValue][] = this.#sources.map(([name, source]) => [name, source(timeMs)]);
    for (const [name, likelihood] of this.#events) if (this.#random() < likelihood) body.push([name, "triggered"]);
    return body.length === 0 ? null : Object.fromEntries(body);
  }

  /** What the device reports of itself now, or null. @param known  what it has reported so far. */
  nextReport(timeMs: number, known: Readonly<Record<string, unknown>>): Readonly<Record<string, JsonValue>> | null {
    const missing = this.#properties.filter(([name]) => !Object.hasOwn(known, name));
    const chosen = missing.length > 0 ? missing : this.#now();
    if (chosen.length === 0) return null;
    return Object.fromEntries(chosen.map(([name, one]) => [name, propertyValue(one, this.#random, timeMs)]));
  }

  #now(): readonly (readonly [string, DevicePropertyDefinition])[] {
    if (this.#properties.length === 0 || this.#random() >= reportOfProperty) return [];
    return [pick(this.#random, this.#properties)];
  }
}

function telemetrySource(definition: TelemetryDefinition, random: Random): Source {
  switch (definition.dataType) {
    case "double": {
      const walk = new Walk(...boundsOf(definition), random);
      return () => walk.next();
    }
    case "boolean": {
      let value = random() < 0.5;
      return () => {
        if (random() < changeOfWord) value = !value;
        return value;
      };
    }
    case "dateTime":
      return (timeMs) => isoTime(timeMs);
    case "location": {
      const place = wander(random);
      return () => place();
    }
    case "string":
    case "enum": // no telemetry has it: a template lists choices as states
      return mostly(
        random,
        words.map((value) => ({ value })),
        changeOfWord,
      );
  }
}

function propertyValue(definition: DevicePropertyDefinition, random: Random, timeMs: number): JsonValue {
  switch (definition.dataType) {
    case "double":
      return Math.round(random() * 1000) / 10;
    case "boolean":
      return random() < 0.5;
    case "dateTime":
      return isoTime(timeMs);
    case "location":
      return wander(random)();
    case "string":
      return `1.${Math.floor(random() * 10)}.${Math.floor(random() * 10)}`;
    case "enum":
      return pick(random, definition.values ?? [{ value: "", name: "" }]).value;
  }
}

/** One of the values, and mostly the same as before. */
function mostly(random: Random, values: readonly { readonly value: string }[], likelihood: number): () => string {
  let current = pick(random, values);
  return () => {
    if (values.length > 1 && random() < likelihood) {
      const others = values.filter((one) => one !== current);
      current = pick(random, others);
    }
    return current.value;
  };
}

/** A place somewhere people live, and steps of about a kilometre from there. */
function wander(random: Random): () => { readonly lon: number; readonly lat: number } {
  const east = new Walk(-0.2, 0.2, random);
  const north = new Walk(-0.2, 0.2, random);
  const home = { lon: random() * 300 - 150, lat: random() * 100 - 45 };
  return () => ({ lon: rounded(home.lon + east.next()), lat: rounded(home.lat + north.next()) });
}

/** Six decimals of a degree are a hand's breadth. */
function rounded(degrees: number): number {
  return Math.round(degrees * 1e6) / 1e6;
}

function isoTime(timeMs: number): string {
  return new Date(timeMs).toISOString();
}
