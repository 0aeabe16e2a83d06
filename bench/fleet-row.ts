// What is measured of a fleet that comes all at once, whatever it comes for, and its columns.

import { type Column, decimals, plain } from "./table.ts";

export const fleetTransports = ["mqtt", "mqtts", "mqtt-ws", "amqps", "amqp-ws"] as const;
export type FleetTransport = (typeof fleetTransports)[number];

export interface FleetRow {
  readonly transport: FleetTransport;
  readonly phase: string;
  readonly devices: number;
  readonly ready: number;
  /** Until all that were ready were. */
  readonly seconds: number;
  readonly p50Seconds: number;
  /** The server's. */
  readonly cpuSeconds: number;
  readonly rssMiB: number;
}

export const idOf = (index: number): string => `device-${String(index).padStart(6, "0")}`;

/** @param further  stand behind the times until devices were ready. */
export function fleetColumns<R extends FleetRow>(further: readonly Column<R>[] = []): readonly Column<R>[] {
  return [
    plain("", 26, ({ transport, phase }) => `${transport}: ${phase}`),
    plain("devices", 8, ({ devices }) => devices),
    plain("ready", 9, ({ ready }) => ready),
    decimals("all s", 8, 1, ({ seconds }) => seconds),
    decimals("p50 s", 8, 1, ({ p50Seconds }) => p50Seconds),
    ...further,
    decimals("CPU s", 8, 1, ({ cpuSeconds }) => cpuSeconds),
    plain("RSS MiB", 9, ({ rssMiB }) => rssMiB),
  ];
}
