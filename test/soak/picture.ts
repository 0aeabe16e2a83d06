// The samples of a soak as one picture: SVG, a panel for each measure over the same hours. Pure.

import type { SoakSample } from "./samples.ts";

interface Panel {
  readonly title: string;
  readonly unit: string;
  readonly lines: readonly {
    readonly name: string;
    readonly color: string;
    readonly of: (sample: SoakSample) => number;
  }[];
}

const mebibyte = 1024 * 1024;
const panels: readonly Panel[] = [
  {
    title: "Memory",
    unit: "MiB",
    lines: [
      { name: "resident", color: "#c0392b", of: (sample) => sample.rssBytes / mebibyte },
      { name: "heap used", color: "#2471a3", of: (sample) => sample.heapBytes / mebibyte },
      { name: "external", color: "#7d8c3a", of: (sample) => sample.externalBytes / mebibyte },
    ],
  },
  {
    title: "Handles",
    unit: "",
    lines: [
      { name: "file descriptors", color: "#c0392b", of: (sample) => sample.fds },
      { name: "device connections", color: "#2471a3", of: (sample) => sample.connections },
    ],
  },
  {
    title: "Delay of the event loop",
    unit: "ms",
    lines: [
      { name: "p99", color: "#c0392b", of: (sample) => sample.loopP99Ms },
      { name: "p50", color: "#2471a3", of: (sample) => sample.loopP50Ms },
    ],
  },
  {
    title: "Time to PUBACK, and lag of the exports",
    unit: "s",
    lines: [
      { name: "PUBACK p99", color: "#c0392b", of: (sample) => sample.pubackP99Ms / 1000 },
      { name: "export lag, worst", color: "#2471a3", of: (sample) => sample.lagSeconds },
    ],
  },
  {
    title: "Messages",
    unit: "/s",
    lines: [{ name: "accepted", color: "#2471a3", of: (sample) => sample.messagesPerSecond }],
  },
];

const width = 1000;
const panelHeight = 170;
const left = 70;
const right = 20;
const top = 34;
const bottom = 24;

/** @param title  stands above the panels. */
export function soakPicture(title: string, samples: readonly SoakSample[]): string {
  const hours = Math.max(1 / 60, (samples.at(-1)?.elapsedSeconds ?? 0) / 3600);
  const height = 40 + panels.length * panelHeight;
  const parts = panels.map((panel, index) => panelText(panel, samples, hours, 40 + index * panelHeight));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" font-family="sans-serif" font-size="12">`,
    `<rect width="${width}" height="${height}" fill="white"/>`,
    `<text x="${left}" y="24" font-size="16">${escaped(title)}</text>`,
    ...parts,
    "</svg>",
    "",
  ].join("\n");
}

function panelText(panel: Panel, samples: readonly SoakSample[], hours: number, y: number): string {
  const most = Math.max(1e-3, ...panel.lines.flatMap(({ of }) => samples.map(of)).filter(Number.isFinite));
  const x = (sample: SoakSample): number => left + (sample.elapsedSeconds / 3600 / hours) * (width - left - right);
  const yOf = (value: number): number => y + panelHeight - bottom - (value / most) * (panelHeight - top - bottom);
  const legend = panel.lines.map(
    ({ name, color }, index) =>
      `<text x="${left + 330 + index * 170}" y="${y + 18}" fill="${color}">— ${escaped(name)}</text>`,
  );
  const axes = [0, 0.5, 1].map((share) => {
    const at = yOf(most * share);
    return `<line x1="${left}" x2="${width - right}" y1="${at}" y2="${at}" stroke="#ddd"/><text x="${left - 6}" y="${at + 4}" text-anchor="end">${shortNumber(most * share)}</text>`;
  });
  const lines = panel.lines.map(({ color, of }) => {
    const points = samples.filter((sample) => Number.isFinite(of(sample)));
    const path = points.map((sample) => `${x(sample).toFixed(1)},${yOf(of(sample)).toFixed(1)}`).join(" ");
    return `<polyline points="${path}" fill="none" stroke="${color}" stroke-width="1.3"/>`;
  });
  const times = [0, 0.25, 0.5, 0.75, 1].map(
    (share) =>
      `<text x="${left + share * (width - left - right)}" y="${y + panelHeight - 6}" text-anchor="middle" fill="#666">${shortNumber(share * hours)} h</text>`,
  );
  const unit = panel.unit === "" ? "" : ` (${panel.unit})`;
  return [
    `<text x="${left}" y="${y + 18}" font-weight="bold">${escaped(panel.title + unit)}</text>`,
    ...legend,
    ...axes,
    ...lines,
    ...times,
  ].join("\n");
}

function shortNumber(value: number): string {
  return value >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(2)));
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
