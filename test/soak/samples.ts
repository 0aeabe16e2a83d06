// What a soak looks at, every few seconds, and what it makes of it in the end. Pure.

export interface SoakSample {
  /** Of the soak, pauses between its parts left out. */
  readonly elapsedSeconds: number;
  readonly rssBytes: number;
  readonly heapBytes: number;
  readonly externalBytes: number;
  readonly fds: number;
  readonly connections: number;
  readonly loopP50Ms: number;
  readonly loopP99Ms: number;
  readonly pubackP99Ms: number;
  readonly lagSeconds: number;
  readonly messagesPerSecond: number;
}

/** The values of a metrics page that a sample is made of. */
export function metricOf(page: string, name: string): number {
  const values = [...page.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, "gm"))].map(([, value]) =>
    Number(value),
  );
  return values.length === 0 ? Number.NaN : Math.max(...values);
}

export interface Check {
  readonly name: string;
  readonly isPassed: boolean;
  readonly detail: string;
}

const mebibyte = 1024 * 1024;
/** Growth of memory over the second half that still counts as none: a garbage collector breathes. */
const rssGrowthMiBMax = 24;
const fdsGrowthMax = 20;
/** Devices that come back before their former connection is seen to be gone. */
const connectionsGrowthMax = 8;

/** @param loopMsMax  what the event loop's p99 may be, in the middle of all samples. */
export function verdict(samples: readonly SoakSample[], loopMsMax: number): readonly Check[] {
  const [first, second] = [samples.slice(0, samples.length / 2), samples.slice(samples.length / 2)];
  const seconds = (second.at(-1)?.elapsedSeconds ?? 0) - (second[0]?.elapsedSeconds ?? 0);
  const growthMiB = (slope(second, ({ rssBytes }) => rssBytes) * seconds) / mebibyte;
  const settled = first.slice(first.length / 4);
  const fdsBefore = Math.max(...settled.map(({ fds }) => fds));
  const fdsAfter = Math.max(...second.map(({ fds }) => fds));
  const connectionsBefore = Math.max(...settled.map(({ connections }) => connections));
  const connectionsAfter = Math.max(...second.map(({ connections }) => connections));
  const loopMs = middle(samples.map(({ loopP99Ms }) => loopP99Ms));
  const most = Math.max(...samples.map(({ rssBytes }) => rssBytes)) / mebibyte;
  return [
    {
      name: "memory does not grow",
      isPassed: growthMiB < rssGrowthMiBMax,
      detail: `${growthMiB.toFixed(1)} MiB over the second half (${(seconds / 3600).toFixed(2)} h), at most ${most.toFixed(0)} MiB resident`,
    },
    {
      name: "file descriptors stay",
      isPassed: fdsAfter <= fdsBefore + fdsGrowthMax,
      detail: `at most ${fdsBefore} in the first half, ${fdsAfter} in the second`,
    },
    {
      name: "device connections stay",
      isPassed: connectionsAfter <= connectionsBefore + connectionsGrowthMax,
      detail: `at most ${connectionsBefore} in the first half, ${connectionsAfter} in the second`,
    },
    {
      name: "the event loop is free",
      isPassed: loopMs < loopMsMax,
      detail: `p99 of its delay ${loopMs.toFixed(0)} ms in the middle of all samples`,
    },
  ];
}

/** Least squares, a second. */
function slope(samples: readonly SoakSample[], of: (sample: SoakSample) => number): number {
  const count = samples.length;
  const x = samples.reduce((sum, { elapsedSeconds }) => sum + elapsedSeconds, 0) / count;
  const y = samples.reduce((sum, sample) => sum + of(sample), 0) / count;
  let above = 0;
  let below = 0;
  for (const sample of samples) {
    above += (sample.elapsedSeconds - x) * (of(sample) - y);
    below += (sample.elapsedSeconds - x) ** 2;
  }
  return below === 0 ? 0 : above / below;
}

function middle(values: readonly number[]): number {
  const sorted = values.filter(Number.isFinite).toSorted((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
