// Numbers as people read them: bytes, durations, counts, times. Pure.

const byteUnits = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"] as const;

/** `1536` → `1.5 KiB`. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (Math.abs(value) >= 1024 && unit < byteUnits.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(value < 10 ? 1 : 0)} ${byteUnits[unit]}`;
}

/** `93_000` → `1 min 33 s`; the two largest units that matter. */
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`;
  const seconds = Math.floor(ms / 1000);
  const parts: readonly (readonly [number, string])[] = [
    [Math.floor(seconds / 86_400), "d"],
    [Math.floor(seconds / 3600) % 24, "h"],
    [Math.floor(seconds / 60) % 60, "min"],
    [seconds % 60, "s"],
  ];
  const first = parts.findIndex(([amount]) => amount > 0);
  if (first === 3 && ms < 10_000) return `${(ms / 1000).toFixed(1).replace(/\.0$/, "")} s`;
  return parts
    .slice(first, first + 2)
    .filter(([amount]) => amount > 0)
    .map(([amount, unit]) => `${amount} ${unit}`)
    .join(" ");
}

/** `1234567` → `1,234,567`. */
export function formatCount(count: number): string {
  return count.toLocaleString("en");
}

/** A rate: few digits. */
export function formatRate(perSecond: number): string {
  if (perSecond >= 100) return formatCount(Math.round(perSecond));
  return perSecond.toFixed(perSecond >= 10 || Number.isInteger(perSecond) ? 0 : 1);
}

/** `2026-11-23 06:07:08 UTC`. */
export function formatTime(time: string | number): string {
  return `${new Date(time).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

/** `3 min ago`, `in 2 h`, `just now`. */
export function formatAgo(time: string | number, nowMs: number): string {
  const ms = nowMs - new Date(time).getTime();
  if (Math.abs(ms) < 5_000) return "just now";
  const [text = ""] = /^\d+ \w+/.exec(formatDuration(Math.floor(Math.abs(ms) / 1000) * 1000)) ?? [];
  return ms > 0 ? `${text} ago` : `in ${text}`;
}
