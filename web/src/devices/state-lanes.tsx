// States over time as lanes of coloured, named spans; the same as a list of changes in words; and events.

import { Text, Tooltip, makeStyles, mergeClasses, tokens } from "@fluentui/react-components";
import { formatDuration, formatTime } from "../parts/amounts.ts";
import { StateBadge, type Tone } from "../parts/states.tsx";
import { TimeText } from "../parts/time-text.tsx";
import type { EventField, Measurements, SeenEvent, StateField, StateSpan } from "./measurements.ts";
import { textOf } from "./measurements.ts";

const changesShown = 20;
const eventsShown = 50;
/** Narrower spans have no room for a word; the list below has it. */
const wordPercentMin = 8;

const useStyles = makeStyles({
  lanes: { display: "flex", flexDirection: "column", rowGap: "14px" },
  top: { display: "flex", flexWrap: "wrap", alignItems: "baseline", columnGap: "12px", marginBottom: "4px" },
  quiet: { color: tokens.colorNeutralForeground3 },
  lane: {
    position: "relative",
    height: "28px",
    borderRadius: tokens.borderRadiusMedium,
    overflow: "hidden",
    backgroundColor: tokens.colorNeutralBackground4,
  },
  span: {
    position: "absolute",
    top: 0,
    bottom: 0,
    minWidth: "2px",
    boxSizing: "border-box",
    padding: "4px 6px",
    overflow: "hidden",
    whiteSpace: "nowrap",
    textOverflow: "ellipsis",
    fontSize: tokens.fontSizeBase200,
    lineHeight: "20px",
    borderInlineStartWidth: "1px",
    borderInlineStartStyle: "solid",
    borderInlineStartColor: tokens.colorNeutralBackground1,
  },
  odd: {
    backgroundColor: tokens.colorNeutralBackground6,
    color: tokens.colorNeutralForeground1,
  },
  color0: { backgroundColor: tokens.colorPaletteBlueBackground2, color: tokens.colorPaletteBlueForeground2 },
  color1: { backgroundColor: tokens.colorPaletteMarigoldBackground2, color: tokens.colorPaletteMarigoldForeground2 },
  color2: { backgroundColor: tokens.colorPaletteForestBackground2, color: tokens.colorPaletteForestForeground2 },
  color3: { backgroundColor: tokens.colorPaletteBerryBackground2, color: tokens.colorPaletteBerryForeground2 },
  color4: { backgroundColor: tokens.colorPaletteTealBackground2, color: tokens.colorPaletteTealForeground2 },
  color5: { backgroundColor: tokens.colorPaletteLavenderBackground2, color: tokens.colorPaletteLavenderForeground2 },
  list: { listStyleType: "none", margin: 0, padding: 0, display: "flex", flexDirection: "column", rowGap: "6px" },
  item: {
    display: "grid",
    gridTemplateColumns: "64px minmax(0, 1fr)",
    columnGap: "10px",
    alignItems: "baseline",
    overflowWrap: "anywhere",
  },
  what: { display: "flex", flexWrap: "wrap", gap: "2px 10px", alignItems: "center" },
  time: {
    color: tokens.colorNeutralForeground3,
    fontVariantNumeric: "tabular-nums",
    fontSize: tokens.fontSizeBase200,
  },
});

export function StateLanes({
  states,
  measured,
  fromMs,
  nowMs,
}: {
  readonly states: readonly (readonly [string, StateField])[];
  readonly measured: Measurements;
  readonly fromMs: number;
  readonly nowMs: number;
}) {
  const styles = useStyles();
  const changes = states
    .flatMap(([field, state]) => {
      const spans = measured.states.get(field) ?? [];
      return spans.slice(1).map((span, index) => ({ field, state, span, before: spans[index]?.value ?? "" }));
    })
    .sort((a, b) => b.span.fromMs - a.span.fromMs);
  return (
    <div className={styles.lanes}>
      {states.map(([field, state]) => (
        <Lane key={field} state={state} spans={measured.states.get(field) ?? []} fromMs={fromMs} nowMs={nowMs} />
      ))}
      {changes.length > 0 && (
        <ul className={styles.list} aria-label="Changes of states, newest first">
          {changes.slice(0, changesShown).map(({ field, state, span, before }) => (
            <li key={`${field} ${span.fromMs}`} className={styles.item}>
              <span className={styles.time}>{clockOf(span.fromMs)}</span>
              <span>
                {state.name}: {wordOf(state, before)} → <b>{wordOf(state, span.value)}</b>
              </span>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

function Lane({
  state,
  spans,
  fromMs,
  nowMs,
}: {
  readonly state: StateField;
  readonly spans: readonly StateSpan[];
  readonly fromMs: number;
  readonly nowMs: number;
}) {
  const styles = useStyles();
  const palette = [styles.color0, styles.color1, styles.color2, styles.color3, styles.color4, styles.color5];
  const colorOf = (value: string): string => {
    const index = state.values.findIndex((known) => known.value === value);
    return index < 0 ? styles.odd : (palette[index % palette.length] ?? styles.odd);
  };
  const wholeMs = Math.max(1, nowMs - fromMs);
  const percentOf = (timeMs: number): number => (100 * Math.min(Math.max(timeMs - fromMs, 0), wholeMs)) / wholeMs;
  const running = spans.at(-1);
  const now =
    running === undefined
      ? "not sent in this time"
      : `${wordOf(state, running.value)} for ${formatDuration(Math.max(0, nowMs - running.fromMs))}${spans.length === 1 ? " at least" : ""}`;
  return (
    <div>
      <div className={styles.top}>
        <Text weight="semibold">{state.name}</Text>
        <Text size={200} className={styles.quiet}>
          {now}
        </Text>
      </div>
      <div className={styles.lane} role="img" aria-label={`${state.name}: ${now}`}>
        {spans.map((span) => {
          const start = percentOf(span.fromMs);
          const width = percentOf(span.untilMs ?? nowMs) - start;
          const word = wordOf(state, span.value);
          return (
            <Tooltip
              key={span.fromMs}
              relationship="inaccessible"
              content={`${word}, ${clockOf(span.fromMs)} to ${span.untilMs === null ? "now" : clockOf(span.untilMs)}`}
            >
              <div
                className={mergeClasses(styles.span, colorOf(span.value))}
                style={{ left: `${start}%`, width: `${width}%` }}
              >
                {width >= wordPercentMin ? word : ""}
              </div>
            </Tooltip>
          );
        })}
      </div>
    </div>
  );
}

const toneOfCategory: Readonly<Record<EventField["category"], Tone>> = {
  informational: "busy",
  warning: "warn",
  error: "bad",
};
const wordOfCategory: Readonly<Record<EventField["category"], string>> = {
  informational: "Information",
  warning: "Warning",
  error: "Error",
};

export function EventList({ events }: { readonly events: readonly SeenEvent[] }) {
  const styles = useStyles();
  if (events.length === 0) return <Text className={styles.quiet}>None in this time.</Text>;
  return (
    <>
      <ul className={styles.list} aria-label="Events, newest first">
        {events.slice(0, eventsShown).map(({ field, name, category, value, timeMs }, index) => (
          <li key={`${timeMs} ${field} ${events.length - index}`} className={styles.item}>
            <span className={styles.time}>{clockOf(timeMs)}</span>
            <span className={styles.what}>
              <StateBadge tone={toneOfCategory[category]}>{wordOfCategory[category]}</StateBadge>
              <span>
                <b>{name}</b> {textOf(value)}
              </span>
              <Text size={200} className={styles.quiet}>
                <TimeText time={new Date(timeMs).toISOString()} />
              </Text>
            </span>
          </li>
        ))}
      </ul>
      {events.length > eventsShown && (
        <Text className={styles.quiet}>
          The newest {eventsShown} of {events.length}.
        </Text>
      )}
    </>
  );
}

function wordOf({ values }: StateField, value: string): string {
  return values.find((known) => known.value === value)?.name ?? `${value} (not in the template)`;
}

function clockOf(timeMs: number): string {
  return formatTime(timeMs).slice(11, 19);
}
