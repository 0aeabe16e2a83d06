// The form of an export, as the seed's steps say: storage account, container, what to export, on or off, Save.

import {
  Accordion,
  AccordionHeader,
  AccordionItem,
  AccordionPanel,
  Button,
  Field,
  Input,
  MessageBar,
  MessageBarBody,
  Switch,
  Text,
  makeStyles,
} from "@fluentui/react-components";
import { useEffect, useState } from "react";
import { Panel } from "../parts/panel.tsx";
import { LinkButton } from "../parts/plain-link.tsx";
import { FormField, ServerErrorBar, useServerErrors } from "../parts/server-errors.tsx";
import { AdvancedFields, advancedFields } from "./advanced-fields.tsx";
import type { StorageAccount } from "./export-queries.ts";
import { exportTypes, typeMeanings, typeNames, whatFilesHold, whenDataBegins } from "./export-words.ts";
import type { ExportValues } from "./form-values.ts";
import { StorageFields } from "./storage-fields.tsx";

const plainFields = ["name", "storageAccountId", "container", "types", "on"] as const;

const useStyles = makeStyles({
  form: { display: "flex", flexDirection: "column", rowGap: "16px", maxWidth: "860px" },
  column: { display: "flex", flexDirection: "column", rowGap: "14px" },
  name: { maxWidth: "440px" },
  toggle: { marginInlineStart: "-8px" },
  buttons: { display: "flex", flexWrap: "wrap", gap: "8px", alignItems: "center" },
});

export interface ExportFormProps {
  readonly initial: ExportValues;
  readonly accounts: readonly StorageAccount[];
  /** Null for a new one. */
  readonly wasOn: boolean | null;
  readonly error: Error | null;
  readonly isSaving: boolean;
  readonly onSave: (values: ExportValues) => void;
  /** Where Cancel leads. */
  readonly back: string;
}

export function ExportForm({ initial, accounts, wasOn, error, isSaving, onSave, back }: ExportFormProps) {
  const styles = useStyles();
  const [values, setValues] = useState(initial);
  const [isAdvanced, setAdvanced] = useState(false);
  const [isTouched, setTouched] = useState(false);
  const errors = useServerErrors(error, [...plainFields, ...advancedFields]);
  const change = (part: Partial<ExportValues>): void => setValues((last) => ({ ...last, ...part }));
  const isAdvancedRefused = advancedFields.some((field) => errors.of(field) !== null);
  useEffect(() => {
    if (isAdvancedRefused) setAdvanced(true);
  }, [isAdvancedRefused]);
  // What the server would say, said before it is asked.
  const missing = (isMissing: boolean, words: string) =>
    isTouched && isMissing ? { validationState: "error" as const, validationMessage: words } : {};
  const lacksTypes = values.types.length === 0;
  const lacksPlace = values.storageAccountId === "" || values.container === "";

  return (
    <form
      className={styles.form}
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        setTouched(true);
        if (!lacksTypes && !lacksPlace) onSave(values);
      }}
    >
      <Panel title="Where to" about="Each minute becomes files in this container, in folders by day, hour and minute.">
        <StorageFields
          accounts={accounts}
          storageAccountId={values.storageAccountId}
          container={values.container}
          errors={errors}
          onChange={change}
        />
        {isTouched && lacksPlace && (
          <MessageBar intent="error" role="alert">
            <MessageBarBody>Choose a storage account and a container.</MessageBarBody>
          </MessageBar>
        )}
      </Panel>
      <Panel title="Data to export" about={whatFilesHold}>
        <FormField errors={errors} field="types" {...missing(lacksTypes, "Turn on at least one.")}>
          <div className={styles.column} role="group" aria-label="Data to export">
            {exportTypes.map((type) => (
              <Toggle
                key={type}
                label={typeNames[type]}
                meaning={typeMeanings[type]}
                isOn={values.types.includes(type)}
                onChange={(isOn) =>
                  change({ types: exportTypes.filter((one) => (one === type ? isOn : values.types.includes(one))) })
                }
              />
            ))}
          </div>
        </FormField>
      </Panel>
      <Panel title="Continuous Data Export">
        <Toggle
          label={`Continuous Data Export is ${values.on ? "on" : "off"}`}
          name="Continuous Data Export"
          meaning={whenDataBegins}
          isOn={values.on}
          onChange={(on) => change({ on })}
        />
        {wasOn === true && !values.on && (
          <MessageBar intent="warning" layout="multiline">
            <MessageBarBody>
              When you save, the minute that runs is still exported. What devices send after it is not, and cannot be
              exported later.
            </MessageBarBody>
          </MessageBar>
        )}
        <FormField
          className={styles.name}
          label="Name of this export"
          errors={errors}
          field="name"
          hint="For the lists of this page and the command line."
        >
          <Input value={values.name} onChange={(_event, { value }) => change({ name: value })} />
        </FormField>
      </Panel>
      <Accordion collapsible openItems={isAdvanced ? ["advanced"] : []} onToggle={() => setAdvanced(!isAdvanced)}>
        <AccordionItem value="advanced">
          <AccordionHeader as="h2">Advanced</AccordionHeader>
          <AccordionPanel>
            <AdvancedFields values={values} errors={errors} onChange={change} />
          </AccordionPanel>
        </AccordionItem>
      </Accordion>
      <ServerErrorBar error={errors.rest} />
      {wasOn !== null && (
        <Text size={200}>
          Changes are in force from the next minute on. Files that were written stay where they are.
        </Text>
      )}
      <div className={styles.buttons}>
        <Button type="submit" appearance="primary" disabledFocusable={isSaving}>
          {isSaving ? "Saving …" : "Save"}
        </Button>
        <LinkButton to={back}>Cancel</LinkButton>
      </div>
    </form>
  );
}

function Toggle({
  label,
  name,
  meaning,
  isOn,
  onChange,
}: {
  readonly label: string;
  /** For who cannot see it; the label when left out. */
  readonly name?: string;
  readonly meaning: string;
  readonly isOn: boolean;
  readonly onChange: (isOn: boolean) => void;
}) {
  const styles = useStyles();
  return (
    <Field hint={meaning}>
      <Switch
        className={styles.toggle}
        checked={isOn}
        label={label}
        {...(name === undefined ? {} : { "aria-label": name })}
        onChange={(_event, { checked }) => onChange(checked)}
      />
    </Field>
  );
}
