// A new device, real or simulated; afterwards, how it connects.

import {
  Button,
  Dialog,
  DialogActions,
  DialogBody,
  DialogContent,
  DialogSurface,
  DialogTitle,
  Input,
  Radio,
  RadioGroup,
  Text,
  makeStyles,
} from "@fluentui/react-components";
import { useMutation } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { answerOf, api } from "../api/client.ts";
import { invalidate } from "../api/query-client.ts";
import { CopyBox, SecretReveal } from "../parts/copy-box.tsx";
import { FormDialog } from "../parts/form-dialog.tsx";
import { FormField, useServerErrors } from "../parts/server-errors.tsx";
import { credentialsOf } from "./credentials.ts";
import type { Device, DeviceTemplate } from "./device-queries.ts";
import { TemplateChoice, firstChoice } from "../templates/template-choice.tsx";

const useStyles = makeStyles({ made: { display: "flex", flexDirection: "column", rowGap: "14px" } });

interface NewDeviceDialogProps {
  /** Published ones. */
  readonly templates: readonly DeviceTemplate[];
  readonly onClose: () => void;
}

export function NewDeviceDialog({ templates, onClose }: NewDeviceDialogProps) {
  const [made, setMade] = useState<Device | null>(null);
  if (made !== null) return <Made device={made} onClose={onClose} onAnother={() => setMade(null)} />;
  return <NewDeviceForm templates={templates} onClose={onClose} onMade={setMade} />;
}

function NewDeviceForm({
  templates,
  onClose,
  onMade,
}: Pick<NewDeviceDialogProps, "templates" | "onClose"> & { readonly onMade: (device: Device) => void }) {
  const [choice, setChoice] = useState(() => firstChoice(templates));
  const [simulated, setSimulated] = useState(false);
  const [id, setId] = useState("");
  const [name, setName] = useState("");
  const create = useMutation({
    mutationFn: async () =>
      await answerOf(
        api.POST("/api/v1/devices", {
          body: {
            ...choice,
            simulated,
            ...(id.trim() === "" ? {} : { id: id.trim() }),
            ...(name.trim() === "" ? {} : { name: name.trim() }),
          },
        }),
      ),
    onSuccess: (device) => {
      void invalidate("devices");
      onMade(device);
    },
  });
  const errors = useServerErrors(create.error, ["templateId", "templateVersion", "id", "name"]);
  return (
    <FormDialog
      title="New device"
      submitLabel="Make device"
      busyLabel="Making …"
      isBusy={create.isPending}
      error={errors.rest}
      onSubmit={create.mutate}
      onClose={onClose}
    >
      <RadioGroup
        aria-label="Kind"
        layout="horizontal"
        value={simulated ? "simulated" : "real"}
        onChange={(_event, { value }) => setSimulated(value === "simulated")}
      >
        <Radio value="real" label="Real: it connects with its key" />
        <Radio value="simulated" label="Simulated: the server sends for it" />
      </RadioGroup>
      <TemplateChoice templates={templates} value={choice} errors={errors} onChange={setChoice} />
      <FormField label="Name" hint="What people see. The id when left empty." errors={errors} field="name">
        <Input value={name} onChange={(_event, { value }) => setName(value)} autoComplete="off" />
      </FormField>
      <FormField
        label="Id"
        hint="What the device calls itself; it stays. 1 to 128 letters, digits and - : . + % _ # * ? ! ( ) , = @ $ ' A made-up one when left empty."
        errors={errors}
        field="id"
      >
        <Input value={id} onChange={(_event, { value }) => setId(value)} autoComplete="off" spellCheck={false} />
      </FormField>
    </FormDialog>
  );
}

function Made({
  device: { id, name, simulated },
  onClose,
  onAnother,
}: {
  readonly device: Device;
  readonly onClose: () => void;
  readonly onAnother: () => void;
}) {
  const styles = useStyles();
  const navigate = useNavigate();
  const open = (tab: "measurements" | "connect"): void => {
    onClose();
    void navigate({ to: "/devices/$deviceId", params: { deviceId: id }, search: { tab } });
  };
  return (
    <Dialog open onOpenChange={(_event, { open: isOpen }) => isOpen || onClose()}>
      <DialogSurface>
        <DialogBody>
          <DialogTitle>{name} is made</DialogTitle>
          <DialogContent className={styles.made}>
            <CopyBox label="Device id" text={id} />
            {simulated ? (
              <Text>The server sends for it from now on. Its page shows what arrives, live.</Text>
            ) : (
              <>
                <Text>
                  Give the device this connection string: it holds the hub&apos;s name, the id and the key. Its page has
                  it too, with ready code in four languages.
                </Text>
                <SecretReveal
                  label="Primary connection string"
                  reveal={async () => (await credentialsOf(id)).primaryConnectionString}
                />
              </>
            )}
          </DialogContent>
          <DialogActions fluid>
            <Button onClick={onClose}>Close</Button>
            <Button onClick={onAnother}>Make another</Button>
            {simulated ? (
              <Button appearance="primary" autoFocus onClick={() => open("measurements")}>
                See its measurements
              </Button>
            ) : (
              <Button appearance="primary" autoFocus onClick={() => open("connect")}>
                How to connect it
              </Button>
            )}
          </DialogActions>
        </DialogBody>
      </DialogSurface>
    </Dialog>
  );
}
