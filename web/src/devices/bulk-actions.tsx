// What is done to several devices at once. Each by itself on the server: what cannot be done to one does not keep it from the
// others, and is listed afterwards.

import {
  Button,
  Field,
  MessageBar,
  MessageBarBody,
  ProgressBar,
  Select,
  Text,
  makeStyles,
  tokens,
} from "@fluentui/react-components";
import {
  ArrowSwapRegular,
  DeleteRegular,
  DismissRegular,
  LockClosedRegular,
  LockOpenRegular,
} from "@fluentui/react-icons";
import { useState } from "react";
import { type Schema, answerOf, api } from "../api/client.ts";
import { invalidate } from "../api/query-client.ts";
import { formatCount } from "../parts/amounts.ts";
import { ConfirmDialog } from "../parts/confirm-dialog.tsx";
import { ServerErrorBar } from "../parts/server-errors.tsx";
import { useToast } from "../parts/toasts.tsx";
import type { Device, DeviceTemplate } from "./device-queries.ts";
import type { DeviceFilter } from "./device-search.ts";

/** As many as the server takes in one call. */
const batchDevices = 1_000;
/** More at once are better left to a script. */
const selectedMax = 20_000;
const refusalsShown = 20;

const useStyles = makeStyles({
  bar: {
    display: "flex",
    flexWrap: "wrap",
    alignItems: "center",
    gap: "4px 8px",
    padding: "4px 12px",
    borderRadius: tokens.borderRadiusMedium,
    backgroundColor: tokens.colorNeutralBackground4,
  },
  count: { fontWeight: tokens.fontWeightSemibold, marginInlineEnd: "8px" },
  list: { margin: "4px 0 0", paddingInlineStart: "18px", overflowWrap: "anywhere" },
  stack: { display: "flex", flexDirection: "column", rowGap: "10px" },
});

type Report = Schema<"DevicesReport">;
type Action = "block" | "unblock" | "migrate" | "delete";

export interface BulkActionsProps {
  readonly selected: ReadonlySet<string>;
  readonly shown: readonly Device[];
  readonly total: number;
  readonly filter: DeviceFilter;
  readonly templates: readonly DeviceTemplate[];
  readonly onSelect: (selected: ReadonlySet<string>) => void;
}

export function BulkActions({ selected, shown, total, filter, templates, onSelect }: BulkActionsProps) {
  const styles = useStyles();
  const toast = useToast();
  const [action, setAction] = useState<Action | null>(null);
  const [version, setVersion] = useState("");
  const [done, setDone] = useState<number | null>(null);
  const [report, setReport] = useState<{ readonly verb: string; readonly refused: Report["refused"] } | null>(null);
  const [gathering, setGathering] = useState(false);
  const [error, setError] = useState<Error | null>(null);
  const ids = [...selected];
  const count = `${formatCount(ids.length)} ${ids.length === 1 ? "device" : "devices"}`;

  const run = async (verb: string, call: (ids: string[]) => Promise<Report>): Promise<void> => {
    const refused: Report["refused"][number][] = [];
    let finished = 0;
    setReport(null);
    try {
      for (let first = 0; first < ids.length; first += batchDevices) {
        setDone(first);
        const part = await call(ids.slice(first, first + batchDevices));
        finished += part.done;
        refused.push(...part.refused);
      }
    } finally {
      setDone(null);
      await invalidate("devices");
    }
    if (finished > 0) toast(`${formatCount(finished)} ${finished === 1 ? "device" : "devices"} ${verb}`);
    // Those that stay as they are stay selected.
    onSelect(new Set(refused.map(({ id }) => id)));
    setReport(refused.length > 0 ? { verb, refused } : null);
  };

  const selectAll = async (): Promise<void> => {
    setGathering(true);
    setError(null);
    try {
      const found = new Set<string>();
      let after: string | undefined;
      do {
        const page = await answerOf(
          api.GET("/api/v1/devices", {
            params: { query: { ...filter, limit: batchDevices, ...(after === undefined ? {} : { after }) } },
          }),
        );
        for (const { id } of page.items) found.add(id);
        after = page.next ?? undefined;
      } while (after !== undefined && found.size < selectedMax);
      onSelect(found);
    } catch (thrown) {
      setError(thrown instanceof Error ? thrown : new Error(String(thrown)));
    } finally {
      setGathering(false);
    }
  };

  const chosen = shown.filter(({ id }) => selected.has(id));
  // Versions that a device of the selection could have: those of its template. Of devices on other pages the server says.
  const templateIds = new Set(
    filter.templateId === undefined ? chosen.map(({ templateId }) => templateId) : [filter.templateId],
  );
  const versions = [
    ...new Set(
      templates.filter(({ id, published }) => published && templateIds.has(id)).map((template) => template.version),
    ),
  ].toReversed();
  const maySelectAll = total > selected.size && total <= selectedMax;

  return (
    <div role="group" aria-label="Selection" className={styles.stack}>
      {ids.length > 0 && (
        <div className={styles.bar}>
          <Text role="status" className={styles.count}>
            {count} selected
          </Text>
          <Button appearance="subtle" icon={<LockClosedRegular />} onClick={() => setAction("block")}>
            Block
          </Button>
          <Button appearance="subtle" icon={<LockOpenRegular />} onClick={() => setAction("unblock")}>
            Unblock
          </Button>
          <Button
            appearance="subtle"
            icon={<ArrowSwapRegular />}
            onClick={() => {
              setVersion(versions[0] ?? "");
              setAction("migrate");
            }}
          >
            Change version
          </Button>
          <Button appearance="subtle" icon={<DeleteRegular />} onClick={() => setAction("delete")}>
            Delete
          </Button>
          {maySelectAll && (
            <Button appearance="transparent" disabledFocusable={gathering} onClick={() => void selectAll()}>
              {gathering ? "Selecting …" : `Select all ${formatCount(total)}`}
            </Button>
          )}
          <Button appearance="subtle" icon={<DismissRegular />} onClick={() => onSelect(new Set())}>
            Clear
          </Button>
        </div>
      )}
      <ServerErrorBar error={error} />
      {report !== null && <Refusals {...report} onClose={() => setReport(null)} />}

      <ConfirmDialog
        isOpen={action === "block"}
        title={`Block ${count}?`}
        confirmLabel="Block"
        onClose={() => setAction(null)}
        onConfirm={async () =>
          await run(
            "blocked",
            async (part) => await answerOf(api.POST("/api/v1/devices/access", { body: { ids: part, enabled: false } })),
          )
        }
      >
        Their connections are closed and they are refused until you unblock them. What they sent stays. Simulated
        devices stop sending.
        <Progress done={done} all={ids.length} />
      </ConfirmDialog>
      <ConfirmDialog
        isOpen={action === "unblock"}
        title={`Unblock ${count}?`}
        confirmLabel="Unblock"
        onClose={() => setAction(null)}
        onConfirm={async () =>
          await run(
            "unblocked",
            async (part) => await answerOf(api.POST("/api/v1/devices/access", { body: { ids: part, enabled: true } })),
          )
        }
      >
        They may connect and send again.
        <Progress done={done} all={ids.length} />
      </ConfirmDialog>
      <ConfirmDialog
        isOpen={action === "migrate"}
        title={`Move ${count} to another template version?`}
        confirmLabel="Move"
        onClose={() => setAction(null)}
        onConfirm={async () =>
          await run(
            "moved",
            async (part) =>
              await answerOf(api.POST("/api/v1/devices/migrate", { body: { ids: part, templateVersion: version } })),
          )
        }
      >
        <div className={styles.stack}>
          <Field
            label="Version"
            hint="Each device stays with its template; one whose template has no such version stays as it is and is listed."
          >
            <Select value={version} onChange={(_event, { value }) => setVersion(value)}>
              {versions.map((one) => (
                <option key={one} value={one}>
                  {one}
                </option>
              ))}
            </Select>
          </Field>
          <Text>
            Settings and properties that the new version has too keep their values; new ones get their initial value;
            the others go.
          </Text>
          <Progress done={done} all={ids.length} />
        </div>
      </ConfirmDialog>
      <ConfirmDialog
        isOpen={action === "delete"}
        title={`Delete ${count}?`}
        confirmLabel={`Delete ${count}`}
        typeToConfirm={`delete ${ids.length}`}
        onClose={() => setAction(null)}
        onConfirm={async () =>
          await run(
            "deleted",
            async (part) => await answerOf(api.POST("/api/v1/devices/delete", { body: { ids: part } })),
          )
        }
      >
        <div className={styles.stack}>
          <Text>
            Their connections are closed, and their keys, settings and properties are gone for good. What they sent
            stays, and is exported.
          </Text>
          <Text>
            {ids.slice(0, 5).join(", ")}
            {ids.length > 5 && ` and ${formatCount(ids.length - 5)} more`}
          </Text>
          <Progress done={done} all={ids.length} />
        </div>
      </ConfirmDialog>
    </div>
  );
}

function Progress({ done, all }: { readonly done: number | null; readonly all: number }) {
  if (done === null || all <= batchDevices) return null;
  return (
    <Field validationMessage={`${formatCount(done)} of ${formatCount(all)}`} validationState="none">
      <ProgressBar value={done} max={all} aria-label="Progress" />
    </Field>
  );
}

function Refusals({
  verb,
  refused,
  onClose,
}: {
  readonly verb: string;
  readonly refused: Report["refused"];
  readonly onClose: () => void;
}) {
  const styles = useStyles();
  return (
    <MessageBar intent="warning" layout="multiline">
      <MessageBarBody>
        <Text weight="semibold">
          {formatCount(refused.length)} {refused.length === 1 ? "device was" : "devices were"} not {verb}.
        </Text>
        <ul className={styles.list}>
          {refused.slice(0, refusalsShown).map(({ id, message, hint }) => (
            <li key={id}>
              {id}: {message} {hint}
            </li>
          ))}
        </ul>
        {refused.length > refusalsShown && <Text>And {formatCount(refused.length - refusalsShown)} more.</Text>}
        <Button size="small" appearance="transparent" onClick={onClose}>
          Dismiss
        </Button>
      </MessageBarBody>
    </MessageBar>
  );
}
