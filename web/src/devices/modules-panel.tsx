// Modules of a device: identities of their own within it, with keys and a twin.

import {
  Button,
  Input,
  Menu,
  MenuItem,
  MenuList,
  MenuPopover,
  MenuTrigger,
  Text,
  Tooltip,
  makeStyles,
  tokens,
} from "@fluentui/react-components";
import { AddRegular, DeleteRegular, KeyRegular, MoreHorizontalRegular, OpenRegular } from "@fluentui/react-icons";
import { queryOptions, useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { type Schema, answerOf, api } from "../api/client.ts";
import { invalidate } from "../api/query-client.ts";
import { CodeBlock } from "../parts/code-tabs.tsx";
import { ConfirmDialog } from "../parts/confirm-dialog.tsx";
import { SecretReveal } from "../parts/copy-box.tsx";
import { type Column, DataTable } from "../parts/data-table.tsx";
import { FormDialog, NoteDialog } from "../parts/form-dialog.tsx";
import { writtenJson } from "../parts/json-text.ts";
import { Panel } from "../parts/panel.tsx";
import { FormField, useServerErrors } from "../parts/server-errors.tsx";
import { Shown, StateBadge } from "../parts/states.tsx";
import { TimeText } from "../parts/time-text.tsx";
import { useToast } from "../parts/toasts.tsx";

type Module = Schema<"Module">;
type Which = "primary" | "secondary";
type Asked = { readonly act: "keys" | "twin" | "delete"; readonly moduleId: string } | null;

/** Connections open and close without telling; who looks at them is told this often. */
const connectedMs = 15_000;

function modulesQuery(deviceId: string) {
  return queryOptions({
    queryKey: ["devices", "modules", deviceId],
    queryFn: async () =>
      (await answerOf(api.GET("/api/v1/devices/{deviceId}/modules", { params: { path: { deviceId } } }))).items,
    refetchInterval: connectedMs,
  });
}

function moduleTwinQuery(deviceId: string, moduleId: string) {
  return queryOptions({
    queryKey: ["devices", "module-twin", deviceId, moduleId],
    queryFn: async () =>
      await answerOf(
        api.GET("/api/v1/devices/{deviceId}/modules/{moduleId}/twin", { params: { path: { deviceId, moduleId } } }),
      ),
  });
}

const useStyles = makeStyles({
  quiet: { color: tokens.colorNeutralForeground3 },
  stack: { display: "flex", flexDirection: "column", rowGap: "12px", minWidth: 0 },
  buttons: { display: "flex", flexWrap: "wrap", gap: "8px" },
});

export function ModulesPanel({ deviceId }: { readonly deviceId: string }) {
  const styles = useStyles();
  const modules = useQuery(modulesQuery(deviceId));
  const [isAdding, setAdding] = useState(false);
  const [asked, setAsked] = useState<Asked>(null);
  const close = (): void => setAsked(null);
  return (
    <Panel
      title="Modules"
      about="Identities of their own within this device, as for several programs on it: each with its keys, its twin and its connection. Most devices have none."
      actions={
        <Button size="small" icon={<AddRegular />} onClick={() => setAdding(true)}>
          New module
        </Button>
      }
    >
      <Shown query={modules}>
        {(items) =>
          items.length === 0 ? (
            <Text className={styles.quiet}>This device has no modules.</Text>
          ) : (
            <DataTable label="Modules" columns={columnsOf(setAsked)} rows={items} keyOf={({ id }) => id} />
          )
        }
      </Shown>
      {isAdding && <NewModuleDialog deviceId={deviceId} onClose={() => setAdding(false)} />}
      {asked?.act === "keys" && <ModuleKeys deviceId={deviceId} moduleId={asked.moduleId} onClose={close} />}
      {asked?.act === "twin" && <ModuleTwin deviceId={deviceId} moduleId={asked.moduleId} onClose={close} />}
      <DeleteModule deviceId={deviceId} moduleId={asked?.act === "delete" ? asked.moduleId : null} onClose={close} />
    </Panel>
  );
}

function columnsOf(ask: (asked: Asked) => void): readonly Column<Module>[] {
  return [
    { id: "id", title: "Module", isHeading: true, cell: ({ id }) => id },
    {
      id: "state",
      title: "State",
      cell: ({ connected }) => (
        <StateBadge tone={connected ? "good" : "off"}>{connected ? "Connected" : "Not connected"}</StateBadge>
      ),
    },
    { id: "createdAt", title: "Made", cell: ({ createdAt }) => <TimeText time={createdAt} /> },
    {
      id: "acts",
      title: "",
      isPlain: true,
      cell: ({ id }) => (
        <Menu>
          <MenuTrigger disableButtonEnhancement>
            <Tooltip content={`More about ${id}`} relationship="label">
              <Button appearance="subtle" size="small" icon={<MoreHorizontalRegular />} />
            </Tooltip>
          </MenuTrigger>
          <MenuPopover>
            <MenuList>
              <MenuItem icon={<KeyRegular />} onClick={() => ask({ act: "keys", moduleId: id })}>
                Keys
              </MenuItem>
              <MenuItem icon={<OpenRegular />} onClick={() => ask({ act: "twin", moduleId: id })}>
                Twin
              </MenuItem>
              <MenuItem icon={<DeleteRegular />} onClick={() => ask({ act: "delete", moduleId: id })}>
                Delete
              </MenuItem>
            </MenuList>
          </MenuPopover>
        </Menu>
      ),
    },
  ];
}

function NewModuleDialog({ deviceId, onClose }: { readonly deviceId: string; readonly onClose: () => void }) {
  const toast = useToast();
  const [id, setId] = useState("");
  const make = useMutation({
    mutationFn: async () => {
      await answerOf(
        api.POST("/api/v1/devices/{deviceId}/modules", { params: { path: { deviceId } }, body: { id: id.trim() } }),
      );
      await invalidate("devices");
      toast(`The module ${id.trim()} is made`);
    },
    onSuccess: onClose,
  });
  const errors = useServerErrors(make.error, ["id"]);
  return (
    <FormDialog
      title="New module"
      submitLabel="Make module"
      isBusy={make.isPending}
      error={errors.rest}
      onSubmit={make.mutate}
      onClose={onClose}
    >
      <FormField label="Id" required hint="What the module calls itself; it stays." errors={errors} field="id">
        <Input
          value={id}
          autoComplete="off"
          autoFocus
          spellCheck={false}
          onChange={(_event, { value }) => setId(value)}
        />
      </FormField>
    </FormDialog>
  );
}

interface OneModule {
  readonly deviceId: string;
  readonly moduleId: string;
  readonly onClose: () => void;
}

function ModuleKeys({ deviceId, moduleId, onClose }: OneModule) {
  const styles = useStyles();
  const toast = useToast();
  const [renewing, setRenewing] = useState<Which | null>(null);
  /** Grows with each new key: what was shown of the former one is hidden. */
  const [renewals, setRenewals] = useState(0);
  const path = { params: { path: { deviceId, moduleId } } };
  const read = async () => await answerOf(api.GET("/api/v1/devices/{deviceId}/modules/{moduleId}/credentials", path));
  return (
    <NoteDialog title={`Keys of ${moduleId}`} closeLabel="Close" onClose={onClose}>
      <div key={renewals} className={styles.stack}>
        {(["primary", "secondary"] as const).map((which) => {
          const title = which === "primary" ? "Primary" : "Secondary";
          return (
            <div key={which} className={styles.stack}>
              <SecretReveal label={`${title} key`} reveal={async () => (await read())[`${which}Key`]} />
              <SecretReveal
                label={`${title} connection string`}
                reveal={async () => (await read())[`${which}ConnectionString`]}
              />
            </div>
          );
        })}
      </div>
      <div className={styles.buttons}>
        <Button size="small" onClick={() => setRenewing("primary")}>
          Regenerate primary key
        </Button>
        <Button size="small" onClick={() => setRenewing("secondary")}>
          Regenerate secondary key
        </Button>
      </div>
      <ConfirmDialog
        isOpen={renewing !== null}
        title={`Regenerate the ${renewing} key of ${moduleId}?`}
        confirmLabel="Regenerate"
        onClose={() => setRenewing(null)}
        onConfirm={async () => {
          if (renewing === null) return;
          await answerOf(
            api.PUT("/api/v1/devices/{deviceId}/modules/{moduleId}/keys", {
              ...path,
              body: { regenerate: renewing },
            }),
          );
          setRenewals(renewals + 1);
          toast(`The ${renewing} key is a new one`);
        }}
      >
        The old {renewing} key stops working at once, and the module&apos;s connection is closed.
      </ConfirmDialog>
    </NoteDialog>
  );
}

function ModuleTwin({ deviceId, moduleId, onClose }: OneModule) {
  const styles = useStyles();
  const twin = useQuery(moduleTwinQuery(deviceId, moduleId));
  return (
    <NoteDialog title={`Twin of ${moduleId}`} closeLabel="Close" onClose={onClose}>
      <Shown query={twin}>
        {({ desired, reported }) => (
          <div className={styles.stack}>
            <Text weight="semibold">Desired properties, version {desired.version}</Text>
            <CodeBlock text={writtenJson(desired.content)} label="Desired properties" />
            <Text weight="semibold">Reported properties, version {reported.version}</Text>
            <CodeBlock text={writtenJson(reported.content)} label="Reported properties" />
          </div>
        )}
      </Shown>
    </NoteDialog>
  );
}

function DeleteModule({
  deviceId,
  moduleId,
  onClose,
}: Omit<OneModule, "moduleId"> & { readonly moduleId: string | null }) {
  const toast = useToast();
  return (
    <ConfirmDialog
      isOpen={moduleId !== null}
      title={`Delete ${moduleId ?? ""}?`}
      confirmLabel="Delete module"
      onClose={onClose}
      onConfirm={async () => {
        if (moduleId === null) return;
        await answerOf(
          api.DELETE("/api/v1/devices/{deviceId}/modules/{moduleId}", { params: { path: { deviceId, moduleId } } }),
        );
        await invalidate("devices");
        toast("The module is deleted");
      }}
    >
      Its connection is closed, and its keys and its twin are gone for good. What it sent stays, and is exported.
    </ConfirmDialog>
  );
}
