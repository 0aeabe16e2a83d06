// The twin of a device in a story: it asks for it, is told of changes, and reports.
//
// It believes what the hub promises: when its session was kept it asks for nothing, since all that changed meanwhile is told to
// it. What it believes at the end must be what the registry has.

import type { IPublishPacket } from "mqtt-packet";
import { publishBytes } from "../lib/raw-mqtt.ts";
import type { Surroundings } from "./devices.ts";
import type { Link } from "./network.ts";
import type { Chance } from "./world.ts";

type Content = Readonly<Record<string, unknown>>;

const answersTopic = "$iothub/twin/res/";
const pushesTopic = "$iothub/twin/PATCH/properties/desired/";

export class DeviceTwin {
  readonly #deviceId: string;
  readonly #of: Surroundings;
  readonly #chance: Chance;
  #link: Link | null = null;
  #desired: Content | null = null;
  #version = 0;
  #requests = 0;
  /** What was reported over this connection and is not answered, by request id. */
  readonly #reported = new Map<string, { readonly boots: number; readonly generation: string | undefined }>();

  constructor(deviceId: string, of: Surroundings) {
    this.#deviceId = deviceId;
    this.#of = of;
    this.#chance = of.world.chance(`twin ${deviceId}`);
  }

  /** What it believes is wanted of it; null when it does not know, or is not connected. */
  get desired(): Content | null {
    return this.#link === null ? null : this.#desired;
  }

  /** While it is connected: the connection, as it is told from others. */
  get connection(): object | null {
    return this.#link;
  }

  /** What it subscribes to. */
  filters(): readonly { readonly topic: string; readonly qos: 0 | 1 }[] {
    return [
      { topic: `${answersTopic}#`, qos: 0 },
      { topic: `${pushesTopic}#`, qos: 0 },
    ];
  }

  /** Behind its SUBSCRIBE. @param isKept  the hub said that it has kept the session. */
  letIn(link: Link, isKept: boolean): void {
    this.#link = link;
    this.#reported.clear();
    if (!isKept) this.#desired = null;
    if (this.#desired === null) this.#ask();
  }

  left(): void {
    this.#link = null;
  }

  act(): void {
    if (this.#desired === null) this.#ask();
    else if (this.#chance.is(0.3)) this.#report();
  }

  hear({ topic, payload: bytes }: IPublishPacket): void {
    const payload = bytes.toString("utf8");
    const query = new URLSearchParams(topic.slice(topic.indexOf("?") + 1));
    if (topic.startsWith(pushesTopic)) {
      const version = Number(query.get("$version"));
      // What it knows already is not undone by a push that was on its way, or is told again.
      if (this.#desired === null || version <= this.#version) return;
      this.#of.world.count("desired told");
      const { $version: _, ...patch } = JSON.parse(payload) as Content;
      this.#desired = merged(this.#desired, patch);
      this.#version = version;
      return;
    }
    const status = topic.slice(answersTopic.length, topic.indexOf("/?"));
    this.#of.world.count(`twin ${status}`);
    if (status === "200") {
      const { $version: version, ...desired } = (JSON.parse(payload) as { readonly desired: Content }).desired;
      if (this.#desired !== null && Number(version) < this.#version) return;
      this.#desired = desired;
      this.#version = Number(version);
    } else if (status === "204") {
      const reported = this.#reported.get(query.get("$rid") ?? "");
      if (reported !== undefined) this.#of.oracle.twins.reported(this.#deviceId, reported.generation, reported.boots);
    }
  }

  #ask(): void {
    this.#link?.send(publishBytes({ topic: `$iothub/twin/GET/?$rid=g${++this.#requests}`, payload: " ", qos: 0 }));
  }

  #report(): void {
    const { world, oracle } = this.#of;
    const requestId = `r${++this.#requests}`;
    const boots = this.#of.next();
    this.#reported.set(requestId, { boots, generation: oracle.registry.generations.get(this.#deviceId) });
    world.count("reported");
    const topic = `$iothub/twin/PATCH/properties/reported/?$rid=${requestId}`;
    this.#link?.send(publishBytes({ topic, payload: JSON.stringify({ boots }), qos: 0 }));
  }
}

/** RFC 7396. */
function merged(target: unknown, patch: Content): Content {
  const result: Record<string, unknown> = isContent(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = isContent(value) ? merged(result[key], value) : value;
  }
  return result;
}

function isContent(value: unknown): value is Content {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
