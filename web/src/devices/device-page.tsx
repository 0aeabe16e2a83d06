// One device: what it measures, its settings and properties, how it connects, what it said last.

import {
  Button,
  Menu,
  MenuItem,
  MenuList,
  MenuPopover,
  MenuTrigger,
  Tab,
  TabList,
  makeStyles,
} from "@fluentui/react-components";
import {
  ArrowSwapRegular,
  DeleteRegular,
  EditRegular,
  LockClosedRegular,
  LockOpenRegular,
  MoreHorizontalRegular,
} from "@fluentui/react-icons";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { Suspense, lazy, useState } from "react";
import { ApiError } from "../api/api-error.ts";
import { answerOf, api } from "../api/client.ts";
import { invalidate } from "../api/query-client.ts";
import { ConfirmDialog } from "../parts/confirm-dialog.tsx";
import { PageFrame } from "../parts/page-frame.tsx";
import { Facts } from "../parts/panel.tsx";
import { LinkButton, PageLink } from "../parts/plain-link.tsx";
import { EmptyState, Loading, Shown } from "../parts/states.tsx";
import { TimeText } from "../parts/time-text.tsx";
import { useToast } from "../parts/toasts.tsx";
import { type Device, type DeviceTemplate, deviceQuery, shownName, templateQuery } from "./device-queries.ts";
import { DeviceState } from "./device-state.tsx";
import type { DeviceTab } from "./device-tabs.ts";
import { useMethodCalls } from "./method-calls.ts";
import { MoveDeviceDialog } from "./move-device-dialog.tsx";
import { RenameDeviceDialog } from "./rename-device-dialog.tsx";

const MeasurementsTab = lazy(async () => await import("./measurements-tab.tsx"));
const ValuesTab = lazy(async () => await import("./values-tab.tsx"));
const CommandsTab = lazy(async () => await import("./commands-tab.tsx"));
const ConnectTab = lazy(async () => await import("./connect-tab.tsx"));
const TwinTab = lazy(async () => await import("./twin-tab.tsx"));
const RawTab = lazy(async () => await import("./raw-tab.tsx"));

const tabNames: Readonly<Record<DeviceTab, string>> = {
  measurements: "Measurements",
  values: "Properties and settings",
  commands: "Commands",
  connect: "Connect",
  twin: "Raw twin",
  raw: "Raw data",
};
const place = [{ label: "Device explorer", to: "/devices" }];
const route = getRouteApi("/shell/devices/$deviceId");
const useStyles = makeStyles({
  tabs: { flexWrap: "wrap", marginInline: "-10px" },
  panel: { display: "flex", flexDirection: "column", rowGap: "16px", minWidth: 0 },
});

export default function DevicePage() {
  const { deviceId } = route.useParams();
  const device = useQuery(deviceQuery(deviceId));
  const template = useQuery({
    ...templateQuery(device.data?.templateId ?? "", device.data?.templateVersion ?? ""),
    enabled: device.data !== undefined,
  });
  if (device.error instanceof ApiError && device.error.status === 404) {
    return (
      <PageFrame title={deviceId} place={place}>
        <EmptyState
          title="There is no such device"
          action={<LinkButton to="/devices">To the device explorer</LinkButton>}
        >
          It was deleted, or never made. What it sent while it was there stays in the exported files.
        </EmptyState>
      </PageFrame>
    );
  }
  if (device.data === undefined) {
    return (
      <PageFrame title={deviceId} place={place}>
        <Shown query={device}>{() => null}</Shown>
      </PageFrame>
    );
  }
  // Anew for each device: drafts and messages of one never show up at another.
  return <OneDevice key={deviceId} device={device.data} template={template.data} templateQuery={template} />;
}

function OneDevice({
  device,
  template,
  templateQuery: query,
}: {
  readonly device: Device;
  readonly template: DeviceTemplate | undefined;
  readonly templateQuery: Parameters<typeof Shown<DeviceTemplate>>[0]["query"];
}) {
  const styles = useStyles();
  const { tab = "measurements" } = route.useSearch();
  const navigate = route.useNavigate();
  const { id, templateId, templateVersion, generationId, createdAt } = device;
  // Here, so that they are still there after a look at another tab.
  const calls = useMethodCalls(id);
  return (
    <PageFrame
      title={shownName(device)}
      badge={<DeviceState device={device} />}
      place={place}
      actions={<DeviceActions device={device} />}
    >
      <Facts
        items={[
          { name: "Id", value: id },
          {
            name: "Template",
            value: (
              <>
                <PageLink to="/templates/$templateId" params={{ templateId }}>
                  {template?.name ?? templateId}
                </PageLink>{" "}
                {templateVersion}
              </>
            ),
          },
          { name: "Created", value: <TimeText time={createdAt} /> },
          { name: "Generation", value: generationId },
        ]}
      />
      <TabList
        className={styles.tabs}
        selectedValue={tab}
        onTabSelect={(_event, { value }) => void navigate({ search: { tab: value as DeviceTab }, replace: true })}
      >
        {Object.entries(tabNames).map(([value, label]) => (
          <Tab key={value} value={value}>
            {label}
          </Tab>
        ))}
      </TabList>
      <div role="tabpanel" aria-label={tabNames[tab]} className={styles.panel}>
        <Suspense fallback={<Loading />}>
          {tab === "measurements" && (
            <Shown query={query}>{(known) => <MeasurementsTab device={device} template={known} />}</Shown>
          )}
          {tab === "values" && (
            <Shown query={query}>{(known) => <ValuesTab key={known.version} device={device} template={known} />}</Shown>
          )}
          {tab === "commands" && <CommandsTab device={device} calls={calls} />}
          {tab === "connect" && <ConnectTab device={device} />}
          {tab === "twin" && <TwinTab device={device} />}
          {tab === "raw" && <RawTab device={device} />}
        </Suspense>
      </div>
    </PageFrame>
  );
}

function DeviceActions({
  device: { id, name, enabled, simulated, templateId, templateVersion, etag },
}: {
  readonly device: Device;
}) {
  const toast = useToast();
  const navigate = useNavigate();
  const [dialog, setDialog] = useState<"rename" | "move" | "access" | "delete" | null>(null);
  const close = (): void => setDialog(null);
  const path = { params: { path: { deviceId: id } } };
  return (
    <>
      <Button icon={<EditRegular />} onClick={() => setDialog("rename")}>
        Rename
      </Button>
      <Menu>
        <MenuTrigger disableButtonEnhancement>
          <Button icon={<MoreHorizontalRegular />}>More</Button>
        </MenuTrigger>
        <MenuPopover>
          <MenuList>
            <MenuItem icon={<ArrowSwapRegular />} onClick={() => setDialog("move")}>
              Move to another version
            </MenuItem>
            <MenuItem icon={enabled ? <LockClosedRegular /> : <LockOpenRegular />} onClick={() => setDialog("access")}>
              {enabled ? "Block" : "Unblock"}
            </MenuItem>
            <MenuItem icon={<DeleteRegular />} onClick={() => setDialog("delete")}>
              Delete
            </MenuItem>
          </MenuList>
        </MenuPopover>
      </Menu>
      {dialog === "rename" && <RenameDeviceDialog deviceId={id} name={name} etag={etag} onClose={close} />}
      <MoveDeviceDialog
        isOpen={dialog === "move"}
        deviceId={id}
        templateId={templateId}
        templateVersion={templateVersion}
        onClose={close}
      />
      <ConfirmDialog
        isOpen={dialog === "access"}
        title={enabled ? `Block ${name}?` : `Unblock ${name}?`}
        confirmLabel={enabled ? "Block" : "Unblock"}
        onClose={close}
        onConfirm={async () => {
          await answerOf(api.PATCH("/api/v1/devices/{deviceId}", { ...path, body: { enabled: !enabled } }));
          await invalidate("devices");
          toast(enabled ? "Blocked" : "Unblocked");
        }}
      >
        {enabled
          ? simulated
            ? "The server stops sending for it until you unblock it. What it sent stays."
            : "Its connection is closed and it is refused until you unblock it. What it sent stays; what it was about to send it will try to send again."
          : "It may connect and send again."}
      </ConfirmDialog>
      <ConfirmDialog
        isOpen={dialog === "delete"}
        title={`Delete ${name}?`}
        confirmLabel="Delete device"
        typeToConfirm={id}
        onClose={close}
        onConfirm={async () => {
          await answerOf(api.DELETE("/api/v1/devices/{deviceId}", path));
          await navigate({ to: "/devices", search: {} });
          await invalidate("devices");
          toast("Device deleted");
        }}
      >
        Its connection is closed, and its keys, settings and properties are gone for good. What it sent stays, and is
        exported. A device made later under this id is another one, of a later generation.
      </ConfirmDialog>
    </>
  );
}
