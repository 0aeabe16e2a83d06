// Modules of a device: identities of their own within it, each with a page of its own.

import { Button, Text, makeStyles, tokens } from "@fluentui/react-components";
import { AddRegular } from "@fluentui/react-icons";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { answerOf, api } from "../api/client.ts";
import { invalidate } from "../api/query-client.ts";
import { type Column, DataTable } from "../parts/data-table.tsx";
import { FormDialog } from "../parts/form-dialog.tsx";
import { Panel } from "../parts/panel.tsx";
import { PageLink } from "../parts/plain-link.tsx";
import { useServerErrors } from "../parts/server-errors.tsx";
import { Shown } from "../parts/states.tsx";
import { TextField } from "../parts/text-field.tsx";
import { TimeText } from "../parts/time-text.tsx";
import { useToast } from "../parts/toasts.tsx";
import { type Module, modulesQuery } from "./module-queries.ts";
import { ModuleState } from "./module-state.tsx";

const useStyles = makeStyles({ quiet: { color: tokens.colorNeutralForeground3 } });

const columns: readonly Column<Module>[] = [
  {
    id: "id",
    title: "Module",
    isHeading: true,
    cell: ({ deviceId, id: moduleId }) => (
      <PageLink to="/devices/$deviceId/modules/$moduleId" params={{ deviceId, moduleId }}>
        {moduleId}
      </PageLink>
    ),
  },
  { id: "state", title: "State", cell: (module) => <ModuleState module={module} /> },
  { id: "createdAt", title: "Made", cell: ({ createdAt }) => <TimeText time={createdAt} /> },
];

export function ModulesPanel({ deviceId }: { readonly deviceId: string }) {
  const styles = useStyles();
  const modules = useQuery(modulesQuery(deviceId));
  const [isAdding, setAdding] = useState(false);
  return (
    <Panel
      title="Modules"
      about="Identities of their own within this device, as for several programs on it: each with its keys, its commands, its twin and its connection. Most devices have none."
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
            <DataTable label="Modules" columns={columns} rows={items} keyOf={({ id }) => id} />
          )
        }
      </Shown>
      {isAdding && <NewModuleDialog deviceId={deviceId} onClose={() => setAdding(false)} />}
    </Panel>
  );
}

function NewModuleDialog({ deviceId, onClose }: { readonly deviceId: string; readonly onClose: () => void }) {
  const toast = useToast();
  const navigate = useNavigate();
  const [id, setId] = useState("");
  const make = useMutation({
    mutationFn: async () => {
      const moduleId = id.trim();
      await answerOf(
        api.POST("/api/v1/devices/{deviceId}/modules", { params: { path: { deviceId } }, body: { id: moduleId } }),
      );
      await invalidate("devices");
      toast(`The module ${moduleId} is made`);
      // Its keys are what one needs next.
      await navigate({ to: "/devices/$deviceId/modules/$moduleId", params: { deviceId, moduleId } });
    },
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
      <TextField
        label="Id"
        required
        autoFocus
        hint="What the module calls itself; it stays."
        errors={errors}
        field="id"
        text={id}
        onChange={setId}
      />
    </FormDialog>
  );
}
