// Enrollment groups: keys from which each device's own is derived, so that any number of devices come in by one.

import { Button } from "@fluentui/react-components";
import { AddRegular, DeleteRegular, EditRegular } from "@fluentui/react-icons";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { answerOf, api } from "../api/client.ts";
import { invalidate } from "../api/query-client.ts";
import { ConfirmDialog } from "../parts/confirm-dialog.tsx";
import { Facts, Panel } from "../parts/panel.tsx";
import { EmptyState, Shown, StateBadge } from "../parts/states.tsx";
import { TimeText } from "../parts/time-text.tsx";
import { useToast } from "../parts/toasts.tsx";
import { DerivedKey } from "./derived-key.tsx";
import { EditTermsDialog } from "./edit-terms-dialog.tsx";
import { KeyPair } from "./key-pair.tsx";
import { MigrationNote } from "./migration-note.tsx";
import { NewGroupDialog } from "./new-group-dialog.tsx";
import {
  type DeviceTemplate,
  type EnrollmentGroup,
  groupsQuery,
  publishedTemplatesQuery,
} from "./provisioning-queries.ts";
import { approvalWords, templateWords } from "./terms-fields.tsx";

export function GroupList() {
  const groups = useQuery(groupsQuery);
  const { data: templates = [] } = useQuery(publishedTemplatesQuery);
  const [isAdding, setAdding] = useState(false);
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
              device&apos;s id, so a thousand devices come in by one group, and none of them can be another.{" "}
              <MigrationNote />
            </EmptyState>
          ) : (
            <>
              <div>{add}</div>
              {items.map((group) => (
                <GroupPanel key={group.id} group={group} templates={templates} />
              ))}
            </>
          )
        }
      </Shown>
      {isAdding && <NewGroupDialog templates={templates} onClose={() => setAdding(false)} />}
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

const attestationWords: Readonly<Record<string, string>> = {
  "symmetric-key": "by keys",
  x509: "by certificates",
  "x509-ca": "by certificates",
};
