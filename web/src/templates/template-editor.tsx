// The editor of one version of a template: a draft of its content, saved in place where nothing breaks, else as a further version.

import { Button, Field, Input, Select, Text, makeStyles, mergeClasses, tokens } from "@fluentui/react-components";
import { useMutation } from "@tanstack/react-query";
import { useEffect, useEffectEvent, useMemo, useReducer, useState } from "react";
import { ApiError } from "../api/api-error.ts";
import { api, answerOf } from "../api/client.ts";
import { invalidate, queryClient } from "../api/query-client.ts";
import { Panel } from "../parts/panel.tsx";
import { FormField, ServerErrorBar, useServerErrors } from "../parts/server-errors.tsx";
import { StaleEditDialog, isStaleEdit } from "../parts/stale-edit-dialog.tsx";
import { useToast } from "../parts/toasts.tsx";
import { UnsavedGuard, beforeLeaving } from "../parts/unsaved-guard.tsx";
import { BreakingEditDialog } from "./breaking-edit-dialog.tsx";
import { changedDraft } from "./draft-changes.ts";
import { ModelIdField } from "./model-id-field.tsx";
import { SectionEditor } from "./section-editor.tsx";
import {
  type DeviceTemplate,
  type SettingForm,
  contentOf,
  draftOf,
  isSameDraft,
  modelIdProblem,
  placeOf,
  problemsOf,
  sections,
} from "./template-draft.ts";
import { versionsQuery } from "./template-queries.ts";

const useStyles = makeStyles({
  editor: { display: "flex", flexDirection: "column", rowGap: "16px" },
  name: { maxWidth: "520px" },
  bar: {
    display: "flex",
    flexDirection: "column",
    rowGap: "8px",
    padding: "10px 14px",
    borderRadius: tokens.borderRadiusLarge,
    border: `1px solid ${tokens.colorNeutralStroke2}`,
    backgroundColor: tokens.colorNeutralBackground1,
  },
  // While there is something to save, wherever one is on the page.
  sticky: { position: "sticky", bottom: "8px", zIndex: 5, boxShadow: tokens.shadow8 },
  row: { display: "flex", flexWrap: "wrap", gap: "8px", alignItems: "center" },
  state: { color: tokens.colorNeutralForeground3, marginInlineEnd: "auto" },
  keys: { color: tokens.colorNeutralForeground3, "@media (max-width: 960px)": { display: "none" } },
});

export interface TemplateEditorProps {
  readonly template: DeviceTemplate;
  /** A further version was made of the draft. */
  readonly onVersion: (version: string) => void;
  /** Told when there begins or ends to be something unsaved. */
  readonly onDirty: (isDirty: boolean) => void;
}

export function TemplateEditor({ template, onVersion, onDirty }: TemplateEditorProps) {
  const styles = useStyles();
  const toast = useToast();
  // What the draft began with. What somebody else saves meanwhile is taken over only where nothing would be lost.
  const [base, setBase] = useState(template);
  const [draft, dispatch] = useReducer(changedDraft, template, draftOf);
  const [isProblemShown, setProblemShown] = useState(false);
  const start = useMemo(() => draftOf(base), [base]);
  const isDirty = !isSameDraft(draft, start);
  useEffect(() => onDirty(isDirty), [isDirty, onDirty]);
  const problems = useMemo(() => problemsOf(draft), [draft]);
  const isSendable = problems.size === 0 && modelIdProblem(draft) === null;
  const { id: templateId, version } = base;
  const take = (saved: DeviceTemplate): void => {
    setBase(saved);
    dispatch({ kind: "replace", draft: draftOf(saved) });
  };
  useEffect(() => {
    if (template.etag > base.etag && !isDirty) take(template);
  }, [template, base.etag, isDirty]);

  const save = useMutation({
    mutationFn: async (given: { readonly etag?: number; readonly publish?: boolean }) =>
      await answerOf(
        api.PUT("/api/v1/device-templates/{templateId}/versions/{version}", {
          params: { path: { templateId, version } },
          body: { ...contentOf(draft), ...given },
        }),
      ),
    onSuccess: async (saved, { publish = false }) => {
      take(saved);
      setProblemShown(false);
      toast(publish ? `Version ${version} is published` : "Saved");
      await invalidate("device-templates");
    },
  });
  const trySave = (publish: boolean): void => {
    setProblemShown(!isSendable);
    if (isSendable) save.mutate({ etag: base.etag, ...(publish ? { publish } : {}) });
  };
  const isBreaking = save.error instanceof ApiError && save.error.code === "template-edit-breaking";
  const refusal = isStaleEdit(save.error) || isBreaking ? null : save.error;
  const errors = useServerErrors(refusal, ["name", "modelId"]);
  const errorPlace = useMemo(
    // Where it stands now, also after rows were moved.
    () => (refusal instanceof ApiError && refusal.field !== null ? placeOf(refusal.field, draft) : null),
    [refusal, draft],
  );
  const errorText = refusal instanceof ApiError ? [refusal.message, refusal.hint].filter(Boolean).join(" ") : "";
  useEffect(() => {
    if (refusal !== null || isProblemShown) document.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
  }, [refusal, isProblemShown]);
  const noProblems: ReadonlyMap<number, string> = useMemo(() => new Map(), []);
  // Wherever on the page the focus is.
  const onSaveKey = useEffectEvent((event: KeyboardEvent) => {
    if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "s") return;
    event.preventDefault();
    if (isDirty && !save.isPending && save.error === refusal) trySave(false);
  });
  useEffect(() => {
    const hear = (event: KeyboardEvent): void => onSaveKey(event);
    window.addEventListener("keydown", hear);
    return () => window.removeEventListener("keydown", hear);
  }, []);
  return (
    <form
      noValidate
      className={styles.editor}
      onSubmit={(event) => {
        event.preventDefault();
        trySave(false);
      }}
    >
      <UnsavedGuard isDirty={isDirty && !save.isPending} what="this device template" />
      <Panel title="Name and model">
        <FormField
          errors={errors}
          field="name"
          label="Name of the device template"
          hint="One name for this version; it goes out with each exported record of it."
        >
          <Input
            className={styles.name}
            autoComplete="off"
            value={draft.name}
            onChange={(_event, { value }) => dispatch({ kind: "set", set: { name: value } })}
          />
        </FormField>
        <ModelIdField
          template={base}
          draft={draft}
          isProblemShown={isProblemShown}
          errors={errors}
          onChange={(modelId) => dispatch({ kind: "set", set: { modelId } })}
        />
        <Text size={200} className={styles.keys}>
          By keyboard, in a row: Enter adds one behind it, Alt ↑ and Alt ↓ move it, Alt Delete removes it, Ctrl S saves.
        </Text>
      </Panel>
      {sections.map((kind) => (
        <SectionEditor
          key={kind.id}
          kind={kind}
          rows={draft.rows[kind.id]}
          problems={isProblemShown ? problems : noProblems}
          errorPlace={errorPlace}
          errorText={errorText}
          dispatch={dispatch}
        >
          {kind.id === "settings" && draft.rows.settings.length > 0 && (
            <Field
              className={styles.name}
              label="How settings are sent to devices"
              hint="Devices that were built for IoT Central before July 2020 expect the first."
            >
              <Select
                value={draft.settingForm}
                onChange={(_event, { value }) => dispatch({ kind: "set", set: { settingForm: value as SettingForm } })}
              >
                <option value="wrapped">{'As an object: {"fan": {"value": 3}}'}</option>
                <option value="bare">{'As the value: {"fan": 3}'}</option>
              </Select>
            </Field>
          )}
        </SectionEditor>
      ))}
      <div className={mergeClasses(styles.bar, isDirty && styles.sticky)}>
        <ServerErrorBar error={errorPlace === null ? errors.rest : null} />
        <div className={styles.row}>
          <Text className={styles.state} role="status">
            {isProblemShown && problems.size > 0
              ? `${problems.size === 1 ? "A row needs" : `${problems.size} rows need`} a field name of its own.`
              : errorPlace !== null || (isProblemShown && !isSendable)
                ? "Not saved: see the field that is marked."
                : isDirty
                  ? "You have unsaved changes."
                  : "Everything is saved."}
          </Text>
          <Button
            disabledFocusable={!isDirty || save.isPending}
            onClick={() => {
              if (isDirty) take(base);
              save.reset();
              setProblemShown(false);
            }}
          >
            Discard changes
          </Button>
          {!base.published && (
            <Button disabledFocusable={!isDirty || save.isPending} onClick={() => isDirty && trySave(true)}>
              Save and publish
            </Button>
          )}
          <Button type="submit" appearance="primary" disabledFocusable={!isDirty || save.isPending}>
            {save.isPending ? "Saving …" : "Save"}
          </Button>
        </div>
      </div>
      {isBreaking && (
        <BreakingEditDialog
          template={base}
          content={contentOf(draft)}
          onMade={(made) => {
            // Nothing is unsaved any more: it is in the new version.
            beforeLeaving(() => {
              dispatch({ kind: "replace", draft: start });
              save.reset();
            });
            onVersion(made);
          }}
          onClose={save.reset}
        />
      )}
      <StaleEditDialog
        error={save.error}
        onTakeTheirs={async () => {
          const versions = await queryClient.fetchQuery({ ...versionsQuery(templateId), staleTime: 0 });
          const theirs = versions.find((one) => one.version === version);
          if (theirs !== undefined) take(theirs);
        }}
        onOverwrite={async () => await save.mutateAsync({})}
        onClose={save.reset}
      />
    </form>
  );
}
