// A line of text in a form, with the server's message at it. No browser fills it in from elsewhere.
//
//     <TextField label="Name" field="name" errors={errors} text={name} onChange={setName} required />

import { Input, type InputProps } from "@fluentui/react-components";
import { FormField, type ServerErrors } from "./server-errors.tsx";

export interface TextFieldProps extends Pick<InputProps, "autoFocus" | "placeholder" | "type"> {
  readonly label: string;
  readonly hint?: string;
  readonly required?: boolean;
  readonly className?: string;
  /** Of the request, for the server's message. */
  readonly field: string;
  readonly errors: ServerErrors;
  readonly text: string;
  readonly onChange: (text: string) => void;
}

export function TextField({
  label,
  hint,
  required = false,
  className,
  field,
  errors,
  text,
  onChange,
  ...input
}: TextFieldProps) {
  return (
    <FormField
      label={label}
      required={required}
      {...(hint === undefined ? {} : { hint })}
      {...(className === undefined ? {} : { className })}
      errors={errors}
      field={field}
    >
      <Input
        {...input}
        value={text}
        autoComplete="off"
        spellCheck={false}
        onChange={(_event, { value }) => onChange(value)}
      />
    </FormField>
  );
}
