// The editor's changes of a draft, as a reducer. Pure.

import { type FieldRow, type SectionId, type TemplateDraft, emptyRow } from "./template-draft.ts";

export type DraftChange =
  /** What it has once, besides its rows. */
  | { readonly kind: "set"; readonly set: Partial<Omit<TemplateDraft, "rows">> }
  | { readonly kind: "row"; readonly section: SectionId; readonly key: number; readonly set: Partial<FieldRow> }
  /** Behind the row with the key; at the end without one. */
  | { readonly kind: "add"; readonly section: SectionId; readonly after?: number }
  | { readonly kind: "remove"; readonly section: SectionId; readonly key: number }
  | { readonly kind: "move"; readonly section: SectionId; readonly key: number; readonly by: -1 | 1 }
  | { readonly kind: "replace"; readonly draft: TemplateDraft };

export function changedDraft(draft: TemplateDraft, change: DraftChange): TemplateDraft {
  switch (change.kind) {
    case "set":
      return { ...draft, ...change.set };
    case "replace":
      return change.draft;
    case "row":
      return withRows(draft, change.section, (rows) =>
        rows.map((row) => (row.key === change.key ? { ...row, ...change.set } : row)),
      );
    case "add":
      return withRows(draft, change.section, (rows) => {
        const at = rows.findIndex(({ key }) => key === change.after);
        return rows.toSpliced(at < 0 ? rows.length : at + 1, 0, emptyRow(change.section));
      });
    case "remove":
      return withRows(draft, change.section, (rows) => rows.filter(({ key }) => key !== change.key));
    case "move":
      return withRows(draft, change.section, (rows) => {
        const at = rows.findIndex(({ key }) => key === change.key);
        const row = rows[at];
        const to = at + change.by;
        return row === undefined || to < 0 || to >= rows.length ? rows : rows.toSpliced(at, 1).toSpliced(to, 0, row);
      });
  }
}

function withRows(
  draft: TemplateDraft,
  section: SectionId,
  change: (rows: readonly FieldRow[]) => readonly FieldRow[],
): TemplateDraft {
  return { ...draft, rows: { ...draft.rows, [section]: change(draft.rows[section]) } };
}
