// The choice of a role, each explained in a sentence.

import { Radio, RadioGroup, Text, makeStyles, tokens } from "@fluentui/react-components";
import { FormField, type ServerErrors } from "../parts/server-errors.tsx";
import { type Role, roleNames, roles } from "./session.ts";

const mayWords: Readonly<Record<Role, string>> = {
  operator:
    "Looks at the hub and manages devices: adds, changes, blocks and deletes them, sees their keys and messages.",
  builder: "All that an Operator may, and makes, changes and deletes device templates.",
  administrator: "Everything: also exports, storage accounts, hub policies, users, API tokens and the audit log.",
};

const useStyles = makeStyles({
  label: { display: "flex", flexDirection: "column", rowGap: "2px" },
  words: { color: tokens.colorNeutralForeground3 },
});

export function RoleChoice({
  role,
  onChange,
  errors,
}: {
  readonly role: Role;
  readonly onChange: (role: Role) => void;
  readonly errors: ServerErrors;
}) {
  const styles = useStyles();
  return (
    <FormField label="Role" errors={errors} field="role">
      <RadioGroup value={role} onChange={(_event, { value }) => onChange(value as Role)}>
        {roles.map((one) => (
          <Radio
            key={one}
            value={one}
            label={
              <span className={styles.label}>
                <span>{roleNames[one]}</span>
                <Text size={200} className={styles.words}>
                  {mayWords[one]}
                </Text>
              </span>
            }
          />
        ))}
      </RadioGroup>
    </FormField>
  );
}
