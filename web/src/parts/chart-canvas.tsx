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

const palette = [
  tokens.colorBrandForeground1,
  tokens.colorPaletteDarkOrangeForeground1,
  tokens.colorPaletteGreenForeground1,
  tokens.colorPaletteBerryForeground1,
  tokens.colorPaletteTealForeground2,
] as const;

export default function ChartCanvas(props: ChartProps & { readonly heightPx: number }) {
  const { label, times, series, heightPx, range, hasLegend = series.length > 1 } = props;
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
    series.map(({ label: name, color, isFilled }) => [name, color, isFilled]),
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
      plot.current = new UPlot(
        {
          width: Math.max(element.clientWidth, 100),
          height: heightPx,
          tzDate: (seconds) => UPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
          legend: { show: hasLegend },
          cursor: { drag: { x: false, y: false } },
          scales:
            range === undefined
              ? { y: { range: (_plot, low, high) => [Math.min(0, low), high === low ? low + 1 : high * 1.1] } }
              : { y: { range: [range[0], range[1]] } },
          axes: [axis, { ...axis, size: 56, values: (_plot, splits) => splits.map(format) }],
          series: [
            { value: "{YYYY}-{MM}-{DD} {HH}:{mm}:{ss}" },
            ...latest.current.series.map(({ label: name, color, isFilled }, index) => {
              const stroke = colorOf(element, color ?? palette[index % palette.length] ?? palette[0]);
              return {
                label: name,
                stroke,
                width: 2,
                points: { show: false },
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
  useEffect(() => plot.current?.setData(content()), [times, series]);

  return <div ref={place} role="img" aria-label={label} className={styles.place} />;
}
