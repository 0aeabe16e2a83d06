// Makes an API token: what for, what it may do, until when. The token itself is shown once, with a call to try it.

import { Input, MessageBar, MessageBarBody, Select } from "@fluentui/react-components";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { type Schema, answerOf, api } from "../api/client.ts";
import { invalidate } from "../api/query-client.ts";
import { formatTime } from "../parts/amounts.ts";
import { CodeBlock } from "../parts/code-tabs.tsx";
import { CopyBox } from "../parts/copy-box.tsx";
import { FormDialog, NoteDialog } from "../parts/form-dialog.tsx";
import { FormField, useServerErrors } from "../parts/server-errors.tsx";
import { useNowMs } from "../parts/time-text.tsx";
import { RoleChoice } from "../session/role-choice.tsx";
import type { Role } from "../session/session.ts";

const expiries: readonly (readonly [days: number, label: string])[] = [
  [1, "1 day"],
  [7, "7 days"],
  [30, "30 days"],
  [90, "90 days"],
  [180, "180 days"],
  [366, "1 year"],
];
const dayMs = 24 * 3600 * 1000;

export function NewTokenDialog({ onClose }: { readonly onClose: () => void }) {
  const nowMs = useNowMs();
  const [name, setName] = useState("");
  const [role, setRole] = useState<Role>("operator");
  const [days, setDays] = useState(90);
  const make = useMutation({
    mutationFn: async () => {
      const made = await answerOf(api.POST("/api/v1/tokens", { body: { name, role, expiresInDays: days } }));
      await invalidate("tokens");
      return made;
    },
  });
  const errors = useServerErrors(make.error, ["name", "role", "expiresInDays"]);
  if (make.data !== undefined) return <MadeToken made={make.data} onClose={onClose} />;
  return (
    <FormDialog
      title="New API token"
      submitLabel="Make token"
      isBusy={make.isPending}
      error={errors.rest}
      onSubmit={make.mutate}
      onClose={onClose}
    >
      <FormField label="Name" required errors={errors} field="name" hint="What it is for, as “nightly report”.">
        <Input
          name="token-name"
          autoComplete="off"
          autoFocus
          value={name}
          onChange={(_event, { value }) => setName(value)}
        />
      </FormField>
      <RoleChoice role={role} onChange={setRole} errors={errors} />
      <FormField
        label="Good for"
        errors={errors}
        field="expiresInDays"
        hint={`Until ${formatTime(nowMs + days * dayMs).slice(0, 10)}. Afterwards it is refused, and you make a new one.`}
      >
        <Select value={String(days)} onChange={(_event, { value }) => setDays(Number(value))}>
          {expiries.map(([count, label]) => (
            <option key={count} value={count}>
              {label}
            </option>
          ))}
        </Select>
      </FormField>
    </FormDialog>
  );
}

function MadeToken({ made, onClose }: { readonly made: Schema<"MadeApiToken">; readonly onClose: () => void }) {
  const call = `curl --header "Authorization: Bearer ${made.token}" \\\n  ${location.origin}/api/v1/devices`;
  return (
    <NoteDialog title={`The API token ${made.name} is made`} closeLabel="I have copied it" onClose={onClose}>
      <MessageBar intent="warning" layout="multiline">
        <MessageBarBody>
          Copy it now: it is shown this once and kept nowhere. Whoever has it may do what its role may, until{" "}
          {formatTime(made.expiresAt)}.
        </MessageBarBody>
      </MessageBar>
      <CopyBox label="Token" text={made.token} />
      <div>Try it:</div>
      <CodeBlock label="curl call" text={call} isCommand />
      <div>All calls stand in {location.origin}/api/v1/openapi.json.</div>
    </NoteDialog>
  );
}
