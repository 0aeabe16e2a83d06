// What a device measures, live: last values, charts of its numbers, its states over time, its events, and what it sends that the
// template does not know.

import { Button, Checkbox, Select, Text, makeStyles, tokens } from "@fluentui/react-components";
import { PauseRegular, PlayRegular } from "@fluentui/react-icons";
import { useEffect, useMemo, useState } from "react";
import { formatCount, formatTime } from "../parts/amounts.ts";
import { Chart } from "../parts/chart.tsx";
import { type Column, DataTable } from "../parts/data-table.tsx";
import { Panel } from "../parts/panel.tsx";
import { PageLink } from "../parts/plain-link.tsx";
import { EmptyState, ErrorState, Loading, StateBadge } from "../parts/states.tsx";
import { TimeText } from "../parts/time-text.tsx";
import type { Device, DeviceTemplate } from "./device-queries.ts";
import { type Measurements, type Telemetry, formatNumber, measurementsOf, oddityOf, textOf } from "./measurements.ts";
import { EventList, StateLanes } from "./state-lanes.tsx";
import { LiveState, SearchNotes } from "./message-notes.tsx";
import { type DeviceMessages, useDeviceMessages } from "./use-device-messages.ts";

const ranges = [5, 30, 60] as const;
/** How often the charts move on when nothing comes. */
const moveMs = 2_000;
/** Shown before one chooses. */
const chartsAtFirst = 6;

const useStyles = makeStyles({
  bar: { display: "flex", flexWrap: "wrap", alignItems: "center", gap: "8px 12px" },
  quiet: { color: tokens.colorNeutralForeground3 },
  end: { marginInlineStart: "auto", color: tokens.colorNeutralForeground3 },
  fields: { display: "flex", flexWrap: "wrap", columnGap: "8px", marginInlineStart: "-8px" },
  charts: {
    display: "grid",
    gridTemplateColumns: "repeat(auto-fill, minmax(min(420px, 100%), 1fr))",
    gap: "20px 28px",
  },
  chart: { minWidth: 0, display: "flex", flexDirection: "column", rowGap: "4px" },
  chartTop: { display: "flex", flexWrap: "wrap", columnGap: "14px", alignItems: "baseline" },
  newest: { fontVariantNumeric: "tabular-nums" },
  value: { fontWeight: tokens.fontWeightSemibold, fontVariantNumeric: "tabular-nums" },
});

export default function MeasurementsTab({
  device,
  template,
}: {
  readonly device: Device;
  readonly template: DeviceTemplate;
}) {
  const styles = useStyles();
  const [minutes, setMinutes] = useState<number>(5);
  const coming = useDeviceMessages(device.id, minutes);
  const [paused, setPaused] = useState<{ readonly messages: DeviceMessages; readonly nowMs: number } | null>(null);
  const shown = paused?.messages ?? coming;
  const latestMs = Date.parse(shown.messages?.[0]?.enqueuedTime ?? "") || 0;
  const movingMs = useMovingMs(paused === null);
  // The window clock may be ahead of this browser's.
  const nowMs = paused?.nowMs ?? Math.max(movingMs, latestMs);
  const fromMs = nowMs - minutes * 60_000;
  const recent = useMemo(
    () => (shown.messages ?? []).filter(({ enqueuedTime }) => Date.parse(enqueuedTime) >= fromMs),
    [shown.messages, fromMs],
  );
  const measured = useMemo(() => measurementsOf(template, recent), [template, recent]);

  const bar = (
    <div className={styles.bar}>
      <Select
        aria-label="Time shown"
        value={String(minutes)}
        onChange={(_event, { value }) => {
          setPaused(null);
          setMinutes(Number(value));
        }}
      >
        {ranges.map((one) => (
          <option key={one} value={String(one)}>
            Last {one} minutes
          </option>
        ))}
      </Select>
      <Button
        icon={paused === null ? <PauseRegular /> : <PlayRegular />}
        onClick={() => setPaused(paused === null ? { messages: coming, nowMs } : null)}
      >
        {paused === null ? "Pause" : "Go on"}
      </Button>
      <LiveState messages={coming} isPaused={paused !== null} />
      <Text size={200} className={styles.end} role="status">
        {formatCount(recent.length)} {recent.length === 1 ? "message" : "messages"}
      </Text>
    </div>
  );

  if (shown.messages === null) {
    return shown.error === null ? (
      <Loading label="Looking for messages …" />
    ) : (
      <ErrorState error={shown.error} onRetry={coming.retry} />
    );
  }
  return (
    <>
      {bar}
      <SearchNotes messages={shown} minutes={minutes} />
      {recent.length === 0 ? (
        <Silence device={device} minutes={minutes} />
      ) : (
        <Measured
          template={template}
          measured={measured}
          times={recent.map(({ enqueuedTime }) => Date.parse(enqueuedTime))}
          fromMs={fromMs}
          nowMs={nowMs}
        />
      )}
    </>
  );
}

/** Real time that moves on every few seconds. */
function useMovingMs(isMoving: boolean): number {
  const [nowMs, setNowMs] = useState(() => Date.now());
  useEffect(() => {
    if (!isMoving) return undefined;
    const timer = setInterval(() => setNowMs(Date.now()), moveMs);
    return () => clearInterval(timer);
  }, [isMoving]);
  return nowMs;
}

function Silence({ device, minutes }: { readonly device: Device; readonly minutes: number }) {
  const toConnect = (
    <PageLink to="/devices/$deviceId" params={{ deviceId: device.id }} search={{ tab: "connect" }}>
      How to connect it
    </PageLink>
  );
  if (!device.enabled) {
    return (
      <EmptyState title="Blocked">
        It sent nothing in the last {minutes} minutes, and may not: it is blocked. Unblock it under More.
      </EmptyState>
    );
  }
  if (device.simulated) {
    return (
      <EmptyState title="Nothing yet">
        The server sends for this device every few seconds. The first values show up here by themselves.
      </EmptyState>
    );
  }
  return (
    <EmptyState title={`Nothing in the last ${minutes} minutes`} action={toConnect}>
      {device.connected ? "The device is connected. " : "The device is not connected. "}
      What it sends shows up here as it comes. Older messages are under Raw data.
    </EmptyState>
  );
}

function Measured({
  template: { id, measurements },
  measured,
  times,
  fromMs,
  nowMs,
}: {
  readonly template: DeviceTemplate;
  readonly measured: Measurements;
  readonly times: readonly number[];
  readonly fromMs: number;
  readonly nowMs: number;
}) {
  const styles = useStyles();
  const telemetry = Object.entries(measurements.telemetry);
  const states = Object.entries(measurements.states);
  const hasEvents = Object.keys(measurements.events).length > 0;
  return (
    <>
      {telemetry.length + states.length > 0 && <LastValues telemetry={telemetry} states={states} measured={measured} />}
      <Charts telemetry={telemetry} measured={measured} fromMs={fromMs} nowMs={nowMs} />
      {states.length > 0 && (
        <Panel title="States over time">
          <StateLanes
            states={states}
            measured={measured}
            fromMs={Math.max(fromMs, times.at(-1) ?? fromMs)}
            nowMs={nowMs}
          />
        </Panel>
      )}
      {hasEvents && (
        <Panel title="Events">
          <EventList events={measured.events} />
        </Panel>
      )}
      {measured.unknown.length > 0 && (
        <Panel
          title="Not in the template"
          about={
            <>
              The device sends these fields too. They are kept and exported as they come; the template{" "}
              <PageLink to="/templates/$templateId" params={{ templateId: id }}>
                may be given them
              </PageLink>
              .
            </>
          }
        >
          <DataTable
            label="Fields that are not in the template"
            rows={measured.unknown}
            keyOf={({ field }) => field}
            columns={[
              { id: "field", title: "Field", cell: ({ field }) => <code>{field}</code> },
              { id: "last", title: "Last value", cell: ({ last }) => <code>{textOf(last.value)}</code> },
              { id: "when", title: "When", cell: ({ last }) => <TimeText time={isoOf(last.timeMs)} /> },
              { id: "count", title: "Messages", isNumber: true, cell: ({ count }) => formatCount(count) },
            ]}
          />
        </Panel>
      )}
      {measured.others > 0 && (
        <Text className={styles.quiet}>
          {formatCount(measured.others)} {measured.others === 1 ? "message has" : "messages have"} a body that is no
          JSON object: Raw data shows {measured.others === 1 ? "it" : "them"}.
        </Text>
      )}
    </>
  );
}

interface LastValue {
  readonly field: string;
  readonly name: string;
  readonly text: string | null;
  readonly unit: string;
  readonly bounds: string;
  readonly oddity: string | null;
  readonly time: string | null;
}

function LastValues({
  telemetry,
  states,
  measured,
}: {
  readonly telemetry: readonly (readonly [string, Telemetry])[];
  readonly states: readonly (readonly [string, DeviceTemplate["measurements"]["states"][string]])[];
  readonly measured: Measurements;
}) {
  const styles = useStyles();
  const rows: LastValue[] = [
    ...telemetry.map(([field, definition]) => {
      const last = measured.last.get(field);
      return {
        field,
        name: definition.name,
        text: last === undefined ? null : textOf(last.value),
        unit: definition.unit ?? "",
        bounds: boundsText(definition),
        oddity: last === undefined ? null : oddityOf(definition, last.value),
        time: last === undefined ? null : isoOf(last.timeMs),
      };
    }),
    ...states.map(([field, { name, values }]) => {
      const last = measured.last.get(field);
      const known = values.find(({ value }) => value === last?.value);
      return {
        field,
        name,
        text: last === undefined ? null : (known?.name ?? textOf(last.value)),
        unit: "",
        bounds: "",
        oddity: last === undefined || known !== undefined ? null : "Not a value of the template",
        time: last === undefined ? null : isoOf(last.timeMs),
      };
    }),
  ];
  const columns: readonly Column<LastValue>[] = [
    { id: "name", title: "Measurement", cell: ({ name }) => name },
    {
      id: "value",
      title: "Last value",
      cell: ({ text, unit, oddity }) => (
        <>
          <span className={styles.value}>{text === null ? "–" : `${text} ${unit}`.trim()}</span>
          {oddity !== null && " "}
          {oddity !== null && <StateBadge tone="warn">{oddity}</StateBadge>}
        </>
      ),
    },
    { id: "bounds", title: "Bounds", cell: ({ bounds }) => bounds || "–" },
    { id: "time", title: "When", cell: ({ time }) => <TimeText time={time} none="not in this time" /> },
  ];
  return (
    <Panel title="Last values">
      <DataTable label="Last values" columns={columns} rows={rows} keyOf={({ field }) => field} />
    </Panel>
  );
}

function boundsText({ minValue, maxValue, unit = "" }: Telemetry): string {
  if (minValue === undefined && maxValue === undefined) return "";
  if (minValue === undefined) return `at most ${formatNumber(maxValue ?? 0)} ${unit}`.trim();
  if (maxValue === undefined) return `at least ${formatNumber(minValue)} ${unit}`.trim();
  return `${formatNumber(minValue)} to ${formatNumber(maxValue)} ${unit}`.trim();
}

function Charts({
  telemetry,
  measured,
  fromMs,
  nowMs,
}: {
  readonly telemetry: readonly (readonly [string, Telemetry])[];
  readonly measured: Measurements;
  readonly fromMs: number;
  readonly nowMs: number;
}) {
  const styles = useStyles();
  const fields = telemetry.filter(([, { dataType }]) => dataType === "double");
  const [chosen, setChosen] = useState<ReadonlySet<string>>(
    () => new Set(fields.slice(0, chartsAtFirst).map(([field]) => field)),
  );
  if (fields.length === 0) return null;
  return (
    <Panel title="Charts" about={`From ${formatTime(fromMs).slice(11, 19)} to ${formatTime(nowMs).slice(11, 19)} UTC.`}>
      <div className={styles.fields} role="group" aria-label="Fields to draw">
        {fields.map(([field, { name }]) => (
          <Checkbox
            key={field}
            label={name}
            checked={chosen.has(field)}
            onChange={(_event, { checked }) => {
              const next = new Set(chosen);
              if (checked === true) next.add(field);
              else next.delete(field);
              setChosen(next);
            }}
          />
        ))}
      </div>
      <div className={styles.charts}>
        {fields
          .filter(([field]) => chosen.has(field))
          .map(([field, definition], index) => (
            <FieldChart
              key={field}
              definition={definition}
              color={colors[index % colors.length] ?? colors[0]}
              values={measured.numbers.get(field) ?? []}
              fromMs={fromMs}
              nowMs={nowMs}
            />
          ))}
      </div>
    </Panel>
  );
}

const colors = [
  tokens.colorBrandForeground1,
  tokens.colorPaletteDarkOrangeForeground1,
  tokens.colorPaletteGreenForeground1,
  tokens.colorPaletteBerryForeground1,
  tokens.colorPaletteTealForeground2,
] as const;

/** A number by itself: numbers of different units share no axis. */
function FieldChart({
  definition: { name, unit = "" },
  color,
  values,
  fromMs,
  nowMs,
}: {
  readonly definition: Telemetry;
  readonly color: string;
  readonly values: readonly { readonly timeMs: number; readonly value: number }[];
  readonly fromMs: number;
  readonly nowMs: number;
}) {
  const styles = useStyles();
  const times = useMemo(() => values.map(({ timeMs }) => timeMs), [values]);
  const series = useMemo(
    () => [{ label: name, values: values.map(({ value }) => value), color, hasPoints: true }],
    [values, name, color],
  );
  const newest = values.at(-1)?.value;
  const least = Math.min(...values.map(({ value }) => value));
  const most = Math.max(...values.map(({ value }) => value));
  const words =
    newest === undefined
      ? "no values in this time"
      : `now ${formatNumber(newest)} ${unit}, least ${formatNumber(least)}, most ${formatNumber(most)}`;
  return (
    <div className={styles.chart}>
      <div className={styles.chartTop}>
        <Text weight="semibold">
          {name}
          {unit !== "" && `, ${unit}`}
        </Text>
        <Text size={200} className={styles.newest}>
          {words}
        </Text>
      </div>
      <Chart
        label={`${name}: ${words}`}
        times={times}
        series={series}
        range="tight"
        timeRange={[fromMs, nowMs]}
        format={formatNumber}
        heightPx={170}
      />
    </div>
  );
}

function isoOf(timeMs: number): string {
  return new Date(timeMs).toISOString();
}
