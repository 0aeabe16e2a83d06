// A table of the server's things: sorted and paged there, not here. Below 640 px each row is a card with a label before each value.
//
//     const pages = usePages();                       // cursors; usePages(filter) starts anew when the filter changes
//     <DataTable label="Devices" columns={columns} rows={items} keyOf={(row) => row.id} sort={sort} onSort={setSort} />
//     <Pager pages={pages} next={page.next} shown={page.items.length} total={page.total} />

import { Button, Checkbox, Text, makeStyles, mergeClasses, tokens } from "@fluentui/react-components";
import {
  ArrowSortDownRegular,
  ArrowSortUpRegular,
  ChevronLeftRegular,
  ChevronRightRegular,
} from "@fluentui/react-icons";
import { Fragment, type ReactNode, useState } from "react";

export interface Column<Row> {
  readonly id: string;
  readonly title: string;
  readonly cell: (row: Row) => ReactNode;
  /** Whether the server sorts by it; then `id` is what it calls it. */
  readonly isSortable?: boolean;
  /** Numbers stand at the end. */
  readonly isNumber?: boolean;
  /** The card's heading on narrow screens; the first column when none says so. */
  readonly isHeading?: boolean;
  /** For columns of buttons: no label on narrow screens. */
  readonly isPlain?: boolean;
  readonly width?: string;
}

export interface Sort {
  readonly by: string;
  readonly isDescending: boolean;
}

export interface DataTableProps<Row> {
  /** What the table is of, for who cannot see it. */
  readonly label: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly keyOf: (row: Row) => string;
  readonly sort?: Sort;
  readonly onSort?: (sort: Sort) => void;
  /** Rows that are being asked for again are shown paler. */
  readonly isStale?: boolean;
  readonly selected?: ReadonlySet<string>;
  readonly onSelect?: (selected: ReadonlySet<string>) => void;
  /** What stands below a row, as wide as the table; null for nothing. */
  readonly below?: (row: Row) => ReactNode;
}

const narrow = "@media (max-width: 640px)";
const useStyles = makeStyles({
  table: {
    width: "100%",
    borderCollapse: "collapse",
    fontSize: tokens.fontSizeBase300,
    [narrow]: { display: "block" },
  },
  stale: { opacity: 0.6 },
  below: { [narrow]: { display: "block", marginBottom: "10px" } },
  belowCell: {
    padding: "4px 12px 12px",
    borderBottom: `1px solid ${tokens.colorNeutralStroke3}`,
    backgroundColor: tokens.colorNeutralBackground2,
    [narrow]: { display: "block" },
  },
  head: { [narrow]: { display: "none" } },
  body: { [narrow]: { display: "block" } },
  headCell: {
    textAlign: "start",
    fontWeight: tokens.fontWeightSemibold,
    color: tokens.colorNeutralForeground3,
    fontSize: tokens.fontSizeBase200,
    padding: "6px 12px",
    borderBottom: `1px solid ${tokens.colorNeutralStroke2}`,
    whiteSpace: "nowrap",
  },
  sort: {
    minWidth: 0,
    padding: "0 4px",
    marginInlineStart: "-4px",
    fontWeight: tokens.fontWeightSemibold,
    fontSize: tokens.fontSizeBase200,
    color: tokens.colorNeutralForeground3,
  },
  row: {
    // Links must stay readable on it, in dark too.
    "&:hover": { backgroundColor: tokens.colorNeutralBackground3 },
    [narrow]: {
      display: "block",
      position: "relative",
      padding: "8px 10px",
      marginBottom: "10px",
      borderRadius: tokens.borderRadiusMedium,
      border: `1px solid ${tokens.colorNeutralStroke2}`,
    },
  },
  cell: {
    padding: "8px 12px",
    borderBottom: `1px solid ${tokens.colorNeutralStroke3}`,
    verticalAlign: "top",
    overflowWrap: "anywhere",
    [narrow]: {
      display: "flex",
      columnGap: "12px",
      justifyContent: "space-between",
      textAlign: "end",
      padding: "3px 2px",
      borderBottomStyle: "none",
      "&::before": {
        content: "attr(data-label)",
        color: tokens.colorNeutralForeground3,
        fontSize: tokens.fontSizeBase200,
        textAlign: "start",
        flexShrink: 0,
        overflowWrap: "normal",
      },
    },
  },
  number: { textAlign: "end", fontVariantNumeric: "tabular-nums" },
  heading: {
    [narrow]: {
      fontWeight: tokens.fontWeightSemibold,
      justifyContent: "flex-start",
      textAlign: "start",
      "&::before": { display: "none" },
    },
  },
  plain: { [narrow]: { justifyContent: "flex-end", "&::before": { display: "none" } } },
  select: {
    width: "32px",
    padding: "0 0 0 4px",
    [narrow]: { position: "absolute", insetInlineEnd: "2px", top: "2px", width: "auto", padding: 0 },
  },
  besideSelect: { [narrow]: { paddingInlineEnd: "36px" } },
  pager: { display: "flex", flexWrap: "wrap", alignItems: "center", justifyContent: "flex-end", columnGap: "8px" },
  count: { color: tokens.colorNeutralForeground3, marginInlineEnd: "auto" },
});

export function DataTable<Row>(props: DataTableProps<Row>) {
  const { label, columns, rows, keyOf, sort, onSort, isStale = false, selected, onSelect, below } = props;
  const styles = useStyles();
  const heading = columns.find(({ isHeading }) => isHeading) ?? columns[0];
  const allSelected = selected !== undefined && rows.length > 0 && rows.every((row) => selected.has(keyOf(row)));
  const someSelected = selected !== undefined && rows.some((row) => selected.has(keyOf(row)));
  const select = (keys: readonly string[], isSelected: boolean): void => {
    const next = new Set(selected);
    for (const key of keys) {
      if (isSelected) next.add(key);
      else next.delete(key);
    }
    onSelect?.(next);
  };
  return (
    // Roles are said again, because `display: block` on narrow screens takes a table's own away.
    <table
      role="table"
      aria-label={label}
      aria-busy={isStale}
      className={mergeClasses(styles.table, isStale && styles.stale)}
    >
      <thead role="rowgroup" className={styles.head}>
        <tr role="row">
          {selected !== undefined && (
            <th role="columnheader" className={mergeClasses(styles.headCell, styles.select)}>
              <Checkbox
                aria-label="Select all on this page"
                checked={allSelected ? true : someSelected ? "mixed" : false}
                onChange={() => select(rows.map(keyOf), !allSelected)}
              />
            </th>
          )}
          {columns.map((column) => {
            const isSorted = sort?.by === column.id;
            const direction = isSorted ? (sort.isDescending ? "descending" : "ascending") : undefined;
            return (
              <th
                role="columnheader"
                key={column.id}
                className={mergeClasses(styles.headCell, column.isNumber && styles.number)}
                style={column.width === undefined ? {} : { width: column.width }}
                {...(direction === undefined ? {} : { "aria-sort": direction })}
              >
                {column.isSortable && onSort !== undefined ? (
                  <Button
                    appearance="transparent"
                    size="small"
                    className={styles.sort}
                    iconPosition="after"
                    icon={isSorted ? sort.isDescending ? <ArrowSortDownRegular /> : <ArrowSortUpRegular /> : undefined}
                    onClick={() => onSort({ by: column.id, isDescending: isSorted && !sort.isDescending })}
                  >
                    {column.title}
                  </Button>
                ) : (
                  column.title
                )}
              </th>
            );
          })}
        </tr>
      </thead>
      <tbody role="rowgroup" className={styles.body}>
        {rows.map((row) => {
          const key = keyOf(row);
          const more = below?.(row) ?? null;
          return (
            <Fragment key={key}>
              <tr role="row" className={styles.row} aria-selected={selected?.has(key)}>
                {selected !== undefined && (
                  <td role="cell" className={mergeClasses(styles.cell, styles.select)} data-label="">
                    <Checkbox
                      aria-label={`Select ${key}`}
                      checked={selected.has(key)}
                      onChange={(_event, { checked }) => select([key], checked === true)}
                    />
                  </td>
                )}
                {columns.map((column) => (
                  <td
                    role="cell"
                    key={column.id}
                    data-label={column.title}
                    className={mergeClasses(
                      styles.cell,
                      column.isNumber && styles.number,
                      column === heading && styles.heading,
                      column === heading && selected !== undefined && styles.besideSelect,
                      column.isPlain && styles.plain,
                    )}
                  >
                    <div>{column.cell(row)}</div>
                  </td>
                ))}
              </tr>
              {more !== null && (
                <tr role="row" className={styles.below}>
                  <td
                    role="cell"
                    className={styles.belowCell}
                    colSpan={columns.length + (selected === undefined ? 0 : 1)}
                  >
                    {more}
                  </td>
                </tr>
              )}
            </Fragment>
          );
        })}
      </tbody>
    </table>
  );
}

export interface Pages {
  /** The cursor of the page that is shown; undefined on the first. */
  readonly after: string | undefined;
  readonly number: number;
  readonly forward: (next: string) => void;
  readonly back: () => void;
  readonly reset: () => void;
}

/** Where one is in a list with cursors. A change of `filter` (any text that names it) starts on the first page. */
export function usePages(filter = ""): Pages {
  const [state, setState] = useState<{ readonly filter: string; readonly cursors: readonly string[] }>({
    filter,
    cursors: [],
  });
  const cursors = state.filter === filter ? state.cursors : [];
  return {
    after: cursors.at(-1),
    number: cursors.length + 1,
    forward: (next) => setState({ filter, cursors: [...cursors, next] }),
    back: () => setState({ filter, cursors: cursors.slice(0, -1) }),
    reset: () => setState({ filter, cursors: [] }),
  };
}

export interface PagerProps {
  readonly pages: Pages;
  /** The server's `next`. */
  readonly next: string | null | undefined;
  readonly shown: number;
  readonly total?: number | undefined;
}

export function Pager({ pages, next, shown, total }: PagerProps) {
  const styles = useStyles();
  const hasNext = typeof next === "string";
  const count = total === undefined ? `${shown.toLocaleString("en")} shown` : `${total.toLocaleString("en")} in all`;
  return (
    <nav aria-label="Pages" className={styles.pager}>
      <Text size={200} className={styles.count} role="status">
        {count}
        {(pages.number > 1 || hasNext) && `, page ${pages.number}`}
      </Text>
      {(pages.number > 1 || hasNext) && (
        <>
          <Button
            appearance="subtle"
            icon={<ChevronLeftRegular />}
            disabledFocusable={pages.number === 1}
            onClick={pages.back}
          >
            Previous
          </Button>
          <Button
            appearance="subtle"
            icon={<ChevronRightRegular />}
            iconPosition="after"
            disabledFocusable={!hasNext}
            onClick={() => hasNext && pages.forward(next)}
          >
            Next
          </Button>
        </>
      )}
    </nav>
  );
}
