// uPlot in the theme's colours, as wide as its place, in UTC. Only chart.tsx loads it.

import { makeStyles, tokens } from "@fluentui/react-components";
import { useEffect, useRef } from "react";
import UPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import type { ChartProps } from "./chart.tsx";

const useStyles = makeStyles({
  place: {
    width: "100%",
    minWidth: 0,
    overflow: "hidden",
    color: tokens.colorNeutralForeground3,
    "& .u-legend": { textAlign: "start", fontSize: tokens.fontSizeBase200 },
  },
});

/** Fluent's tokens are CSS variables, which a canvas does not know. */
function colorOf(place: HTMLElement, token: string): string {
  const name = /^var\((--[\w-]+)\)$/.exec(token)?.[1];
  return name === undefined ? token : getComputedStyle(place).getPropertyValue(name).trim();
}

/** A tenth of room above and below. */
function tightRange(low: number, high: number): [number, number] {
  // uPlot asks with nothing while there are no values.
  if (!Number.isFinite(low) || !Number.isFinite(high)) return [0, 1];
  const room = high === low ? Math.max(1, Math.abs(high) * 0.1) : (high - low) * 0.1;
  return [low - room, high + room];
}

/** In UTC, as short as the step between two marks allows. */
function timeWords(_plot: UPlot, splits: number[], _axis: number, _space: number, stepSeconds: number): string[] {
  const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });
  return splits.map((seconds) => {
    const date = new Date(seconds * 1000);
    if (stepSeconds >= 86_400) return day.format(date);
    return date.toISOString().slice(11, stepSeconds >= 60 ? 16 : 19);
  });
}

const palette = [
  tokens.colorBrandForeground1,
  tokens.colorPaletteDarkOrangeForeground1,
  tokens.colorPaletteGreenForeground1,
  tokens.colorPaletteBerryForeground1,
  tokens.colorPaletteTealForeground2,
] as const;

export default function ChartCanvas(props: ChartProps & { readonly heightPx: number }) {
  const { label, times, series, heightPx, range, timeRange, hasLegend = series.length > 1 } = props;
  const styles = useStyles();
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<UPlot | null>(null);
  const latest = useRef(props);
  latest.current = props;
  const content = (): UPlot.AlignedData => [
    latest.current.times.map((ms) => ms / 1000),
    ...latest.current.series.map(({ values }) => [...values]),
  ];
  // A new plot only when its form changes; new values go into the one that is there.
  const form = JSON.stringify([
    series.map(({ label: name, color, isFilled, hasPoints, bridgesNulls }) => [
      name,
      color,
      isFilled,
      hasPoints,
      bridgesNulls,
    ]),
    latest.current.timeRange === undefined,
    heightPx,
    range,
    hasLegend,
  ]);

  useEffect(() => {
    const element = place.current;
    if (element === null) return undefined;
    const make = (): void => {
      plot.current?.destroy();
      const grid = { stroke: colorOf(element, tokens.colorNeutralStroke3), width: 1 };
      const axis = { stroke: colorOf(element, tokens.colorNeutralForeground3), grid, ticks: grid };
      const format = (value: number): string => latest.current.format?.(value) ?? value.toLocaleString("en");
      const valueScale: UPlot.Scale =
        range === undefined
          ? { range: (_plot, low, high) => [Math.min(0, low), high === low ? low + 1 : high * 1.1] }
          : range === "tight"
            ? { range: (_plot, low, high) => tightRange(low, high) }
            : { range: [range[0], range[1]] };
      const timeScale: UPlot.Scale =
        latest.current.timeRange === undefined
          ? {}
          : {
              range: (_plot, low, high) => {
                const [fromMs, toMs] = latest.current.timeRange ?? [low * 1000, high * 1000];
                return [fromMs / 1000, toMs / 1000];
              },
            };
      plot.current = new UPlot(
        {
          width: Math.max(element.clientWidth, 100),
          height: heightPx,
          tzDate: (seconds) => UPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
          legend: { show: hasLegend },
          cursor: { drag: { x: false, y: false } },
          scales: { x: timeScale, y: valueScale },
          axes: [
            { ...axis, size: 32, values: timeWords },
            { ...axis, size: 56, values: (_plot, splits) => splits.map(format) },
          ],
          series: [
            { value: "{YYYY}-{MM}-{DD} {HH}:{mm}:{ss}" },
            ...latest.current.series.map(({ label: name, color, isFilled, hasPoints, bridgesNulls = false }, index) => {
              const stroke = colorOf(element, color ?? palette[index % palette.length] ?? palette[0]);
              return {
                label: name,
                stroke,
                width: 2,
                // Left out, uPlot shows them where there is room.
                points: hasPoints ? { size: 5 } : { show: false },
                spanGaps: bridgesNulls,
                value: (_plot: UPlot, value: number | null) => (value === null ? "–" : format(value)),
                ...(isFilled ? { fill: `${stroke}22` } : {}),
              };
            }),
          ],
        },
        content(),
        element,
      );
    };
    make();
    const resize = new ResizeObserver(() => {
      plot.current?.setSize({ width: Math.max(element.clientWidth, 100), height: heightPx });
    });
    resize.observe(element);
    // The theme's colours change with the class of a provider above.
    const themed = element.closest(".fui-FluentProvider");
    const recolour = new MutationObserver(make);
    if (themed !== null) recolour.observe(themed, { attributes: true, attributeFilter: ["class", "data-theme"] });
    return () => {
      recolour.disconnect();
      resize.disconnect();
      plot.current?.destroy();
      plot.current = null;
    };
  }, [form]);
  const [fromMs, toMs] = timeRange ?? [0, 0];
  useEffect(() => plot.current?.setData(content()), [times, series, fromMs, toMs]);

  return <div ref={place} role="img" aria-label={label} className={styles.place} />;
}
