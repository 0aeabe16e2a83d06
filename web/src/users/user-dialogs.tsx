// What is done with users, each in a dialog: add, change name and role, set a password, disable, delete.

import { Input, MessageBar, MessageBarBody } from "@fluentui/react-components";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { answerOf, api } from "../api/client.ts";
import { invalidate } from "../api/query-client.ts";
import { ConfirmDialog } from "../parts/confirm-dialog.tsx";
import { FormDialog, NoteDialog } from "../parts/form-dialog.tsx";
import { FormField, useServerErrors } from "../parts/server-errors.tsx";
import { StaleEditDialog, isStaleEdit } from "../parts/stale-edit-dialog.tsx";
import { useToast } from "../parts/toasts.tsx";
import { RoleChoice } from "../session/role-choice.tsx";
import { type Role, roleNames } from "../session/session.ts";
import { HandOver, NewPasswordField } from "./new-password.tsx";
import { type User, changeUser } from "./user-queries.ts";

export type UserAct = "edit" | "password" | "access" | "delete";

interface DialogProps {
  readonly user: User;
  readonly isSelf: boolean;
  readonly onClose: () => void;
}

/** @param act  what is done with the user. */
export function UserDialog({ act, ...props }: DialogProps & { readonly act: UserAct }) {
  switch (act) {
    case "edit":
      return <EditDialog {...props} />;
    case "password":
      return <PasswordDialog {...props} />;
    case "access":
      return <AccessDialog {...props} />;
    case "delete":
      return <DeleteDialog {...props} />;
  }
}

export function AddUserDialog({ onClose }: { readonly onClose: () => void }) {
  const [name, setName] = useState("");
  const [role, setRole] = useState<Role>("operator");
  const [password, setPassword] = useState("");
  const add = useMutation({
    mutationFn: async () => {
      const user = await answerOf(api.POST("/api/v1/users", { body: { name, role, password } }));
      await invalidate("users");
      return user;
    },
  });
  const errors = useServerErrors(add.error, ["name", "role", "password"]);
  if (add.data !== undefined) {
    return (
      <NoteDialog title={`${add.data.name} can sign in now`} closeLabel="Done" onClose={onClose}>
        <HandOver name={add.data.name} password={password} />
      </NoteDialog>
    );
  }
  return (
    <FormDialog
      title="Add user"
      submitLabel="Add user"
      isBusy={add.isPending}
      error={errors.rest}
      onSubmit={add.mutate}
      onClose={onClose}
    >
      <FormField label="Name" required errors={errors} field="name" hint="What the person signs in with.">
        <Input
          name="new-user"
          autoComplete="off"
          autoFocus
          spellCheck={false}
          value={name}
          onChange={(_event, { value }) => setName(value)}
        />
      </FormField>
      <RoleChoice role={role} onChange={setRole} errors={errors} />
      <NewPasswordField password={password} onChange={setPassword} errors={errors} />
    </FormDialog>
  );
}

function EditDialog({ user, isSelf, onClose }: DialogProps) {
  const toast = useToast();
  const [base, setBase] = useState(user);
  const [name, setName] = useState(user.name);
  const [role, setRole] = useState<Role>(user.role);
  const save = useMutation({
    mutationFn: async (etag: number | undefined) => {
      const saved = await changeUser(user.id, {
        ...(name === base.name ? {} : { name }),
        ...(role === base.role ? {} : { role }),
        ...(etag === undefined ? {} : { etag }),
      });
      await invalidate("users", "session");
      return saved;
    },
    onSuccess: (saved) => {
      toast(`${saved.name} is saved`);
      onClose();
    },
  });
  const errors = useServerErrors(isStaleEdit(save.error) ? null : save.error, ["name", "role"]);
  return (
    <>
      <FormDialog
        title={`Edit ${user.name}`}
        submitLabel="Save"
        isBusy={save.isPending}
        isIncomplete={name === base.name && role === base.role}
        error={errors.rest}
        onSubmit={() => save.mutate(base.etag)}
        onClose={onClose}
      >
        <FormField label="Name" errors={errors} field="name">
          <Input
            name="user-name"
            autoComplete="off"
            spellCheck={false}
            value={name}
            onChange={(_event, { value }) => setName(value)}
          />
        </FormField>
        <RoleChoice role={role} onChange={setRole} errors={errors} />
        {role !== base.role && (
          <MessageBar layout="multiline">
            <MessageBarBody>
              {isSelf
                ? "This is you: you are signed out at once, and sign in again with the new role."
                : `${user.name} is signed out at once, and signs in again with the new role.`}
            </MessageBarBody>
          </MessageBar>
        )}
      </FormDialog>
      <StaleEditDialog
        error={save.error}
        onTakeTheirs={async () => {
          const theirs = await answerOf(api.GET("/api/v1/users/{userId}", { params: { path: { userId: user.id } } }));
          setBase(theirs);
          setName(theirs.name);
          setRole(theirs.role);
        }}
        onOverwrite={async () => await save.mutateAsync(undefined)}
        onClose={save.reset}
      />
    </>
  );
}

function PasswordDialog({ user, onClose }: DialogProps) {
  const [password, setPassword] = useState("");
  const set = useMutation({
    mutationFn: async () => {
      await changeUser(user.id, { password });
      await invalidate("users");
    },
  });
  const errors = useServerErrors(set.error, ["password"]);
  if (set.isSuccess) {
    return (
      <NoteDialog title={`${user.name} has a new password`} closeLabel="Done" onClose={onClose}>
        <HandOver name={user.name} password={password} />
      </NoteDialog>
    );
  }
  return (
    <FormDialog
      title={`Set a new password for ${user.name}`}
      submitLabel="Set password"
      isBusy={set.isPending}
      error={errors.rest}
      onSubmit={set.mutate}
      onClose={onClose}
    >
      <div>The present password stops at once, and {user.name} is signed out everywhere.</div>
      <NewPasswordField password={password} onChange={setPassword} errors={errors} />
    </FormDialog>
  );
}

function AccessDialog({ user, isSelf, onClose }: DialogProps) {
  const toast = useToast();
  const { name, disabled } = user;
  return (
    <ConfirmDialog
      isOpen
      title={disabled ? `Enable ${name}?` : `Disable ${name}?`}
      confirmLabel={disabled ? "Enable user" : "Disable user"}
      onConfirm={async () => {
        await changeUser(user.id, { disabled: !disabled });
        await invalidate("users", "session");
        toast(`${name} ${disabled ? "can sign in again" : "is disabled"}`);
      }}
      onClose={onClose}
    >
      {disabled
        ? `${name} can sign in again, with the present password, as ${roleNames[user.role]}.`
        : `${isSelf ? "This is you. You are" : `${name} is`} signed out everywhere at once and cannot sign in until an Administrator enables the user again. API tokens that ${name} made stay.`}
    </ConfirmDialog>
  );
}

function DeleteDialog({ user, isSelf, onClose }: DialogProps) {
  const toast = useToast();
  const { name } = user;
  return (
    <ConfirmDialog
      isOpen
      title={`Delete ${name}?`}
      confirmLabel="Delete user"
      onConfirm={async () => {
        await answerOf(api.DELETE("/api/v1/users/{userId}", { params: { path: { userId: user.id } } }));
        await invalidate("users", "session");
        toast(`${name} is deleted`);
      }}
      onClose={onClose}
    >
      {isSelf ? "This is you. You are" : `${name} is`} signed out everywhere at once and cannot sign in again. The audit
      log keeps what {name} did. API tokens that {name} made stay: revoke them under API tokens if they should go, too.
    </ConfirmDialog>
  );
}
