// A field for JSON. That it is some is judged here, and said once it was left; all else by the server.
//
//     <JsonField label="Payload" field="payload" text={text} errors={errors} onChange={setText} />

import { Textarea, makeStyles, tokens } from "@fluentui/react-components";
import { useState } from "react";
import { readJson } from "./json-text.ts";
import { FormField, type ServerErrors } from "./server-errors.tsx";

const useStyles = makeStyles({
  area: {
    width: "100%",
    "& textarea": { fontFamily: tokens.fontFamilyMonospace, fontSize: tokens.fontSizeBase200 },
  },
});

export interface JsonFieldProps {
  readonly label: string;
  readonly hint?: string;
  /** The field of the request, for the server's message. */
  readonly field: string;
  readonly text: string;
  readonly rows?: number;
  readonly errors: ServerErrors;
  readonly onChange: (text: string) => void;
}

export function JsonField({ label, hint, field, text, rows = 4, errors, onChange }: JsonFieldProps) {
  const styles = useStyles();
  const [isLeft, setLeft] = useState(false);
  const read = readJson(text);
  const wrong = isLeft && !read.isJson ? read.problem : null;
  return (
    <FormField
      label={label}
      {...(hint === undefined ? {} : { hint })}
      errors={errors}
      field={field}
      {...(wrong === null ? {} : { validationState: "error" as const, validationMessage: wrong })}
    >
      <Textarea
        className={styles.area}
        value={text}
        rows={rows}
        resize="vertical"
        spellCheck={false}
        onChange={(_event, { value }) => onChange(value)}
        onBlur={() => setLeft(true)}
      />
    </FormField>
  );
}
