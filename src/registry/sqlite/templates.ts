// Device templates in SQLite: versions as rows, drafts without a revision.

import { sql } from "kysely";
import { randomUUID } from "node:crypto";
import type { Clock } from "../../lib/clock.ts";
import { nextVersion, templateIdOf, templateVersionOf, versionRank } from "../device-id.ts";
import { registryError } from "../errors.ts";
import { booleanOf, nameOf } from "../input.ts";
import type { DeviceTemplate, NewTemplate, RegistryEvent, TemplateCalls, TemplateContent } from "../registry.ts";
import { templateContentOf } from "../template-content.ts";
import { takeRevisions } from "./counters.ts";
import { breaksOf } from "../template-edit.ts";
import type { Change, Database, Reader, Tell } from "./database.ts";
import { checkEtag } from "./etag.ts";
import { contentOf } from "./parsed-content.ts";
import type { TemplateRow } from "./schema.ts";

/** The column of Microsoft's own reader of the exported files. */
const templateNameCharsMax = 1000;

export function templatesIn(database: Database, clock: Clock): TemplateCalls {
  const insert = async (change: Change, tell: Tell, id: string, version: string, template: NewTemplate) => {
    const publish = template.publish !== undefined && booleanOf(template.publish, "publish");
    const row: TemplateRow = {
      id,
      version,
      version_rank: versionRank(version) ?? 0,
      name: nameOf(template.name, "name", templateNameCharsMax),
      content: JSON.stringify(templateContentOf(template)),
      published: publish ? 1 : 0,
      revision: publish ? await takeRevisions(change, 1) : null,
      etag: 1,
      created_at: new Date(clock.nowMs()).toISOString(),
    };
    await change.insertInto("device_templates").values(row).execute();
    tell(templateChanged(row));
    return templateFromRow(row);
  };

  return {
    async createTemplate(template, whenExists = "refuse") {
      const id = template.id === undefined ? randomUUID() : templateIdOf(template.id, "id");
      const version = template.version === undefined ? "1.0.0" : templateVersionOf(template.version, "version");
      return await database.change(async (change, tell) => {
        const newest = await newestRow(change, id);
        if (newest === undefined) return await insert(change, tell, id, version, template);
        if (whenExists === "new-id") return await insert(change, tell, randomUUID(), version, template);
        if (whenExists === "new-version") {
          return await insert(change, tell, id, await freeVersion(change, id, version), template);
        }
        throw registryError("template-exists", `The device template ${id} exists.`, { field: "id" });
      });
    },

    async createTemplateVersion(id, template) {
      const version = templateVersionOf(template.version, "version");
      sameOrLeftOut(template.id, id, "id");
      return await database.change(async (change, tell) => {
        if ((await newestRow(change, id)) === undefined) throw notFound(id);
        if (await versionRow(change, id, version)) {
          throw registryError("template-exists", `The device template ${id} has a version ${version}.`, {
            field: "version",
            hint: "Use the next free version.",
          });
        }
        return await insert(change, tell, id, version, template);
      });
    },

    async updateTemplate(id, version, content, etag) {
      sameOrLeftOut(content.id, id, "id");
      sameOrLeftOut(content.version, version, "version");
      const name = nameOf(content.name, "name", templateNameCharsMax);
      const clean = templateContentOf(content);
      const publish = content.publish !== undefined && booleanOf(content.publish, "publish");
      return await database.change(async (change, tell) => {
        const row = await requireVersion(change, id, version);
        checkEtag(row, etag, `device template ${id} ${version}`);
        // The order of the fields is content, too: people see it, and the exported record has it.
        const isSame = row.name === name && row.content === JSON.stringify(clean);
        const isPublished = row.published === 1;
        if (isSame && (isPublished || !publish)) return templateFromRow(row);
        if (isPublished) refuseBreaks(row, clean);
        tell(templateChanged(row));
        return await write(change, row, {
          name,
          content: JSON.stringify(clean),
          published: isPublished || publish ? 1 : 0,
          // S1: the next snapshot has it.
          revision: isPublished || publish ? await takeRevisions(change, 1) : null,
        });
      });
    },

    async templateBreaks(id, version, content) {
      const row = await requireVersion(database.reader, id, version);
      return row.published === 1 ? breaksOf(contentFromRow(row), templateContentOf(content)) : [];
    },

    async publishTemplate(id, version, etag) {
      return await database.change(async (change, tell) => {
        const row = await requireVersion(change, id, version);
        checkEtag(row, etag, `device template ${id} ${version}`);
        if (row.published === 1) return templateFromRow(row);
        tell(templateChanged(row));
        // S1: from here on snapshots see it.
        return await write(change, row, { published: 1, revision: await takeRevisions(change, 1) });
      });
    },

    async deleteTemplate(id, version) {
      await database.change(async (change, tell) => {
        if (version === undefined && (await newestRow(change, id)) === undefined) throw notFound(id);
        if (version !== undefined) await requireVersion(change, id, version);
        let using = change.selectFrom("devices").where("template_id", "=", id);
        if (version !== undefined) using = using.where("template_version", "=", version);
        const { devices } = await using
          .select((eb) => eb.fn.countAll<number>().as("devices"))
          .executeTakeFirstOrThrow();
        if (devices > 0) {
          const what = version === undefined ? `The device template ${id}` : `Version ${version} of ${id}`;
          throw registryError("template-in-use", `${what} is used by ${devices} device${devices === 1 ? "" : "s"}.`);
        }
        let rows = change.deleteFrom("device_templates").where("id", "=", id);
        if (version !== undefined) rows = rows.where("version", "=", version);
        await rows.execute();
        tell(templateChanged({ id }));
      });
    },

    async template(id, version) {
      if (version !== undefined) return templateFromRow(await requireVersion(database.reader, id, version));
      const row = await newestRow(database.reader, id);
      if (row === undefined) throw notFound(id);
      return templateFromRow(row);
    },

    async templates() {
      const rows = await database.reader
        .selectFrom("device_templates")
        .selectAll()
        .orderBy("id")
        .orderBy("version_rank")
        .execute();
      return rows.map(templateFromRow);
    },
  };
}

export function templateFromRow(row: TemplateRow): DeviceTemplate {
  return {
    id: row.id,
    version: row.version,
    name: row.name,
    ...contentFromRow(row),
    published: row.published === 1,
    etag: row.etag,
    createdAt: row.created_at,
  };
}

/**
 * The published version that a device is to use: `version`, or the newest.
 *
 * @throws  ColdpathError `reference-unknown`, `template-not-published`.
 */
export async function usableTemplate(db: Reader, id: string, version?: string): Promise<DeviceTemplate> {
  const row = version === undefined ? await newestRow(db, id) : await versionRow(db, id, version);
  const field = version === undefined ? "templateId" : "templateVersion";
  if (row === undefined) throw registryError("reference-unknown", `There is no ${printed(id, version)}.`, { field });
  if (row.published === 0) {
    const what =
      version === undefined ? `The device template ${id} has no published version` : `${id} ${version} is a draft`;
    throw registryError("template-not-published", `${what}; devices use published versions.`, { field });
  }
  return templateFromRow(row);
}

/** The newest published version that says it is of this model, of whichever template; null: there is none. */
export async function modelTemplate(db: Reader, modelId: string): Promise<DeviceTemplate | null> {
  const row = await db
    .selectFrom("device_templates")
    .selectAll()
    .where(sql<string>`json_extract(content, '$.modelId')`, "=", modelId)
    .where("published", "=", 1)
    .orderBy("version_rank", "desc")
    .orderBy("id")
    .limit(1)
    .executeTakeFirst();
  return row === undefined ? null : templateFromRow(row);
}

function contentFromRow(row: TemplateRow): TemplateContent {
  return contentOf(row.content);
}

async function write(change: Change, row: TemplateRow, set: Partial<TemplateRow>): Promise<DeviceTemplate> {
  const etag = row.etag + 1;
  await change
    .updateTable("device_templates")
    .set({ ...set, etag })
    .where("id", "=", row.id)
    .where("version", "=", row.version)
    .execute();
  return templateFromRow({ ...row, ...set, etag });
}

function templateChanged({ id }: Pick<TemplateRow, "id">): RegistryEvent {
  return { kind: "template-changed", templateId: id };
}

const breaksNamed = 10;

function refuseBreaks(row: TemplateRow, after: TemplateContent): void {
  const breaks = breaksOf(contentFromRow(row), after);
  if (breaks.length === 0) return;
  const named = breaks.slice(0, breaksNamed).map(({ message }) => message);
  if (breaks.length > named.length) named.push(`And ${breaks.length - named.length} more.`);
  const message = `Version ${row.version} of device template ${row.id} is published, and this edit breaks it: ${named.join(" ")}`;
  throw registryError("template-edit-breaking", message, { field: breaks[0]?.field });
}

/** `version` when it is free, else the next minor one behind all there are. */
async function freeVersion(db: Reader, id: string, version: string): Promise<string> {
  if ((await versionRow(db, id, version)) === undefined) return version;
  const rows = await db.selectFrom("device_templates").select("version").where("id", "=", id).execute();
  return nextVersion(rows.map((row) => row.version));
}

/** The newest published version, else the newest draft. */
function newestRow(db: Reader, id: string): Promise<TemplateRow | undefined> {
  return db
    .selectFrom("device_templates")
    .selectAll()
    .where("id", "=", id)
    .orderBy("published", "desc")
    .orderBy("version_rank", "desc")
    .limit(1)
    .executeTakeFirst();
}

function versionRow(db: Reader, id: string, version: string): Promise<TemplateRow | undefined> {
  return db
    .selectFrom("device_templates")
    .selectAll()
    .where("id", "=", id)
    .where("version", "=", version)
    .executeTakeFirst();
}

async function requireVersion(db: Reader, id: string, version: string): Promise<TemplateRow> {
  const row = await versionRow(db, id, version);
  if (row === undefined) throw notFound(id, version);
  return row;
}

function notFound(id: string, version?: string): Error {
  return registryError("template-not-found", `There is no ${printed(id, version)}.`);
}

function printed(id: string, version: string | undefined): string {
  return version === undefined ? `device template ${id}` : `version ${version} of device template ${id}`;
}

function sameOrLeftOut(given: string | undefined, expected: string, field: string): void {
  if (given === undefined || given === expected) return;
  throw registryError(
    "input-invalid",
    `${field} is ${JSON.stringify(given)} in the content but ${expected} was named.`,
    {
      field,
      hint: "Leave it out, or make it the same.",
    },
  );
}
