// A password that an administrator gives somebody: typed, or made up here; shown while it is made, so that it can be handed over.

import { Button, Input, Tooltip, makeStyles } from "@fluentui/react-components";
import { EyeOffRegular, EyeRegular } from "@fluentui/react-icons";
import { useState } from "react";
import { CopyBox } from "../parts/copy-box.tsx";
import { FormField, type ServerErrors } from "../parts/server-errors.tsx";

const useStyles = makeStyles({
  row: { display: "flex", flexWrap: "wrap", gap: "8px" },
  input: { flexGrow: 1, minWidth: "200px" },
});

/** Letters and digits that nobody takes for others. */
const letters = "abcdefghijkmnpqrstuvwxyz23456789";
const lettersCount = 20;

/** 100 random bits, in groups that can be read out. */
function madeUp(): string {
  const random = crypto.getRandomValues(new Uint8Array(lettersCount));
  const text = Array.from(random, (byte) => letters[byte % letters.length]).join("");
  return (text.match(/.{5}/g) ?? []).join("-");
}

export function NewPasswordField({
  password,
  onChange,
  errors,
}: {
  readonly password: string;
  readonly onChange: (password: string) => void;
  readonly errors: ServerErrors;
}) {
  const styles = useStyles();
  const [isShown, setShown] = useState(false);
  return (
    <FormField
      label="Password"
      errors={errors}
      field="password"
      hint="12 characters or more. Hand it over safely; it can be changed under Account."
    >
      {(control) => (
        <div className={styles.row}>
          <Input
            {...control}
            className={styles.input}
            name="new-password"
            type={isShown ? "text" : "password"}
            autoComplete="new-password"
            spellCheck={false}
            value={password}
            onChange={(_event, { value }) => onChange(value)}
            contentAfter={
              <Tooltip content={isShown ? "Hide the password" : "Show the password"} relationship="label">
                <Button
                  size="small"
                  appearance="transparent"
                  icon={isShown ? <EyeOffRegular /> : <EyeRegular />}
                  onClick={() => setShown(!isShown)}
                />
              </Tooltip>
            }
          />
          <Button
            onClick={() => {
              onChange(madeUp());
              setShown(true);
            }}
          >
            Make one up
          </Button>
        </div>
      )}
    </FormField>
  );
}

/** What somebody needs to sign in: shown once, after it was set. */
export function HandOver({ name, password }: { readonly name: string; readonly password: string }) {
  return (
    <>
      <div>
        Give {name} these three, by a way that nobody else reads. The password is not shown again. {name} can change it
        under Account.
      </div>
      <CopyBox label="Address" text={`${location.origin}/sign-in`} />
      <CopyBox label="Name" text={name} />
      <CopyBox label="Password" text={password} />
    </>
  );
}
