// Individual enrollments: one device each, with keys of its own. They stand before every group.

import { Button, Input, Menu, MenuItem, MenuList, MenuPopover, MenuTrigger, Tooltip } from "@fluentui/react-components";
import { AddRegular, DeleteRegular, EditRegular, KeyRegular, MoreHorizontalRegular } from "@fluentui/react-icons";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { answerOf, api } from "../api/client.ts";
import { invalidate } from "../api/query-client.ts";
import { ConfirmDialog } from "../parts/confirm-dialog.tsx";
import { type Column, DataTable, Pager, usePages } from "../parts/data-table.tsx";
import { FormDialog, NoteDialog } from "../parts/form-dialog.tsx";
import { Panel } from "../parts/panel.tsx";
import { FormField, useServerErrors } from "../parts/server-errors.tsx";
import { EmptyState, Shown, StateBadge } from "../parts/states.tsx";
import { TimeText } from "../parts/time-text.tsx";
import { useToast } from "../parts/toasts.tsx";
import { type Attestation, AttestationChoice } from "./attestation-fields.tsx";
import { EditTermsDialog } from "./edit-terms-dialog.tsx";
import { KeyPair } from "./key-pair.tsx";
import { type OwnKeys, OwnKeysFields, keysOf } from "./own-keys.tsx";
import { type DeviceTemplate, type Enrollment, enrollmentsQuery, templatesQuery } from "./provisioning-queries.ts";
import { TermsFields, approvalWords, newTerms, templateWords, termsFields } from "./terms-fields.tsx";

type Asked = { readonly act: "edit" | "keys" | "delete"; readonly enrollment: Enrollment } | null;

export function EnrollmentList() {
  const pages = usePages();
  const enrollments = useQuery(enrollmentsQuery(pages.after));
  const templates = useQuery(templatesQuery);
  const [isAdding, setAdding] = useState(false);
  const [asked, setAsked] = useState<Asked>(null);
  const published = (templates.data ?? []).filter((template) => template.published);
  const add = (
    <Button appearance="primary" icon={<AddRegular />} onClick={() => setAdding(true)}>
      New individual enrollment
    </Button>
  );
  return (
    <>
      <Shown query={enrollments}>
        {({ items, next }) =>
          items.length === 0 && pages.number === 1 ? (
            <EmptyState title="There is no individual enrollment" action={add}>
              For a device that has keys of its own rather than derived ones, or is to have another template than the
              others of its group. It stands before every group.
            </EmptyState>
          ) : (
            <Panel title="Individual enrollments" actions={add}>
              <DataTable
                label="Individual enrollments"
                columns={columnsOf(published, setAsked)}
                rows={items}
                keyOf={({ registrationId }) => registrationId}
                isStale={enrollments.isPlaceholderData}
              />
              <Pager pages={pages} next={next} shown={items.length} />
            </Panel>
          )
        }
      </Shown>
      {isAdding && <NewEnrollmentDialog templates={published} onClose={() => setAdding(false)} />}
      <Acts asked={asked} templates={published} onClose={() => setAsked(null)} />
    </>
  );
}

function columnsOf(templates: readonly DeviceTemplate[], ask: (asked: Asked) => void): readonly Column<Enrollment>[] {
  return [
    { id: "registrationId", title: "Registration id", isHeading: true, cell: ({ registrationId }) => registrationId },
    { id: "deviceId", title: "Device id", cell: ({ deviceId }) => deviceId },
    { id: "template", title: "Template", cell: (enrollment) => templateWords(enrollment, templates) },
    { id: "approval", title: "Approved", cell: (enrollment) => approvalWords(enrollment) },
    {
      id: "state",
      title: "State",
      cell: ({ enabled }) => <StateBadge tone={enabled ? "good" : "off"}>{enabled ? "Lets it in" : "Off"}</StateBadge>,
    },
    { id: "createdAt", title: "Made", cell: ({ createdAt }) => <TimeText time={createdAt} /> },
    {
      id: "acts",
      title: "",
      isPlain: true,
      cell: (enrollment) => (
        <Menu>
          <MenuTrigger disableButtonEnhancement>
            <Tooltip content={`More about ${enrollment.registrationId}`} relationship="label">
              <Button appearance="subtle" size="small" icon={<MoreHorizontalRegular />} />
            </Tooltip>
          </MenuTrigger>
          <MenuPopover>
            <MenuList>
              <MenuItem icon={<EditRegular />} onClick={() => ask({ act: "edit", enrollment })}>
                Edit
              </MenuItem>
              {enrollment.attestation === "symmetric-key" && (
                <MenuItem icon={<KeyRegular />} onClick={() => ask({ act: "keys", enrollment })}>
                  Keys
                </MenuItem>
              )}
              <MenuItem icon={<DeleteRegular />} onClick={() => ask({ act: "delete", enrollment })}>
                Delete
              </MenuItem>
            </MenuList>
          </MenuPopover>
        </Menu>
      ),
    },
  ];
}

function Acts({
  asked,
  templates,
  onClose,
}: {
  readonly asked: Asked;
  readonly templates: readonly DeviceTemplate[];
  readonly onClose: () => void;
}) {
  const toast = useToast();
  const registrationId = asked?.enrollment.registrationId ?? "";
  const path = { params: { path: { registrationId } } };
  return (
    <>
      {asked?.act === "edit" && (
        <EditTermsDialog
          title={`Edit ${registrationId}`}
          given={{ ...asked.enrollment, name: null }}
          templates={templates}
          save={async ({ name: _name, ...change }) =>
            await answerOf(api.PATCH("/api/v1/enrollments/{registrationId}", { ...path, body: change }))
          }
          reload={async () => ({
            ...(await answerOf(api.GET("/api/v1/enrollments/{registrationId}", path))),
            name: null,
          })}
          onClose={onClose}
        />
      )}
      {asked?.act === "keys" && (
        <NoteDialog title={`Keys of ${registrationId}`} closeLabel="Close" onClose={onClose}>
          <KeyPair
            name={registrationId}
            danger="Whoever has one of these keys can register as this device."
            read={async () => await answerOf(api.GET("/api/v1/enrollments/{registrationId}/keys", path))}
            renew={async (regenerate) =>
              await answerOf(api.PUT("/api/v1/enrollments/{registrationId}/keys", { ...path, body: { regenerate } }))
            }
          />
        </NoteDialog>
      )}
      <ConfirmDialog
        isOpen={asked?.act === "delete"}
        title={`Delete the enrollment of ${registrationId}?`}
        confirmLabel="Delete enrollment"
        onClose={onClose}
        onConfirm={async () => {
          await answerOf(api.DELETE("/api/v1/enrollments/{registrationId}", path));
          await invalidate("provisioning", "registrations");
          toast("The enrollment is deleted");
        }}
      >
        The device does not come in by it any more, and its registration is forgotten. A device that was made stays, and
        connects as before.
      </ConfirmDialog>
    </>
  );
}

function NewEnrollmentDialog({
  templates,
  onClose,
}: {
  readonly templates: readonly DeviceTemplate[];
  readonly onClose: () => void;
}) {
  const toast = useToast();
  const [registrationId, setRegistrationId] = useState("");
  const [deviceId, setDeviceId] = useState("");
  const [terms, setTerms] = useState(newTerms);
  const [keys, setKeys] = useState<OwnKeys>(null);
  const [attestation, setAttestation] = useState<Attestation>("symmetric-key");
  const [primary, setPrimary] = useState("");
  const [secondary, setSecondary] = useState("");
  const isByKeys = attestation === "symmetric-key";
  const make = useMutation({
    mutationFn: async () => {
      const id = registrationId.trim();
      const body = {
        registrationId: id,
        ...(deviceId.trim() === "" ? {} : { deviceId: deviceId.trim() }),
        ...terms,
        attestation,
        ...(isByKeys
          ? keysOf(keys)
          : {
              ...(primary.trim() === "" ? {} : { primaryThumbprint: primary.trim() }),
              ...(secondary.trim() === "" ? {} : { secondaryThumbprint: secondary.trim() }),
            }),
      };
      await answerOf(api.POST("/api/v1/enrollments", { body }));
      await invalidate("provisioning");
      toast(`${id} is enrolled`);
    },
    onSuccess: onClose,
  });
  const errors = useServerErrors(make.error, [
    "registrationId",
    "deviceId",
    "primaryKey",
    "secondaryKey",
    "primaryThumbprint",
    "secondaryThumbprint",
    ...termsFields,
  ]);
  return (
    <FormDialog
      title="New individual enrollment"
      submitLabel="Enroll device"
      isBusy={make.isPending}
      error={errors.rest}
      onSubmit={make.mutate}
      onClose={onClose}
    >
      <FormField
        label="Registration id"
        required
        hint="What the device registers with."
        errors={errors}
        field="registrationId"
      >
        <Input
          value={registrationId}
          autoComplete="off"
          autoFocus
          spellCheck={false}
          onChange={(_event, { value }) => setRegistrationId(value)}
        />
      </FormField>
      <FormField label="Device id" hint="The registration id when left empty." errors={errors} field="deviceId">
        <Input
          value={deviceId}
          autoComplete="off"
          spellCheck={false}
          onChange={(_event, { value }) => setDeviceId(value)}
        />
      </FormField>
      <TermsFields terms={terms} templates={templates} errors={errors} onChange={setTerms} />
      <AttestationChoice
        keys="It proves itself by a key"
        certificates="It proves itself by a certificate"
        value={attestation}
        onChange={setAttestation}
      />
      {isByKeys ? (
        <OwnKeysFields
          keys={keys}
          hint="As the device has it already. Base64; left empty, a random one is made."
          errors={errors}
          onChange={setKeys}
        />
      ) : (
        <>
          <FormField
            label="Primary thumbprint"
            required
            hint="SHA-1 or SHA-256 of its certificate."
            errors={errors}
            field="primaryThumbprint"
          >
            <Input
              value={primary}
              autoComplete="off"
              spellCheck={false}
              onChange={(_event, { value }) => setPrimary(value)}
            />
          </FormField>
          <FormField
            label="Secondary thumbprint"
            hint="Of the certificate that is to follow; may be empty."
            errors={errors}
            field="secondaryThumbprint"
          >
            <Input
              value={secondary}
              autoComplete="off"
              spellCheck={false}
              onChange={(_event, { value }) => setSecondary(value)}
            />
          </FormField>
        </>
      )}
    </FormDialog>
  );
}
