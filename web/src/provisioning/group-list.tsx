// Enrollment groups: keys from which each device's own is derived, so that any number of devices come in by one.

import { Button, Input, Select, makeStyles } from "@fluentui/react-components";
import { AddRegular, DeleteRegular, EditRegular } from "@fluentui/react-icons";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { answerOf, api } from "../api/client.ts";
import { invalidate } from "../api/query-client.ts";
import { ConfirmDialog } from "../parts/confirm-dialog.tsx";
import { CopyBox } from "../parts/copy-box.tsx";
import { FormDialog } from "../parts/form-dialog.tsx";
import { Facts, Panel } from "../parts/panel.tsx";
import { FormField, ServerErrorBar, useServerErrors } from "../parts/server-errors.tsx";
import { EmptyState, Shown, StateBadge } from "../parts/states.tsx";
import { TimeText } from "../parts/time-text.tsx";
import { useToast } from "../parts/toasts.tsx";
import { type Attestation, AttestationChoice } from "./attestation-fields.tsx";
import { EditTermsDialog } from "./edit-terms-dialog.tsx";
import { KeyPair } from "./key-pair.tsx";
import { type OwnKeys, OwnKeysFields, keysOf } from "./own-keys.tsx";
import {
  type DeviceTemplate,
  type EnrollmentGroup,
  caCertificatesQuery,
  groupsQuery,
  templatesQuery,
} from "./provisioning-queries.ts";
import { TermsFields, approvalWords, newTerms, templateWords, termsFields } from "./terms-fields.tsx";

const useStyles = makeStyles({
  row: { display: "flex", flexWrap: "wrap", gap: "8px 12px", alignItems: "flex-end" },
  grows: { flex: "1 1 220px", maxWidth: "420px" },
  stack: { display: "flex", flexDirection: "column", rowGap: "10px", minWidth: 0 },
});

export function GroupList() {
  const groups = useQuery(groupsQuery);
  const templates = useQuery(templatesQuery);
  const [isAdding, setAdding] = useState(false);
  const published = (templates.data ?? []).filter((template) => template.published);
  const add = (
    <Button appearance="primary" icon={<AddRegular />} onClick={() => setAdding(true)}>
      New enrollment group
    </Button>
  );
  return (
    <>
      <Shown query={groups}>
        {(items) =>
          items.length === 0 ? (
            <EmptyState title="There is no enrollment group" action={add}>
              A group has two keys. Each of its devices has a key that is derived from one of them and from the
              device&apos;s id, so a thousand devices come in by one group, and none of them can be another.
            </EmptyState>
          ) : (
            <>
              <div>{add}</div>
              {items.map((group) => (
                <GroupPanel key={group.id} group={group} templates={published} />
              ))}
            </>
          )
        }
      </Shown>
      {isAdding && <NewGroupDialog templates={published} onClose={() => setAdding(false)} />}
    </>
  );
}

function GroupPanel({
  group,
  templates,
}: {
  readonly group: EnrollmentGroup;
  readonly templates: readonly DeviceTemplate[];
}) {
  const toast = useToast();
  const [asked, setAsked] = useState<"edit" | "delete" | null>(null);
  const { id: groupId, name } = group;
  const path = { params: { path: { groupId } } };
  return (
    <Panel
      title={name}
      badge={<StateBadge tone={group.enabled ? "good" : "off"}>{group.enabled ? "Lets devices in" : "Off"}</StateBadge>}
      actions={
        <>
          <Button size="small" icon={<EditRegular />} aria-label={`Edit ${name}`} onClick={() => setAsked("edit")}>
            Edit
          </Button>
          <Button
            size="small"
            icon={<DeleteRegular />}
            aria-label={`Delete ${name}`}
            onClick={() => setAsked("delete")}
          >
            Delete
          </Button>
        </>
      }
    >
      <Facts
        items={[
          { name: "Device template", value: templateWords(group, templates) },
          { name: "Devices are approved", value: approvalWords(group) },
          { name: "Devices prove themselves", value: attestationWords[group.attestation] ?? group.attestation },
          { name: "Made", value: <TimeText time={group.createdAt} /> },
        ]}
      />
      {group.attestation === "symmetric-key" && (
        <>
          <KeyPair
            name={name}
            danger="Whoever has one of these keys can be any device of the group. Give a device its own derived key, never these."
            read={async () => await answerOf(api.GET("/api/v1/enrollment-groups/{groupId}/keys", path))}
            renew={async (regenerate) =>
              await answerOf(api.PUT("/api/v1/enrollment-groups/{groupId}/keys", { ...path, body: { regenerate } }))
            }
          />
          <DerivedKey group={group} />
        </>
      )}
      {asked === "edit" && (
        <EditTermsDialog
          title={`Edit ${name}`}
          given={group}
          templates={templates}
          save={async (change) =>
            await answerOf(api.PATCH("/api/v1/enrollment-groups/{groupId}", { ...path, body: change }))
          }
          reload={async () => await answerOf(api.GET("/api/v1/enrollment-groups/{groupId}", path))}
          onClose={() => setAsked(null)}
        />
      )}
      <ConfirmDialog
        isOpen={asked === "delete"}
        title={`Delete ${name}?`}
        confirmLabel="Delete group"
        typeToConfirm={name}
        onClose={() => setAsked(null)}
        onConfirm={async () => {
          await answerOf(api.DELETE("/api/v1/enrollment-groups/{groupId}", path));
          await invalidate("provisioning", "registrations");
          toast(`The enrollment group ${name} is deleted`);
        }}
      >
        No device comes in by it any more, and its registrations are forgotten. Devices that were made stay, and connect
        as before.
      </ConfirmDialog>
    </Panel>
  );
}

export const attestationWords: Readonly<Record<string, string>> = {
  "symmetric-key": "by keys",
  x509: "by certificates",
  "x509-ca": "by certificates",
};

/** What is put on a device. */
function DerivedKey({ group: { id: groupId, name } }: { readonly group: EnrollmentGroup }) {
  const styles = useStyles();
  const [registrationId, setRegistrationId] = useState("");
  const [shown, setShown] = useState<{ readonly id: string; readonly key: string } | null>(null);
  const derive = useMutation({
    mutationFn: async () => {
      const id = registrationId.trim();
      const keys = await answerOf(
        api.GET("/api/v1/enrollment-groups/{groupId}/device-keys/{registrationId}", {
          params: { path: { groupId, registrationId: id } },
        }),
      );
      setShown({ id, key: keys.primaryKey });
    },
  });
  const errors = useServerErrors(derive.error, ["registrationId"]);
  return (
    <form
      className={styles.stack}
      aria-label={`Key of a device of ${name}`}
      onSubmit={(event) => {
        event.preventDefault();
        if (registrationId.trim() !== "" && !derive.isPending) derive.mutate();
      }}
    >
      <div className={styles.row}>
        <FormField
          className={styles.grows}
          label="Key of the device with the registration id"
          errors={errors}
          field="registrationId"
        >
          <Input
            value={registrationId}
            autoComplete="off"
            spellCheck={false}
            onChange={(_event, { value }) => {
              setRegistrationId(value);
              setShown(null);
            }}
          />
        </FormField>
        <Button type="submit" disabledFocusable={registrationId.trim() === "" || derive.isPending}>
          Show its key
        </Button>
      </div>
      <div role="status">{shown !== null && <CopyBox label={`Key of ${shown.id}`} text={shown.key} />}</div>
      <ServerErrorBar error={errors.rest} />
    </form>
  );
}

function NewGroupDialog({
  templates,
  onClose,
}: {
  readonly templates: readonly DeviceTemplate[];
  readonly onClose: () => void;
}) {
  const toast = useToast();
  const [name, setName] = useState("");
  const [terms, setTerms] = useState(newTerms);
  const [keys, setKeys] = useState<OwnKeys>(null);
  const [attestation, setAttestation] = useState<Attestation>("symmetric-key");
  const certificates = useQuery(caCertificatesQuery);
  const verified = (certificates.data ?? []).filter(({ verifiedAt }) => verifiedAt !== null);
  const [chosenId, setChosenId] = useState("");
  const caCertificateId = chosenId === "" ? (verified[0]?.id ?? "") : chosenId;
  const isByKeys = attestation === "symmetric-key";
  const make = useMutation({
    mutationFn: async () => {
      await answerOf(
        api.POST("/api/v1/enrollment-groups", {
          body: { name, attestation, ...terms, ...(isByKeys ? keysOf(keys) : { caCertificateId }) },
        }),
      );
      await invalidate("provisioning");
    },
    onSuccess: () => {
      toast(`The enrollment group ${name} is made`);
      onClose();
    },
  });
  const errors = useServerErrors(make.error, ["name", "caCertificateId", "primaryKey", "secondaryKey", ...termsFields]);
  return (
    <FormDialog
      title="New enrollment group"
      submitLabel="Make group"
      isBusy={make.isPending}
      isIncomplete={!isByKeys && caCertificateId === ""}
      error={errors.rest}
      onSubmit={make.mutate}
      onClose={onClose}
    >
      <FormField label="Name" required errors={errors} field="name">
        <Input value={name} autoComplete="off" autoFocus onChange={(_event, { value }) => setName(value)} />
      </FormField>
      <TermsFields terms={terms} templates={templates} errors={errors} onChange={setTerms} />
      <AttestationChoice
        keys="Devices prove themselves by keys, derived from the group's"
        certificates="Devices prove themselves by certificates of a CA"
        value={attestation}
        onChange={setAttestation}
      />
      {isByKeys ? (
        <OwnKeysFields
          keys={keys}
          hint="As in IoT Central's enrollment group: its devices then need no new key. Base64; left empty, a random one is made."
          errors={errors}
          onChange={setKeys}
        />
      ) : (
        <FormField
          label="CA certificate"
          hint={
            verified.length === 0
              ? "There is no verified one. Add and verify it under CA certificates first."
              : "A device's certificate must lead to it, with the registration id as its common name."
          }
          errors={errors}
          field="caCertificateId"
        >
          <Select value={caCertificateId} onChange={(_event, { value }) => setChosenId(value)}>
            {verified.map(({ id, name: caName }) => (
              <option key={id} value={id}>
                {caName}
              </option>
            ))}
          </Select>
        </FormField>
      )}
    </FormDialog>
  );
}
