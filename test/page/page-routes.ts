// Every path of the page, for tests and screenshots that look at all of them. A new route of web/src/app/routes.tsx comes here too.

export interface PageRoute {
  readonly path: string;
  readonly title: string;
  readonly least: "operator" | "builder" | "administrator";
}

export const pageRoutes: readonly PageRoute[] = [
  { path: "/", title: "Dashboard", least: "operator" },
  { path: "/devices", title: "Device explorer", least: "operator" },
  { path: "/registrations", title: "Registrations", least: "operator" },
  { path: "/templates", title: "Device templates", least: "operator" },
  { path: "/admin/exports", title: "Continuous Data Export", least: "administrator" },
  { path: "/admin/exports/new", title: "New export", least: "administrator" },
  { path: "/admin/storage", title: "Storage accounts", least: "administrator" },
  { path: "/admin/storage/new", title: "New storage account", least: "administrator" },
  { path: "/admin/connection", title: "Device connection", least: "administrator" },
  { path: "/admin/policies", title: "Hub policies", least: "administrator" },
  { path: "/admin/users", title: "Users", least: "administrator" },
  { path: "/admin/tokens", title: "API tokens", least: "administrator" },
  { path: "/admin/audit", title: "Audit log", least: "administrator" },
  { path: "/account", title: "Account", least: "operator" },
];
