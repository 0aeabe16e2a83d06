// Individual enrollments: one device each, with keys of its own. They stand before every group.

import { Button, Menu, MenuItem, MenuList, MenuPopover, MenuTrigger, Tooltip } from "@fluentui/react-components";
import { AddRegular, DeleteRegular, EditRegular, KeyRegular, MoreHorizontalRegular } from "@fluentui/react-icons";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { answerOf, api } from "../api/client.ts";
import { invalidate } from "../api/query-client.ts";
import { ConfirmDialog } from "../parts/confirm-dialog.tsx";
import { type Column, DataTable, Pager, usePages } from "../parts/data-table.tsx";
import { NoteDialog } from "../parts/form-dialog.tsx";
import { Panel } from "../parts/panel.tsx";
import { EmptyState, Shown, StateBadge } from "../parts/states.tsx";
import { TimeText } from "../parts/time-text.tsx";
import { useToast } from "../parts/toasts.tsx";
import { EditTermsDialog } from "./edit-terms-dialog.tsx";
import { KeyPair } from "./key-pair.tsx";
import { MigrationNote } from "./migration-note.tsx";
import { NewEnrollmentDialog } from "./new-enrollment-dialog.tsx";
import {
  type DeviceTemplate,
  type Enrollment,
  enrollmentsQuery,
  publishedTemplatesQuery,
} from "./provisioning-queries.ts";
import { approvalWords, templateWords } from "./terms-fields.tsx";

type Asked = { readonly act: "edit" | "keys" | "delete"; readonly enrollment: Enrollment } | null;

export function EnrollmentList() {
  const pages = usePages();
  const enrollments = useQuery(enrollmentsQuery(pages.after));
  const { data: templates = [] } = useQuery(publishedTemplatesQuery);
  const [isAdding, setAdding] = useState(false);
  const [asked, setAsked] = useState<Asked>(null);
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
              others of its group. It stands before every group. <MigrationNote />
            </EmptyState>
          ) : (
            <Panel title="Individual enrollments" actions={add}>
              <DataTable
                label="Individual enrollments"
                columns={columnsOf(templates, setAsked)}
                rows={items}
                keyOf={({ registrationId }) => registrationId}
                isStale={enrollments.isPlaceholderData}
              />
              <Pager pages={pages} next={next} shown={items.length} />
            </Panel>
          )
        }
      </Shown>
      {isAdding && <NewEnrollmentDialog templates={templates} onClose={() => setAdding(false)} />}
      <Acts asked={asked} templates={templates} onClose={() => setAsked(null)} />
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
