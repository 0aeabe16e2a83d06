// A certificate, pasted as PEM or read from a file. A file in DER becomes PEM here.

import { Button, Textarea, makeStyles, tokens } from "@fluentui/react-components";
import { DocumentRegular } from "@fluentui/react-icons";
import { useRef } from "react";
import { FormField, type ServerErrors } from "../parts/server-errors.tsx";

/** More is no certificate. */
const fileBytesMax = 64 * 1024;

const useStyles = makeStyles({
  area: { "& textarea": { fontFamily: tokens.fontFamilyMonospace, fontSize: tokens.fontSizeBase100 } },
  stack: { display: "flex", flexDirection: "column", rowGap: "8px", minWidth: 0 },
  hidden: { display: "none" },
});

/** Pure but for the reading. @returns what stands in the file, as PEM. */
export async function pemOf(file: Blob): Promise<string> {
  const bytes = new Uint8Array(await file.slice(0, fileBytesMax).arrayBuffer());
  // DER begins with a sequence longer than 127 bytes.
  if (bytes[0] !== 0x30 || bytes[1] === undefined || bytes[1] < 0x80) return new TextDecoder().decode(bytes);
  const lines = btoa([...bytes].map((byte) => String.fromCodePoint(byte)).join("")).match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}

export function PemField({
  label,
  hint,
  field,
  pem,
  errors,
  onChange,
}: {
  readonly label: string;
  readonly hint: string;
  readonly field: string;
  readonly pem: string;
  readonly errors: ServerErrors;
  readonly onChange: (pem: string) => void;
}) {
  const styles = useStyles();
  const input = useRef<HTMLInputElement>(null);
  return (
    <div className={styles.stack}>
      <FormField label={label} hint={hint} errors={errors} field={field}>
        <Textarea
          className={styles.area}
          rows={6}
          spellCheck={false}
          placeholder="-----BEGIN CERTIFICATE-----"
          value={pem}
          onChange={(_event, { value }) => onChange(value)}
        />
      </FormField>
      <div>
        <input
          ref={input}
          type="file"
          className={styles.hidden}
          aria-label={`File of the ${label.toLowerCase()}`}
          accept=".pem,.crt,.cer,.der"
          onChange={({ target }) => {
            const [file] = target.files ?? [];
            if (file !== undefined) void pemOf(file).then(onChange);
            // So that the same file can be chosen again.
            target.value = "";
          }}
        />
        <Button size="small" icon={<DocumentRegular />} onClick={() => input.current?.click()}>
          From a file
        </Button>
      </div>
    </div>
  );
}
