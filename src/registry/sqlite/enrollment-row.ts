// What groups and individual enrollments have in common as rows: on which terms devices come, and how many rows there may be.

import { templateIdOf, templateVersionOf } from "../device-id.ts";
import { registryError } from "../errors.ts";
import { booleanOf } from "../input.ts";
import { type EnrollmentTerms, type TermsChange, provisioningLimits } from "../registry.ts";
import type { Change } from "./database.ts";
import type { EnrollmentGroupRow } from "./schema.ts";
import { usableTemplate } from "./templates.ts";

export type TermsColumns = Pick<EnrollmentGroupRow, "template_id" | "template_version" | "auto_approve" | "enabled">;

export const noTerms: TermsColumns = { template_id: null, template_version: null, auto_approve: 1, enabled: 1 };

/** What is given, in place of what was. */
export async function termsOf(change: Change, given: TermsChange, was: TermsColumns): Promise<TermsColumns> {
  const templateId =
    given.templateId === undefined
      ? was.template_id
      : given.templateId === null
        ? null
        : templateIdOf(given.templateId, "templateId");
  const isOther = templateId !== was.template_id;
  const version = given.templateVersion === undefined ? (isOther ? null : was.template_version) : given.templateVersion;
  const templateVersion = version === null ? null : templateVersionOf(version, "templateVersion");
  if (templateId === null && templateVersion !== null) {
    throw registryError("input-invalid", "A templateVersion needs a templateId.", { field: "templateVersion" });
  }
  if (templateId !== null && (isOther || templateVersion !== was.template_version)) {
    await usableTemplate(change, templateId, templateVersion ?? undefined);
  }
  return {
    template_id: templateId,
    template_version: templateVersion,
    auto_approve: given.autoApprove === undefined ? was.auto_approve : flagOf(given.autoApprove, "autoApprove"),
    enabled: given.enabled === undefined ? was.enabled : flagOf(given.enabled, "enabled"),
  };
}

const flagOf = (input: unknown, field: string): 0 | 1 => (booleanOf(input, field) ? 1 : 0);

export function termsFromRow(row: TermsColumns): EnrollmentTerms {
  return {
    templateId: row.template_id,
    templateVersion: row.template_version,
    autoApprove: row.auto_approve === 1,
    enabled: row.enabled === 1,
  };
}

export function isSameRow<T extends object>(one: T, other: T): boolean {
  return (Object.keys(one) as (keyof T)[]).every((column) => one[column] === other[column]);
}

export async function refuseMore(change: Change, table: "enrollment_groups" | "enrollments"): Promise<void> {
  const max = table === "enrollments" ? provisioningLimits.enrollments : provisioningLimits.enrollmentGroups;
  const { count } = await change
    .selectFrom(table)
    .select(({ fn }) => fn.countAll<number>().as("count"))
    .executeTakeFirstOrThrow();
  if (count < max) return;
  const what = table === "enrollments" ? "enrollments" : "enrollment groups";
  throw registryError("enrollments-too-many", `There are ${count} ${what}, and no more may be.`);
}
