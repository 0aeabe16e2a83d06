// One export: how it is and what to do, its settings and audit, what it wrote, and the files themselves.

import {
  Button,
  Menu,
  MenuItem,
  MenuList,
  MenuPopover,
  MenuTrigger,
  Tab,
  TabList,
  Tooltip,
  makeStyles,
} from "@fluentui/react-components";
import { ArrowClockwiseRegular, EditRegular, MoreHorizontalRegular } from "@fluentui/react-icons";
import { useMutation, useQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { answerOf, api } from "../api/client.ts";
import { invalidate } from "../api/query-client.ts";
import { ConfirmDialog } from "../parts/confirm-dialog.tsx";
import { Facts, Panel } from "../parts/panel.tsx";
import { PageFrame } from "../parts/page-frame.tsx";
import { LinkButton } from "../parts/plain-link.tsx";
import { ServerErrorBar } from "../parts/server-errors.tsx";
import { Shown } from "../parts/states.tsx";
import { useToast } from "../parts/toasts.tsx";
import { AuditPanel } from "./audit-panel.tsx";
import { DiscardDialog } from "./discard-dialog.tsx";
import { type Export, exportQuery } from "./export-queries.ts";
import { type ExportTab, exportTabs } from "./export-search.ts";
import { AuditAlarm, ExportAdvice, ExportStateBadge, useProgressFacts } from "./export-state.tsx";
import { ExportSwitch } from "./export-switch.tsx";
import { FileBrowser } from "./file-browser.tsx";
import { GapsPanel } from "./gaps-panel.tsx";
import { LastFileLink } from "./file-link.tsx";
import { RunHistory } from "./run-history.tsx";
import { SettingsPanel } from "./settings-panel.tsx";

const route = getRouteApi("/shell/admin/exports/$exportId");
const useStyles = makeStyles({ column: { display: "flex", flexDirection: "column", rowGap: "16px", minWidth: 0 } });
const tabNames: Readonly<Record<ExportTab, string>> = {
  overview: "Overview",
  history: "Run history",
  files: "Files",
};
const place = [{ label: "Continuous Data Export", to: "/admin/exports" }];

export default function ExportPage() {
  const { exportId } = route.useParams();
  const one = useQuery(exportQuery(exportId));
  if (one.data === undefined) {
    return (
      <PageFrame title="Export" place={place}>
        <Shown query={one}>{() => null}</Shown>
      </PageFrame>
    );
  }
  return <Loaded key={exportId} one={one.data} />;
}

function Loaded({ one }: { readonly one: Export }) {
  const styles = useStyles();
  const navigate = useNavigate();
  const { tab = "overview" } = route.useSearch();
  const { exportId } = route.useParams();
  return (
    <PageFrame
      title={one.name}
      place={place}
      badge={<ExportStateBadge state={one.status.state} />}
      actions={<Actions one={one} />}
    >
      <StatePanel one={one} />
      <TabList
        selectedValue={tab}
        onTabSelect={(_event, { value }) =>
          void navigate({
            to: "/admin/exports/$exportId",
            params: { exportId },
            search: value === "overview" ? {} : { tab: value as ExportTab },
          })
        }
      >
        {exportTabs.map((id) => (
          <Tab key={id} value={id} id={`tab-${id}`}>
            {tabNames[id]}
          </Tab>
        ))}
      </TabList>
      <div role="tabpanel" aria-labelledby={`tab-${tab}`} className={styles.column}>
        {tab === "history" ? (
          <RunHistory exportId={one.id} />
        ) : tab === "files" ? (
          <FileBrowser one={one} />
        ) : (
          <>
            <SettingsPanel one={one} />
            <AuditPanel one={one} />
            <GapsPanel exportId={one.id} />
          </>
        )}
      </div>
    </PageFrame>
  );
}

function StatePanel({ one }: { readonly one: Export }) {
  const facts = useProgressFacts(one);
  return (
    <Panel title="How it is" actions={<ExportSwitch one={one} />}>
      <AuditAlarm one={one} />
      <ExportAdvice one={one} />
      <Facts
        items={[
          ...facts,
          ...(one.status.lastFile === null
            ? []
            : [{ name: "Newest file", value: <LastFileLink one={one} />, isWide: true }]),
        ]}
      />
    </Panel>
  );
}

function Actions({ one }: { readonly one: Export }) {
  const toast = useToast();
  const navigate = useNavigate();
  const [dialog, setDialog] = useState<"discard" | "delete" | null>(null);
  const exportId = one.id;
  const params = { params: { path: { exportId } } };
  const { state, owedFiles } = one.status;
  const retry = useMutation({
    mutationFn: async () => {
      await answerOf(api.POST("/api/v1/exports/{exportId}/retry", params));
      await invalidate("exports");
    },
    onSuccess: () => toast("It is tried again now"),
  });
  const isStuck = state === "retrying" || state === "stopped";
  return (
    <>
      {isStuck && (
        <Button
          appearance="primary"
          icon={<ArrowClockwiseRegular />}
          onClick={() => retry.mutate()}
          disabledFocusable={retry.isPending}
        >
          Retry now
        </Button>
      )}
      <LinkButton to={`/admin/exports/${encodeURIComponent(exportId)}/edit`} icon={<EditRegular />}>
        Edit
      </LinkButton>
      <Menu>
        <MenuTrigger disableButtonEnhancement>
          <Tooltip content="More actions" relationship="label">
            <Button icon={<MoreHorizontalRegular />} />
          </Tooltip>
        </MenuTrigger>
        <MenuPopover>
          <MenuList>
            {!isStuck && <MenuItem onClick={() => retry.mutate()}>Try now</MenuItem>}
            <MenuItem onClick={() => setDialog("discard")} disabled={owedFiles === 0}>
              Discard backlog …
            </MenuItem>
            <MenuItem onClick={() => setDialog("delete")}>Delete …</MenuItem>
          </MenuList>
        </MenuPopover>
      </Menu>
      <ServerErrorBar error={retry.error} />
      <DiscardDialog one={one} isOpen={dialog === "discard"} onClose={() => setDialog(null)} />
      <ConfirmDialog
        isOpen={dialog === "delete"}
        title={`Delete ${one.name}?`}
        confirmLabel="Delete export"
        typeToConfirm={one.name}
        onConfirm={async () => {
          await answerOf(api.DELETE("/api/v1/exports/{exportId}", params));
          toast(`${one.name} is deleted`);
          await navigate({ to: "/admin/exports" });
          await invalidate("exports");
        }}
        onClose={() => setDialog(null)}
      >
        Its settings, history and audit are deleted. The files that it wrote stay where they are. It must be off and owe
        no file.
      </ConfirmDialog>
    </>
  );
}
