// Keys that devices have already, for a new enrollment; random ones when it has none of its own.

import { Checkbox, Input } from "@fluentui/react-components";
import { FormField, type ServerErrors } from "../parts/server-errors.tsx";

/** Null: random ones. */
export type OwnKeys = { readonly primaryKey: string; readonly secondaryKey: string } | null;

/** What of them is sent. */
export function keysOf(keys: OwnKeys): { readonly primaryKey?: string; readonly secondaryKey?: string } {
  if (keys === null) return {};
  const { primaryKey, secondaryKey } = keys;
  return { ...(primaryKey === "" ? {} : { primaryKey }), ...(secondaryKey === "" ? {} : { secondaryKey }) };
}

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
          <FormField label="Primary key" hint={hint} errors={errors} field="primaryKey">
            <Input
              type="password"
              autoComplete="off"
              value={keys.primaryKey}
              onChange={(_event, { value }) => onChange({ ...keys, primaryKey: value.trim() })}
            />
          </FormField>
          <FormField label="Secondary key" errors={errors} field="secondaryKey">
            <Input
              type="password"
              autoComplete="off"
              value={keys.secondaryKey}
              onChange={(_event, { value }) => onChange({ ...keys, secondaryKey: value.trim() })}
            />
          </FormField>
        </>
      )}
    </>
  );
}
