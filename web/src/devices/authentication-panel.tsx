// How a device proves who it is: by its keys, or by a certificate.

import { Button, Radio, RadioGroup, Text, makeStyles, tokens } from "@fluentui/react-components";
import { EditRegular } from "@fluentui/react-icons";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { type Schema, answerOf, api } from "../api/client.ts";
import { invalidate, queryClient } from "../api/query-client.ts";
import { SecretReveal } from "../parts/copy-box.tsx";
import { FormDialog } from "../parts/form-dialog.tsx";
import { Facts, Panel } from "../parts/panel.tsx";
import { useServerErrors } from "../parts/server-errors.tsx";
import { ThumbprintFields, type Thumbprints, sentThumbprints, thumbprintFields } from "../parts/thumbprint-fields.tsx";
import { useToast } from "../parts/toasts.tsx";
import { credentialsOf } from "./credentials.ts";
import { type Device, deviceQuery } from "./device-queries.ts";

type Type = Schema<"DeviceAuthentication">["type"];
/** Where the server's messages have its thumbprints. */
const under = "authentication.";

const useStyles = makeStyles({
  mono: { fontFamily: tokens.fontFamilyMonospace, fontSize: tokens.fontSizeBase200 },
  label: { display: "flex", flexDirection: "column", rowGap: "2px" },
  quiet: { color: tokens.colorNeutralForeground3 },
});

const typeWords: Readonly<Record<Type, { readonly name: string; readonly means: string }>> = {
  sas: { name: "Keys", means: "It signs a token with one of its two keys." },
  "x509-thumbprint": {
    name: "A certificate of its own",
    means:
      "It has a certificate that is known here by its thumbprint. With a second one, certificates are changed without a gap.",
  },
  "x509-ca": {
    name: "A certificate of a CA",
    means:
      "Any certificate for its id that leads to a verified CA certificate. An Administrator adds those under Device connection.",
  },
};

export function AuthenticationPanel({ device }: { readonly device: Device }) {
  const styles = useStyles();
  const [isChanging, setChanging] = useState(false);
  const { id, authentication } = device;
  const { type, primaryThumbprint, secondaryThumbprint } = authentication;
  return (
    <Panel
      title="Authentication"
      about={typeWords[type].means}
      actions={
        <Button
          size="small"
          icon={<EditRegular />}
          aria-label="Change authentication"
          onClick={() => setChanging(true)}
        >
          Change
        </Button>
      }
    >
      <Facts
        items={[
          { name: "Signs in by", value: typeWords[type].name, isWide: true },
          ...(type === "x509-thumbprint"
            ? [
                {
                  name: "Primary thumbprint",
                  value: <span className={styles.mono}>{primaryThumbprint}</span>,
                  isWide: true,
                },
                {
                  name: "Secondary thumbprint",
                  value: <span className={styles.mono}>{secondaryThumbprint ?? "none"}</span>,
                  isWide: true,
                },
              ]
            : []),
        ]}
      />
      {type !== "sas" && (
        <>
          <SecretReveal
            label="Connection string"
            reveal={async () => (await credentialsOf(id)).x509ConnectionString ?? ""}
          />
          <Text size={200} className={styles.quiet}>
            The device needs its certificate and its key beside it. Keys and tokens of this hub do not let it in.
          </Text>
        </>
      )}
      {isChanging && <AuthenticationDialog device={device} onClose={() => setChanging(false)} />}
    </Panel>
  );
}

function AuthenticationDialog({ device, onClose }: { readonly device: Device; readonly onClose: () => void }) {
  const styles = useStyles();
  const toast = useToast();
  const { id, authentication } = device;
  const [type, setType] = useState<Type>(authentication.type);
  const [thumbprints, setThumbprints] = useState<Thumbprints>({
    primary: authentication.primaryThumbprint ?? "",
    secondary: authentication.secondaryThumbprint ?? "",
  });
  const save = useMutation({
    mutationFn: async () => {
      const saved = await answerOf(
        api.PUT("/api/v1/devices/{deviceId}/authentication", {
          params: { path: { deviceId: id } },
          body: { type, ...(type === "x509-thumbprint" ? sentThumbprints(thumbprints) : {}) },
        }),
      );
      queryClient.setQueryData(deviceQuery(id).queryKey, saved);
      await invalidate("devices");
      toast("Authentication saved");
    },
    onSuccess: onClose,
  });
  const errors = useServerErrors(save.error, thumbprintFields(under));
  return (
    <FormDialog
      title="Authentication"
      submitLabel="Save"
      busyLabel="Saving …"
      isBusy={save.isPending}
      error={errors.rest}
      onSubmit={save.mutate}
      onClose={onClose}
    >
      <RadioGroup
        aria-label="How the device signs in"
        value={type}
        onChange={(_event, { value }) => setType(value as Type)}
      >
        {(Object.keys(typeWords) as Type[]).map((one) => (
          <Radio
            key={one}
            value={one}
            label={
              <span className={styles.label}>
                <span>{typeWords[one].name}</span>
                <Text size={200} className={styles.quiet}>
                  {typeWords[one].means}
                </Text>
              </span>
            }
          />
        ))}
      </RadioGroup>
      {type === "x509-thumbprint" && (
        <ThumbprintFields thumbprints={thumbprints} under={under} errors={errors} onChange={setThumbprints} />
      )}
      <Text>The device&apos;s connection is closed. It comes back when it has what is asked for here.</Text>
    </FormDialog>
  );
}
