// One module of a device: its keys, what it can be told to do, its twin. What it sends is its device's, and shown there.

import { Button, Tab, TabList, makeStyles } from "@fluentui/react-components";
import { DeleteRegular } from "@fluentui/react-icons";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useState } from "react";
import { ApiError } from "../api/api-error.ts";
import { answerOf, api } from "../api/client.ts";
import { invalidate, queryClient } from "../api/query-client.ts";
import { ConfirmDialog } from "../parts/confirm-dialog.tsx";
import { PageFrame, type Place } from "../parts/page-frame.tsx";
import { Facts } from "../parts/panel.tsx";
import { LinkButton, PageLink } from "../parts/plain-link.tsx";
import { EmptyState, Shown } from "../parts/states.tsx";
import { TimeText } from "../parts/time-text.tsx";
import { useToast } from "../parts/toasts.tsx";
import { deviceQuery, shownName } from "./device-queries.ts";
import { type ModuleTab, moduleTabs } from "./device-tabs.ts";
import { KeysPanel } from "./keys-panel.tsx";
import { useMethodCalls } from "./method-calls.ts";
import { MethodPanel } from "./method-panel.tsx";
import { type Module, moduleQuery, moduleTwinQuery } from "./module-queries.ts";
import { ModuleState } from "./module-state.tsx";
import { TwinPanels } from "./twin-panels.tsx";

const route = getRouteApi("/shell/devices/$deviceId/modules/$moduleId");
const tabNames: Readonly<Record<ModuleTab, string>> = { connect: "Connect", commands: "Commands", twin: "Raw twin" };
const useStyles = makeStyles({
  tabs: { flexWrap: "wrap", marginInline: "-10px" },
  panel: { display: "flex", flexDirection: "column", rowGap: "16px", minWidth: 0 },
});

export default function ModulePage() {
  const { deviceId, moduleId } = route.useParams();
  const device = useQuery(deviceQuery(deviceId));
  const module = useQuery(moduleQuery(deviceId, moduleId));
  const devicePath = `/devices/${encodeURIComponent(deviceId)}`;
  const place: readonly Place[] = [
    { label: "Device explorer", to: "/devices" },
    { label: device.data === undefined ? deviceId : shownName(device.data), to: `${devicePath}?tab=connect` },
  ];
  if (module.error instanceof ApiError && module.error.status === 404) {
    return (
      <PageFrame title={moduleId} place={place}>
        <EmptyState title="There is no such module" action={<LinkButton to={devicePath}>To the device</LinkButton>}>
          It was deleted, or never made. What it sent while it was there stays in the exported files.
        </EmptyState>
      </PageFrame>
    );
  }
  if (module.data === undefined) {
    return (
      <PageFrame title={moduleId} place={place}>
        <Shown query={module}>{() => null}</Shown>
      </PageFrame>
    );
  }
  const isBlocked = device.data?.enabled === false;
  return <OneModule key={`${deviceId}/${moduleId}`} module={module.data} isBlocked={isBlocked} place={place} />;
}

function OneModule({
  module,
  isBlocked,
  place,
}: {
  readonly module: Module;
  /** Whether its device is. */
  readonly isBlocked: boolean;
  readonly place: readonly Place[];
}) {
  const styles = useStyles();
  const { tab = "connect" } = route.useSearch();
  const navigate = route.useNavigate();
  const { deviceId, id: moduleId, generationId, createdAt } = module;
  // Here, so that they are still there after a look at another tab.
  const calls = useMethodCalls(deviceId, moduleId);
  return (
    <PageFrame
      title={moduleId}
      badge={<ModuleState module={module} />}
      place={place}
      actions={<DeleteModule module={module} />}
    >
      <Facts
        items={[
          {
            name: "Device",
            value: (
              <PageLink to="/devices/$deviceId" params={{ deviceId }}>
                {deviceId}
              </PageLink>
            ),
          },
          { name: "Created", value: <TimeText time={createdAt} /> },
          { name: "Generation", value: generationId },
        ]}
      />
      <TabList
        className={styles.tabs}
        selectedValue={tab}
        onTabSelect={(_event, { value }) => void navigate({ search: { tab: value as ModuleTab }, replace: true })}
      >
        {moduleTabs.map((one) => (
          <Tab key={one} value={one}>
            {tabNames[one]}
          </Tab>
        ))}
      </TabList>
      <div role="tabpanel" aria-label={tabNames[tab]} className={styles.panel}>
        {tab === "connect" && <Keys module={module} />}
        {tab === "commands" && (
          <MethodPanel
            about="Asks the module to do something now, and waits for its answer. Only a connected module can be asked."
            whyNot={whyNot(module, isBlocked)}
            calls={calls}
          />
        )}
        {tab === "twin" && <Twin module={module} />}
      </div>
    </PageFrame>
  );
}

function whyNot({ connected }: Module, isBlocked: boolean): string | null {
  if (isBlocked) return "Its device is blocked, so it cannot be connected. Unblock the device on its page.";
  if (!connected)
    return "The module is not connected now. Give it seconds to connect, and it is asked as soon as it is there.";
  return null;
}

function Keys({ module: { deviceId, id: moduleId } }: { readonly module: Module }) {
  const path = { params: { path: { deviceId, moduleId } } };
  return (
    <KeysPanel
      one="module"
      read={async () => await answerOf(api.GET("/api/v1/devices/{deviceId}/modules/{moduleId}/credentials", path))}
      renew={async (regenerate) => {
        await answerOf(
          api.PUT("/api/v1/devices/{deviceId}/modules/{moduleId}/keys", { ...path, body: { regenerate } }),
        );
      }}
    />
  );
}

function Twin({ module: { deviceId, id: moduleId } }: { readonly module: Module }) {
  const twin = useQuery(moduleTwinQuery(deviceId, moduleId));
  return (
    <Shown query={twin}>
      {({ desired, reported }) => (
        <TwinPanels
          one="module"
          desired={desired}
          reported={reported}
          save={async (patch) => {
            const saved = await answerOf(
              api.PATCH("/api/v1/devices/{deviceId}/modules/{moduleId}/twin", {
                params: { path: { deviceId, moduleId } },
                body: { desired: patch },
              }),
            );
            queryClient.setQueryData(moduleTwinQuery(deviceId, moduleId).queryKey, saved);
            await invalidate("devices");
          }}
        />
      )}
    </Shown>
  );
}

function DeleteModule({ module: { deviceId, id: moduleId } }: { readonly module: Module }) {
  const toast = useToast();
  const navigate = route.useNavigate();
  const [isAsked, setAsked] = useState(false);
  return (
    <>
      <Button icon={<DeleteRegular />} onClick={() => setAsked(true)}>
        Delete
      </Button>
      <ConfirmDialog
        isOpen={isAsked}
        title={`Delete ${moduleId}?`}
        confirmLabel="Delete module"
        onClose={() => setAsked(false)}
        onConfirm={async () => {
          await answerOf(
            api.DELETE("/api/v1/devices/{deviceId}/modules/{moduleId}", { params: { path: { deviceId, moduleId } } }),
          );
          await navigate({ to: "/devices/$deviceId", params: { deviceId }, search: { tab: "connect" } });
          await invalidate("devices");
          toast("The module is deleted");
        }}
      >
        Its connection is closed, and its keys and its twin are gone for good. What it sent stays, and is exported.
      </ConfirmDialog>
    </>
  );
}
