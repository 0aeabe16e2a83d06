// Chance with a seed: the same device under the same seed always does the same. Pure.

import { crc32 } from "node:zlib";

/** 0 ≤ value < 1. */
export type Random = () => number;

/** The generator of one device: Mulberry32, 32 bits of state, which is plenty for made-up weather. */
export function randomOf(seed: number, deviceId: string): Random {
  let state = (crc32(deviceId) ^ seed) >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** One of the items, each as likely as the others. `items` is not empty. */
export function pick<T>(random: Random, items: readonly T[]): T {
  return items[Math.floor(random() * items.length)] as T;
}
