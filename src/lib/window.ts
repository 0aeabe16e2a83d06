// A window: one UTC minute. It decides the extent of a segment, a snapshot and an exported file.
//
// Windows are numbered: the count of whole minutes since 1970-01-01T00:00Z, so "next window" is plus one.

/** Whole minutes since the epoch. */
export type Window = number;

export const windowMs = 60_000;

export function windowOf(timeMs: number): Window {
  return Math.floor(timeMs / windowMs);
}

export function windowStartMs(window: Window): number {
  return window * windowMs;
}

/** `20260102T0304Z`: sorts as time does; the name of a segment file. */
export function printWindow(window: Window): string {
  const iso = new Date(windowStartMs(window)).toISOString();
  return `${iso.slice(0, 4)}${iso.slice(5, 7)}${iso.slice(8, 10)}T${iso.slice(11, 13)}${iso.slice(14, 16)}Z`;
}

/** The window that `printWindow` printed, or null when `text` is anything else. */
export function parseWindow(text: string): Window | null {
  const match = /^(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})Z$/.exec(text);
  if (match === null) return null;
  const [, year, month, day, hour, minute] = match;
  const timeMs = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:00Z`);
  if (Number.isNaN(timeMs)) return null;
  const window = windowOf(timeMs);
  return printWindow(window) === text ? window : null;
}
