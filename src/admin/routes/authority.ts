// The certificate of the authority that devices trust the hub by, for whoever cannot read the server's files.

import { readFile } from "node:fs/promises";
import { Type } from "typebox";
import { ColdpathError } from "../../lib/errors.ts";
import type { AdminOptions } from "../options.ts";
import type { Api } from "../schema.ts";

/** Nothing else of the file goes out: an operator's own may hold more, a key even. */
const certificates = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

export function authorityRoutes(api: Api, { endpoints }: Pick<AdminOptions, "endpoints">): void {
  api.get(
    "/authority.pem",
    {
      schema: {
        operationId: "getAuthority",
        summary: "The certificate of the authority that devices must trust.",
        description: "PEM, for the CA file that a device is given. Read anew each time.",
        tags: ["status"],
        access: "operator",
        response: {
          200: {
            description: "The file.",
            content: { "application/x-pem-file": { schema: Type.Unsafe<string>({ type: "string" }) } },
          },
        },
        failures: [404],
      },
    },
    async (_request, reply) => {
      const { caPath } = endpoints();
      if (caPath === null) {
        throw new ColdpathError("not-found", "authority-public", "The hub's certificate is of a public authority.", {
          hint: "Devices trust it already: give them no CA file.",
        });
      }
      const found = (await readFile(caPath, "utf8")).match(certificates) ?? [];
      reply.header("content-type", "application/x-pem-file");
      reply.header("content-disposition", 'attachment; filename="ca.pem"');
      return await reply.send(`${found.join("\n")}\n`);
    },
  );
}
