// Devices from a CSV file. The file is tried first: a report says, row by row, what would not become a device. Then it is
// imported, and what was left out can be downloaded, mended and imported again.

import {
  Button,
  Dialog,
  DialogActions,
  DialogBody,
  DialogContent,
  DialogSurface,
  DialogTitle,
  Field,
  MessageBar,
  MessageBarBody,
  ProgressBar,
  Spinner,
  Switch,
  Text,
  makeStyles,
  mergeClasses,
  tokens,
} from "@fluentui/react-components";
import { ArrowDownloadRegular, ArrowUploadRegular, DocumentRegular } from "@fluentui/react-icons";
import { useMutation, useQuery } from "@tanstack/react-query";
import { type DragEvent, useEffect, useRef, useState } from "react";
import { type Schema, answerOf, api } from "../api/client.ts";
import { invalidate } from "../api/query-client.ts";
import { formatBytes, formatCount } from "../parts/amounts.ts";
import { downloadText } from "../parts/download.ts";
import { ServerErrorBar, useServerErrors } from "../parts/server-errors.tsx";
import { StateBadge } from "../parts/states.tsx";
import type { DeviceTemplate } from "./device-queries.ts";
import { importReportSheet, sheetTemplate } from "./import-report.ts";
import { TemplateChoice, firstChoice } from "../templates/template-choice.tsx";

type ImportReport = Schema<"DeviceImportReport">;
const rowsShown = 100;

const useStyles = makeStyles({
  surface: { maxWidth: "720px" },
  content: { display: "flex", flexDirection: "column", rowGap: "14px" },
  drop: {
    display: "flex",
    flexWrap: "wrap",
    alignItems: "center",
    gap: "6px 12px",
    padding: "18px",
    border: `2px dashed ${tokens.colorNeutralStroke1}`,
    borderRadius: tokens.borderRadiusLarge,
    overflowWrap: "anywhere",
  },
  over: {
    border: `2px dashed ${tokens.colorBrandStroke1}`,
    backgroundColor: tokens.colorBrandBackground2,
  },
  file: { position: "absolute", width: "1px", height: "1px", overflow: "hidden", clipPath: "inset(50%)" },
  quiet: { color: tokens.colorNeutralForeground3 },
  counts: { display: "flex", flexWrap: "wrap", gap: "8px", alignItems: "center" },
  rows: { maxHeight: "260px", overflowY: "auto", border: `1px solid ${tokens.colorNeutralStroke2}` },
  table: {
    width: "100%",
    borderCollapse: "collapse",
    fontSize: tokens.fontSizeBase200,
    "& th": {
      textAlign: "start",
      padding: "6px 8px",
      position: "sticky",
      top: 0,
      backgroundColor: tokens.colorNeutralBackground3,
    },
    "& td": {
      padding: "6px 8px",
      verticalAlign: "top",
      borderTop: `1px solid ${tokens.colorNeutralStroke3}`,
      overflowWrap: "anywhere",
    },
  },
});

interface ImportDevicesDialogProps {
  readonly isOpen: boolean;
  /** Published ones. */
  readonly templates: readonly DeviceTemplate[];
  readonly onClose: () => void;
}

export function ImportDevicesDialog(props: ImportDevicesDialogProps) {
  const styles = useStyles();
  return (
    <Dialog modalType="alert" open={props.isOpen} onOpenChange={(_event, { open }) => open || props.onClose()}>
      <DialogSurface className={styles.surface}>{props.isOpen && <Content {...props} />}</DialogSurface>
    </Dialog>
  );
}

function Content({ templates, onClose }: ImportDevicesDialogProps) {
  const styles = useStyles();
  const [choice, setChoice] = useState(() => firstChoice(templates));
  const [simulated, setSimulated] = useState(false);
  const [file, setFile] = useState<File | null>(null);

  const send = async (dryRun: boolean, content: File): Promise<ImportReport> =>
    await answerOf(
      api.POST("/api/v1/devices/import", {
        params: { query: { ...choice, simulated, dryRun } },
        body: content,
        bodySerializer: (body) => body as File,
        headers: { "content-type": "text/csv" },
      }),
    );
  const trial = useMutation({ mutationFn: async (content: File) => await send(true, content) });
  const load = useMutation({
    mutationFn: async (content: File) => await send(false, content),
    onSettled: () => void invalidate("devices"),
  });
  const errors = useServerErrors(load.error ?? trial.error, ["templateId", "templateVersion"]);

  const { mutate: tryFile, reset: forgetTrial } = trial;
  const { reset: forgetLoad } = load;
  // What the report says holds for this file, template and kind only.
  useEffect(() => {
    forgetTrial();
    forgetLoad();
    if (file !== null) tryFile(file);
  }, [file, choice, simulated, tryFile, forgetTrial, forgetLoad]);

  const report = load.data ?? trial.data;
  const isOver = load.data !== undefined;
  const toMake = trial.data?.created ?? 0;
  return (
    <DialogBody>
      <DialogTitle>Import devices</DialogTitle>
      <DialogContent className={styles.content}>
        {!isOver && !load.isPending && (
          <>
            <Text>
              A CSV file with the columns <code>IOTC_DeviceID</code> and <code>IOTC_DeviceName</code>, a device in each
              row; keys if you have them. It is tried first, and nothing is made before you say so.
            </Text>
            <TemplateChoice templates={templates} value={choice} errors={errors} onChange={setChoice} />
            <Switch
              label={simulated ? "Simulated devices: the server sends for them" : "Real devices"}
              checked={simulated}
              onChange={(_event, { checked }) => setSimulated(checked)}
            />
            <FileDrop file={file} onFile={setFile} />
          </>
        )}
        <div role="status" className={styles.content}>
          {trial.isPending && <Spinner size="tiny" labelPosition="after" label="Trying the file …" />}
          {load.isPending && <ImportProgress toMake={toMake} templateId={choice.templateId} />}
          {report !== undefined && !load.isPending && !trial.isPending && <Report report={report} />}
        </div>
        <ServerErrorBar error={errors.rest} />
      </DialogContent>
      <DialogActions>
        <Button onClick={onClose} disabledFocusable={load.isPending} {...(isOver ? { appearance: "primary" } : {})}>
          {isOver ? "Close" : "Cancel"}
        </Button>
        {!isOver && (
          <Button
            appearance="primary"
            disabledFocusable={file === null || toMake === 0 || trial.isPending || load.isPending}
            onClick={() => {
              if (file !== null && toMake > 0 && !load.isPending) load.mutate(file);
            }}
          >
            {toMake === 0 ? "Import" : `Import ${formatCount(toMake)} ${toMake === 1 ? "device" : "devices"}`}
          </Button>
        )}
      </DialogActions>
    </DialogBody>
  );
}

function FileDrop({ file, onFile }: { readonly file: File | null; readonly onFile: (file: File) => void }) {
  const styles = useStyles();
  const input = useRef<HTMLInputElement>(null);
  const [isOver, setOver] = useState(false);
  const drop = (event: DragEvent): void => {
    event.preventDefault();
    setOver(false);
    const dropped = event.dataTransfer.files[0];
    if (dropped !== undefined) onFile(dropped);
  };
  return (
    <div
      className={mergeClasses(styles.drop, isOver && styles.over)}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={drop}
    >
      <Button icon={<ArrowUploadRegular />} onClick={() => input.current?.click()}>
        {file === null ? "Choose a file" : "Choose another file"}
      </Button>
      {file === null ? (
        <Text className={styles.quiet}>or drop it here</Text>
      ) : (
        <Text>
          <DocumentRegular /> {file.name}, {formatBytes(file.size)}
        </Text>
      )}
      <Button
        appearance="transparent"
        icon={<ArrowDownloadRegular />}
        onClick={() => downloadText("devices-to-import.csv", "text/csv", sheetTemplate)}
      >
        Example file
      </Button>
      <input
        ref={input}
        type="file"
        accept=".csv,text/csv,text/plain"
        className={styles.file}
        tabIndex={-1}
        aria-label="CSV file"
        onChange={(event) => {
          const chosen = event.target.files?.[0];
          if (chosen !== undefined) onFile(chosen);
          // So that the same file, mended, can be chosen again.
          event.target.value = "";
        }}
      />
    </div>
  );
}

/** The answer comes at the end; how far it is shows in how many devices there are. */
function ImportProgress({ toMake, templateId }: { readonly toMake: number; readonly templateId: string }) {
  const first = useRef<number>(undefined);
  const { data: total } = useQuery({
    queryKey: ["devices", "count-while-importing", templateId],
    queryFn: async () =>
      (await answerOf(api.GET("/api/v1/devices", { params: { query: { templateId, limit: 1 } } }))).total,
    refetchInterval: 1_000,
    gcTime: 0,
  });
  first.current ??= total;
  const made = Math.min(toMake, Math.max(0, (total ?? 0) - (first.current ?? 0)));
  return (
    <Field
      label="Importing …"
      validationState="none"
      validationMessage={`${formatCount(made)} of ${formatCount(toMake)} made`}
      hint="It goes on when you leave this page."
    >
      <ProgressBar value={made} max={toMake} />
    </Field>
  );
}

function Report({ report }: { readonly report: ImportReport }) {
  const styles = useStyles();
  const { dryRun, read, created, existing, failed, stopped, rows, rowsLeftOut } = report;
  const many = (count: number, one: string, more: string): string =>
    `${formatCount(count)} ${count === 1 ? one : more}`;
  return (
    <>
      <div className={styles.counts}>
        <Text weight="semibold">{many(read, "row read:", "rows read:")}</Text>
        <StateBadge tone={created > 0 ? "good" : "off"}>
          {many(created, "device", "devices")} {dryRun ? "can be made" : "made"}
        </StateBadge>
        {existing > 0 && (
          <StateBadge tone="off">
            {many(existing, "exists already: left as it is", "exist already: left as they are")}
          </StateBadge>
        )}
        {failed > 0 && <StateBadge tone="bad">{many(failed, "row is wrong", "rows are wrong")}</StateBadge>}
      </div>
      {stopped !== null && (
        <MessageBar intent="error" layout="multiline">
          <MessageBarBody>
            The file was not read to its end. {stopped.message} {stopped.hint}
          </MessageBarBody>
        </MessageBar>
      )}
      {rows.length > 0 && (
        <>
          <div className={styles.rows} tabIndex={0} role="region" aria-label="Rows that make no device">
            <table className={styles.table}>
              <thead>
                <tr>
                  <th>Row</th>
                  <th>Device id</th>
                  <th>What is wrong</th>
                </tr>
              </thead>
              <tbody>
                {rows.slice(0, rowsShown).map(({ row, deviceId, outcome, message, field, hint }) => (
                  <tr key={row}>
                    <td>{row}</td>
                    <td>{deviceId}</td>
                    <td>
                      {outcome === "exists"
                        ? "Exists already; left as it is."
                        : `${field === undefined ? "" : `${field}: `}${message} ${hint ?? ""}`}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
          <div className={styles.counts}>
            <Button
              icon={<ArrowDownloadRegular />}
              onClick={() => downloadText("devices-not-imported.csv", "text/csv", importReportSheet(rows))}
            >
              Download the report
            </Button>
            {(rows.length > rowsShown || rowsLeftOut > 0) && (
              <Text size={200} className={styles.quiet}>
                {rows.length > rowsShown && `${formatCount(rowsShown)} of ${formatCount(rows.length)} are shown here. `}
                {rowsLeftOut > 0 && `${formatCount(rowsLeftOut)} further rows are not in the report.`}
              </Text>
            )}
          </div>
        </>
      )}
    </>
  );
}
