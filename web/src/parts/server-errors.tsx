// The server's refusal, shown where it belongs: at the field it names, and what names no field of the form above its buttons.
//
//     const errors = useServerErrors(mutation.error, ["name", "settings.endpoint"]);
//     <FormField errors={errors} field="settings.endpoint" label="Endpoint"><Input …/></FormField>
//     <ServerErrorBar error={errors.rest} />
//
// A field takes what the server says about it and about what lies below: `settings` takes `settings.path`, unless a field of
// the form is called that.

import { Field, type FieldProps, MessageBar, MessageBarBody, MessageBarTitle } from "@fluentui/react-components";
import { useEffect } from "react";
import { ApiError, ConnectionLost } from "../api/api-error.ts";

export interface ServerErrors {
  /** What the server says about a field of the form, or null. */
  readonly of: (field: string) => ApiError | null;
  /** What belongs to no field of the form, or null. */
  readonly rest: Error | null;
}

export function useServerErrors(error: Error | null, fields: readonly string[]): ServerErrors {
  const named = error instanceof ApiError && error.field !== null ? fieldOf(error.field, fields) : null;
  useEffect(() => {
    // After the inputs were told: the first that is wrong gets the focus.
    if (named !== null) document.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
  }, [named, error]);
  return {
    of: (field) => (field === named ? (error as ApiError) : null),
    rest: named === null ? error : null,
  };
}

/** The longest of `fields` that is `path` or above it. */
function fieldOf(path: string, fields: readonly string[]): string | null {
  const above = fields.filter((one) => path === one || path.startsWith(`${one}.`) || path.startsWith(`${one}[`));
  return above.toSorted((a, b) => b.length - a.length)[0] ?? null;
}

/** Fluent's Field with the server's message at it. A message of the page's own goes before the server's. */
export function FormField({
  errors,
  field,
  ...props
}: FieldProps & { readonly errors: ServerErrors; readonly field: string }) {
  const error = errors.of(field);
  if (error === null || props.validationMessage !== undefined) return <Field {...props} />;
  const message = error.hint === null ? error.message : `${error.message} ${error.hint}`;
  return <Field {...props} validationState="error" validationMessage={message} />;
}

/** What went wrong, in the server's words, and what to do. Nothing for null. */
export function ServerErrorBar({ error, title }: { readonly error: Error | null; readonly title?: string }) {
  if (error === null) return null;
  return (
    <MessageBar intent="error" layout="multiline" role="alert">
      <MessageBarBody>
        {title !== undefined && <MessageBarTitle>{title}</MessageBarTitle>}
        {wordsOf(error)}
      </MessageBarBody>
    </MessageBar>
  );
}

/** An error in a sentence or two. */
export function wordsOf(error: Error): string {
  if (error instanceof ApiError) return error.hint === null ? error.message : `${error.message} ${error.hint}`;
  if (error instanceof ConnectionLost)
    return "The server cannot be reached. Nothing was changed as far as this page knows; try again.";
  return `Something went wrong in this page: ${error.message}`;
}
