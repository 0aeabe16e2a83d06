// ID scopes in SQLite: the installation's own, and those that are taken besides it.

import { registryError } from "../errors.ts";
import { idScopeOf } from "../id-scope.ts";
import { type EnrollmentCalls, type IdScopes, type RegistrationCalls, provisioningLimits } from "../registry.ts";
import type { Database, Reader } from "./database.ts";

type IdScopeCalls = Pick<EnrollmentCalls, "idScopes" | "setFurtherIdScopes"> & Pick<RegistrationCalls, "isIdScope">;

export function idScopesIn(database: Database, installationId: string): IdScopeCalls {
  // Raw and prepared: asked at every request of a device.
  const further = database.rawReader.prepare("select 1 from id_scopes where id_scope = ?");
  const own = ownIdScope(installationId);

  const read = async (db: Reader): Promise<IdScopes> => {
    const rows = await db.selectFrom("id_scopes").select("id_scope").orderBy("id_scope").execute();
    return { idScope: own, furtherIdScopes: rows.map((row) => row.id_scope) };
  };

  return {
    isIdScope(idScope) {
      return further.get(idScope) !== undefined || idScope === own;
    },

    async idScopes() {
      return await read(database.reader);
    },

    async setFurtherIdScopes(idScopes) {
      const clean = [...new Set(idScopes.map((one, index) => idScopeOf(one, `furtherIdScopes[${index}]`)))];
      const wanted = clean.filter((one) => one !== own);
      if (wanted.length > provisioningLimits.furtherIdScopes) {
        throw registryError("input-invalid", `At most ${provisioningLimits.furtherIdScopes} further ID scopes.`, {
          field: "furtherIdScopes",
        });
      }
      return await database.change(async (change, tell) => {
        await change.deleteFrom("id_scopes").execute();
        if (wanted.length > 0) {
          await change
            .insertInto("id_scopes")
            .values(wanted.map((id_scope) => ({ id_scope })))
            .execute();
        }
        tell({ kind: "provisioning-changed", id: "id-scopes" });
        return await read(change);
      });
    },
  };
}

/** `0ne` and eight hexadecimal digits, the form of Azure's. Of the installation's id, so that it never changes, nor is another's. */
function ownIdScope(installationId: string): string {
  return `0ne${installationId.slice(0, 8).toUpperCase()}`;
}
