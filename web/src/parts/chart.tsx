// A chart of series over time. uPlot is loaded with the first chart (parts/chart-canvas.tsx).
//
//     <Chart label="Messages per second" times={seconds} series={[{ label: "messages/s", values }]} />
//
// A chart says nothing to who cannot see it: give it a label, and the newest values as text beside it.

import { Skeleton, SkeletonItem } from "@fluentui/react-components";
import { Suspense, lazy } from "react";

const ChartCanvas = lazy(async () => await import("./chart-canvas.tsx"));

export interface ChartSeries {
  readonly label: string;
  /** As many as times; null where there is none. */
  readonly values: readonly (number | null)[];
  /** CSS colour; the theme's when left out. */
  readonly color?: string;
  /** Fills below the line. */
  readonly isFilled?: boolean;
  /** A mark at each value where they are far enough apart: for values that come now and then. */
  readonly hasPoints?: boolean;
  /** The line goes on over nulls. */
  readonly bridgesNulls?: boolean;
}

export interface ChartProps {
  readonly label: string;
  /** Milliseconds, ascending. */
  readonly times: readonly number[];
  readonly series: readonly ChartSeries[];
  /** Of values on the axis and in the legend. */
  readonly format?: (value: number) => string;
  readonly heightPx?: number;
  /** The least and most of the axis; found from the values when left out, with zero in it, or "tight" around them. */
  readonly range?: readonly [number, number] | "tight";
  /** From when to when, in milliseconds; as far as there are values when left out. */
  readonly timeRange?: readonly [number, number];
  readonly hasLegend?: boolean;
}

export function Chart(props: ChartProps) {
  const { heightPx = 180 } = props;
  return (
    <Suspense
      fallback={
        <Skeleton aria-label="The chart is loading">
          <SkeletonItem style={{ height: `${heightPx}px` }} />
        </Skeleton>
      }
    >
      <ChartCanvas {...props} heightPx={heightPx} />
    </Suspense>
  );
}
