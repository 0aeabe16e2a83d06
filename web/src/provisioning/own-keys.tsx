// Keys that devices have already, for a new enrollment; random ones when it has none of its own.

import { Checkbox } from "@fluentui/react-components";
import type { ServerErrors } from "../parts/server-errors.tsx";
import { TextField } from "../parts/text-field.tsx";

/** Null: random ones. */
export type OwnKeys = { readonly primaryKey: string; readonly secondaryKey: string } | null;

/** What of them is sent. */
export function keysOf(keys: OwnKeys): { readonly primaryKey?: string; readonly secondaryKey?: string } {
  if (keys === null) return {};
  const { primaryKey, secondaryKey } = keys;
  return { ...(primaryKey === "" ? {} : { primaryKey }), ...(secondaryKey === "" ? {} : { secondaryKey }) };
}

/** Their names in the server's messages. */
export const keyFields = ["primaryKey", "secondaryKey"] as const;

export function OwnKeysFields({
  keys,
  hint,
  errors,
  onChange,
}: {
  readonly keys: OwnKeys;
  readonly hint: string;
  readonly errors: ServerErrors;
  readonly onChange: (keys: OwnKeys) => void;
}) {
  return (
    <>
      <Checkbox
        label="Use keys of my own"
        checked={keys !== null}
        onChange={(_event, { checked }) => onChange(checked === true ? { primaryKey: "", secondaryKey: "" } : null)}
      />
      {keys !== null && (
        <>
          <TextField
            label="Primary key"
            type="password"
            hint={hint}
            errors={errors}
            field="primaryKey"
            text={keys.primaryKey}
            onChange={(text) => onChange({ ...keys, primaryKey: text.trim() })}
          />
          <TextField
            label="Secondary key"
            type="password"
            errors={errors}
            field="secondaryKey"
            text={keys.secondaryKey}
            onChange={(text) => onChange({ ...keys, secondaryKey: text.trim() })}
          />
        </>
      )}
    </>
  );
}
