// One device template: its versions, the editor of one of them, publishing, files, its end.

import {
  Button,
  Label,
  Menu,
  MenuItem,
  MenuList,
  MenuPopover,
  MenuTrigger,
  MessageBar,
  MessageBarActions,
  MessageBarBody,
  MessageBarTitle,
  Select,
  Text,
  makeStyles,
} from "@fluentui/react-components";
import { ArrowDownloadRegular, MoreHorizontalRegular } from "@fluentui/react-icons";
import { useMutation, useQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { api, answerOf } from "../api/client.ts";
import { invalidate } from "../api/query-client.ts";
import { formatCount } from "../parts/amounts.ts";
import { ConfirmDialog } from "../parts/confirm-dialog.tsx";
import { withSearch } from "../parts/own-path.ts";
import { PageFrame } from "../parts/page-frame.tsx";
import { LinkButton, PlainLink } from "../parts/plain-link.tsx";
import { ServerErrorBar } from "../parts/server-errors.tsx";
import { EmptyState, Shown, StateBadge } from "../parts/states.tsx";
import { TimeText } from "../parts/time-text.tsx";
import { useToast } from "../parts/toasts.tsx";
import { mayUse, useRole } from "../session/session.ts";
import { PublishDialog } from "./publish-dialog.tsx";
import type { DeviceTemplate } from "./template-draft.ts";
import { TemplateEditor } from "./template-editor.tsx";
import { deviceCountQuery, usualVersion, versionsQuery } from "./template-queries.ts";
import { RecordPreview } from "./record-preview.tsx";
import { TemplateView } from "./template-view.tsx";

const route = getRouteApi("/shell/templates/$templateId");
const useStyles = makeStyles({
  row: { display: "flex", flexWrap: "wrap", columnGap: "20px", rowGap: "8px", alignItems: "center" },
  version: { display: "flex", alignItems: "center", columnGap: "8px" },
});
const place = [{ label: "Device templates", to: "/templates" }];

export default function TemplatePage() {
  const { templateId } = route.useParams();
  const { version } = route.useSearch();
  const versions = useQuery(versionsQuery(templateId));
  if (versions.data === undefined) {
    return (
      <PageFrame title="Device template" place={place}>
        <Shown query={versions}>{() => null}</Shown>
      </PageFrame>
    );
  }
  const shown =
    version === undefined ? usualVersion(versions.data) : versions.data.find((one) => one.version === version);
  if (shown === undefined) {
    return (
      <PageFrame title="Device template" place={place}>
        <EmptyState
          title={`There is no version ${version ?? ""}`}
          action={<LinkButton to={`/templates/${encodeURIComponent(templateId)}`}>Show the newest</LinkButton>}
        >
          It may have been deleted.
        </EmptyState>
      </PageFrame>
    );
  }
  return <VersionPage key={shown.version} template={shown} versions={versions.data} />;
}

function VersionPage({
  template,
  versions,
}: {
  readonly template: DeviceTemplate;
  readonly versions: readonly DeviceTemplate[];
}) {
  const styles = useStyles();
  const navigate = useNavigate();
  const toast = useToast();
  const mayChange = mayUse(useRole(), "builder");
  const [open, setOpen] = useState<"publish" | "delete-version" | "delete-all" | null>(null);
  const [isDirty, setDirty] = useState(false);
  const { from } = route.useSearch();
  const { id: templateId, version } = template;
  const path = { templateId, version };
  const go = async (to: string, made?: string): Promise<void> =>
    await navigate({
      to: "/templates/$templateId",
      params: { templateId },
      search: { version: to, ...(made === undefined ? {} : { from: made }) },
    });
  const copy = useMutation({
    mutationFn: async () => {
      const { name, modelId, measurements, settings, properties } = template;
      const content = { name, ...(modelId === undefined ? {} : { modelId }), measurements, settings, properties };
      const { nextVersion } = await answerOf(
        api.POST("/api/v1/device-templates/{templateId}/versions/{version}/check", { params: { path }, body: content }),
      );
      return await answerOf(
        api.POST("/api/v1/device-templates/{templateId}/versions", {
          params: { path: { templateId } },
          body: { ...content, version: nextVersion },
        }),
      );
    },
    onSuccess: async (made) => {
      await invalidate("device-templates");
      toast(`Draft ${made.version} was made`);
      await go(made.version);
    },
  });
  const file = `/api/v1/device-templates/${encodeURIComponent(templateId)}/versions/${encodeURIComponent(version)}/export`;
  return (
    <PageFrame
      title={template.name}
      badge={
        <StateBadge tone={template.published ? "good" : "off"}>{template.published ? "Published" : "Draft"}</StateBadge>
      }
      place={place}
      actions={
        <>
          {/* With something unsaved, the editor's own "Save and publish" is meant. */}
          {mayChange && !template.published && !isDirty && (
            <Button appearance="primary" onClick={() => setOpen("publish")}>
              Publish
            </Button>
          )}
          <Button as="a" href={file} download icon={<ArrowDownloadRegular />}>
            Export JSON
          </Button>
          {mayChange && (
            <Menu>
              <MenuTrigger disableButtonEnhancement>
                <Button icon={<MoreHorizontalRegular />} aria-label="More" />
              </MenuTrigger>
              <MenuPopover>
                <MenuList>
                  <MenuItem onClick={() => copy.mutate()}>New version from this one</MenuItem>
                  <MenuItem onClick={() => setOpen("delete-version")}>Delete version {version} …</MenuItem>
                  <MenuItem onClick={() => setOpen("delete-all")}>Delete the template …</MenuItem>
                </MenuList>
              </MenuPopover>
            </Menu>
          )}
        </>
      }
    >
      <div className={styles.row}>
        <div className={styles.version}>
          <Label htmlFor="version">Version</Label>
          <Select id="version" value={version} onChange={(_event, { value }) => void go(value)}>
            {versions.toReversed().map((one) => (
              <option key={one.version} value={one.version}>
                {one.version} ({one.published ? "published" : "draft"})
              </option>
            ))}
          </Select>
        </div>
        <Devices template={template} />
        <Text>
          Made <TimeText time={template.createdAt} />
        </Text>
      </div>
      <ServerErrorBar error={copy.error} title="No version was made." />
      {from !== undefined && <MoveDevices template={template} from={from} />}
      {!template.published && (
        <MessageBar intent="info" layout="multiline">
          <MessageBarBody>
            A draft can be changed in any way. No device uses it and no export has it until it is published.
          </MessageBarBody>
        </MessageBar>
      )}
      {mayChange ? (
        <TemplateEditor
          template={template}
          onDirty={setDirty}
          onVersion={(made) => {
            toast(`Version ${made} was made`);
            void go(made, version);
          }}
        />
      ) : (
        <TemplateView template={template} />
      )}
      <RecordPreview template={template} />
      {open === "publish" && <PublishDialog template={template} onClose={() => setOpen(null)} />}
      <ConfirmDialog
        isOpen={open === "delete-version"}
        title={`Delete version ${version}?`}
        confirmLabel="Delete version"
        onConfirm={async () => {
          await answerOf(api.DELETE("/api/v1/device-templates/{templateId}/versions/{version}", { params: { path } }));
          await navigate(
            versions.length > 1
              ? { to: "/templates/$templateId", params: { templateId }, search: {} }
              : { to: "/templates" },
          );
          await invalidate("device-templates");
          toast(`Version ${version} was deleted`);
        }}
        onClose={() => setOpen(null)}
      >
        Version {version} of {template.name} goes for good. While a device uses it, it cannot be deleted. What was
        exported stays.
      </ConfirmDialog>
      <ConfirmDialog
        isOpen={open === "delete-all"}
        title={`Delete ${template.name}?`}
        confirmLabel="Delete device template"
        onConfirm={async () => {
          await answerOf(api.DELETE("/api/v1/device-templates/{templateId}", { params: { path: { templateId } } }));
          await navigate({ to: "/templates" });
          await invalidate("device-templates");
          toast(`${template.name} was deleted`);
        }}
        onClose={() => setOpen(null)}
      >
        {versions.length === 1 ? "Its only version goes" : `All its ${versions.length} versions go`} for good. While a
        device uses one, it cannot be deleted. What was exported stays.
      </ConfirmDialog>
    </PageFrame>
  );
}

function explorerPath(templateId: string, templateVersion: string): string {
  return withSearch("/devices", { templateId, templateVersion });
}

function Devices({ template: { id, version, published } }: { readonly template: DeviceTemplate }) {
  const count = useQuery({ ...deviceCountQuery(id, version), enabled: published });
  if (count.data === undefined) return null;
  if (count.data === 0) return <Text>No device uses it yet</Text>;
  return (
    <Text>
      Used by{" "}
      <PlainLink to={explorerPath(id, version)}>
        {count.data === 1 ? "1 device" : `${formatCount(count.data)} devices`}
      </PlainLink>
    </Text>
  );
}

/** After a breaking edit: devices stay on the version that they have until somebody moves them. */
function MoveDevices({ template, from }: { readonly template: DeviceTemplate; readonly from: string }) {
  const count = useQuery(deviceCountQuery(template.id, from));
  if (count.data === undefined || count.data === 0) return null;
  return (
    <MessageBar intent="info" layout="multiline">
      <MessageBarBody>
        <MessageBarTitle>
          {count.data === 1 ? "1 device still uses" : `${formatCount(count.data)} devices still use`} version {from}.
        </MessageBarTitle>
        {template.published
          ? `In the device explorer, select them and choose "Change version".`
          : `Publish version ${template.version}, then move them in the device explorer.`}
      </MessageBarBody>
      <MessageBarActions>
        <LinkButton to={explorerPath(template.id, from)} size="small" appearance="primary">
          Show these devices
        </LinkButton>
      </MessageBarActions>
    </MessageBar>
  );
}
