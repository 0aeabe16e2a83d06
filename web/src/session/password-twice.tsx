// A new password, typed twice, for nobody sees what was typed. That both are the same is judged here, all else by the server.

import { Input } from "@fluentui/react-components";
import { FormField, type ServerErrors } from "../parts/server-errors.tsx";

export interface TwicePassword {
  readonly password: string;
  readonly again: string;
  /** The second one is typed: from now on it is said when they differ. */
  readonly isTyped: boolean;
}

export const noPassword: TwicePassword = { password: "", again: "", isTyped: false };

export interface PasswordTwiceProps {
  readonly label: string;
  /** The field of the request, for the server's message. */
  readonly field: string;
  readonly errors: ServerErrors;
  readonly autoFocus?: boolean;
  readonly value: TwicePassword;
  readonly onChange: (value: TwicePassword) => void;
}

export function PasswordTwice({ label, field, errors, autoFocus = false, value, onChange }: PasswordTwiceProps) {
  const differs = value.isTyped && value.again !== value.password;
  return (
    <>
      <FormField label={label} errors={errors} field={field}>
        <Input
          name="password"
          type="password"
          autoComplete="new-password"
          autoFocus={autoFocus}
          value={value.password}
          onChange={(_event, { value: password }) => onChange({ ...value, password })}
        />
      </FormField>
      <FormField
        label={`${label} again`}
        errors={errors}
        field="again"
        {...(differs ? { validationState: "error" as const, validationMessage: "The two passwords differ." } : {})}
      >
        <Input
          name="again"
          type="password"
          autoComplete="new-password"
          value={value.again}
          onChange={(_event, { value: again }) => onChange({ ...value, again })}
          onBlur={() => onChange({ ...value, isTyped: value.again !== "" })}
        />
      </FormField>
    </>
  );
}
