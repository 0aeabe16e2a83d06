// `coldpath audit-log`: who changed what.

import type { AuditLogEntry } from "../registry/registry.ts";
import { serverCommand } from "./family.ts";
import { renderTable } from "./table.ts";

const filter = (description: string) => ({ group: "Options", type: "string", isFlagOnly: true, description }) as const;

export const auditLogCommand = serverCommand({
  name: "audit-log",
  purpose: "who changed what, and who was refused; newest first",
  options: {
    actor: filter("Only what this user or API token did: name or id."),
    subject: filter("Only what was done to this: an id."),
    action: filter("Only calls of this name, e.g. updateDevice: the API's operationId."),
    limit: {
      group: "Options",
      type: "integer",
      min: "1",
      max: "1000",
      default: "50",
      isFlagOnly: true,
      description: "At most so many entries.",
    },
    before: {
      group: "Options",
      type: "integer",
      min: "1",
      max: "9007199254740991",
      isFlagOnly: true,
      description: "Only entries before this number: the last of the page before.",
    },
  },
  examples: [
    ["coldpath audit-log", "the last 50 entries"],
    ["coldpath audit-log --actor ada --json", "what ada did, with what was sent, for a program"],
  ],
  run: async ({ client, values, terminal }) => {
    const { actor, subject, action, limit, before } = values;
    const { items } = await client.get<{ items: readonly AuditLogEntry[] }>("/audit-log", {
      actor,
      subject,
      action,
      limit,
      before,
    });
    if (values.json === true) terminal.print(JSON.stringify(items, null, 2));
    else if (items.length === 0) terminal.complain("coldpath: There is no such entry.");
    else {
      terminal.print(
        renderTable(
          ["number", "at", "actor", "role", "action", "subject", "status", "address"],
          items.map((one) => [
            String(one.number),
            one.at,
            one.actor.name ?? one.actor.kind,
            one.role ?? "–",
            one.action,
            one.subject ?? "–",
            one.outcome < 400 ? String(one.outcome) : { text: String(one.outcome), style: "red" },
            one.address,
          ]),
          terminal,
        ),
      );
    }
  },
});
