// All pages and their paths. Each page is a folder's own file, loaded when it is first shown.
//
// `staticData.least` is the least role that may use a page: the navigation leaves out what one may not use, and who types its
// path is told so. The server decides by itself; this only spares its refusals.

import { createRootRoute, createRoute, createRouter, lazyRouteComponent } from "@tanstack/react-router";
import { deviceSearchOf } from "../devices/device-search.ts";
import { deviceTabOf, moduleTabOf } from "../devices/device-tabs.ts";
import type { Role } from "../session/session.ts";
import { auditSearch } from "../audit/audit-search.ts";
import { exportSearch, fileSearch, newExportSearch } from "../exports/export-search.ts";
import { fromSearch } from "../parts/own-path.ts";
import { connectionSearch } from "../provisioning/connection-search.ts";
import { registrationSearch } from "../registrations/registration-search.ts";
import { templateSearch } from "../templates/template-search.ts";
import { FailedPage } from "./error-boundary.tsx";
import { NotFoundPage } from "./not-found-page.tsx";
import { Shell } from "./shell.tsx";

const root = createRootRoute({ notFoundComponent: NotFoundPage });
const shell = createRoute({
  getParentRoute: () => root,
  id: "shell",
  component: Shell,
  notFoundComponent: NotFoundPage,
});
const inShell = () => shell;

const dashboard = createRoute({
  getParentRoute: inShell,
  path: "/",
  component: lazyRouteComponent(async () => await import("../dashboard/dashboard-page.tsx")),
  staticData: { least: "operator" },
});
const devices = createRoute({
  getParentRoute: inShell,
  path: "/devices",
  validateSearch: deviceSearchOf,
  component: lazyRouteComponent(async () => await import("../devices/device-list-page.tsx")),
  staticData: { least: "operator" },
});
const device = createRoute({
  getParentRoute: inShell,
  path: "/devices/$deviceId",
  validateSearch: deviceTabOf,
  component: lazyRouteComponent(async () => await import("../devices/device-page.tsx")),
  staticData: { least: "operator" },
});
const module = createRoute({
  getParentRoute: inShell,
  path: "/devices/$deviceId/modules/$moduleId",
  validateSearch: moduleTabOf,
  component: lazyRouteComponent(async () => await import("../devices/module-page.tsx")),
  staticData: { least: "operator" },
});
const registrations = createRoute({
  getParentRoute: inShell,
  path: "/registrations",
  validateSearch: registrationSearch,
  component: lazyRouteComponent(async () => await import("../registrations/registration-page.tsx")),
  staticData: { least: "operator" },
});
const templates = createRoute({
  getParentRoute: inShell,
  path: "/templates",
  component: lazyRouteComponent(async () => await import("../templates/template-list-page.tsx")),
  staticData: { least: "operator" },
});
const template = createRoute({
  getParentRoute: inShell,
  path: "/templates/$templateId",
  validateSearch: templateSearch,
  component: lazyRouteComponent(async () => await import("../templates/template-page.tsx")),
  staticData: { least: "operator" },
});
const exportList = createRoute({
  getParentRoute: inShell,
  path: "/admin/exports",
  component: lazyRouteComponent(async () => await import("../exports/export-list-page.tsx")),
  staticData: { least: "administrator" },
});
const exportNew = createRoute({
  getParentRoute: inShell,
  path: "/admin/exports/new",
  validateSearch: newExportSearch,
  component: lazyRouteComponent(async () => await import("../exports/new-export-page.tsx")),
  staticData: { least: "administrator" },
});
const exportOne = createRoute({
  getParentRoute: inShell,
  path: "/admin/exports/$exportId",
  validateSearch: exportSearch,
  component: lazyRouteComponent(async () => await import("../exports/export-page.tsx")),
  staticData: { least: "administrator" },
});
const exportEdit = createRoute({
  getParentRoute: inShell,
  path: "/admin/exports/$exportId/edit",
  component: lazyRouteComponent(async () => await import("../exports/edit-export-page.tsx")),
  staticData: { least: "administrator" },
});
const exportFile = createRoute({
  getParentRoute: inShell,
  path: "/admin/exports/$exportId/file",
  validateSearch: fileSearch,
  component: lazyRouteComponent(async () => await import("../exports/file-page.tsx")),
  staticData: { least: "administrator" },
});
const storage = createRoute({
  getParentRoute: inShell,
  path: "/admin/storage",
  component: lazyRouteComponent(async () => await import("../storage/storage-list-page.tsx")),
  staticData: { least: "administrator" },
});
const storageNew = createRoute({
  getParentRoute: inShell,
  path: "/admin/storage/new",
  validateSearch: fromSearch,
  component: lazyRouteComponent(async () => await import("../storage/new-storage-page.tsx")),
  staticData: { least: "administrator" },
});
const storageOne = createRoute({
  getParentRoute: inShell,
  path: "/admin/storage/$storageAccountId",
  validateSearch: fromSearch,
  component: lazyRouteComponent(async () => await import("../storage/storage-page.tsx")),
  staticData: { least: "administrator" },
});
const connection = createRoute({
  getParentRoute: inShell,
  path: "/admin/connection",
  validateSearch: connectionSearch,
  component: lazyRouteComponent(async () => await import("../provisioning/connection-page.tsx")),
  staticData: { least: "administrator" },
});
const policies = createRoute({
  getParentRoute: inShell,
  path: "/admin/policies",
  component: lazyRouteComponent(async () => await import("../policies/policy-list-page.tsx")),
  staticData: { least: "administrator" },
});
const users = createRoute({
  getParentRoute: inShell,
  path: "/admin/users",
  component: lazyRouteComponent(async () => await import("../users/user-list-page.tsx")),
  staticData: { least: "administrator" },
});
const tokens = createRoute({
  getParentRoute: inShell,
  path: "/admin/tokens",
  component: lazyRouteComponent(async () => await import("../tokens/token-list-page.tsx")),
  staticData: { least: "administrator" },
});
const audit = createRoute({
  getParentRoute: inShell,
  path: "/admin/audit",
  validateSearch: auditSearch,
  component: lazyRouteComponent(async () => await import("../audit/audit-log-page.tsx")),
  staticData: { least: "administrator" },
});
const account = createRoute({
  getParentRoute: inShell,
  path: "/account",
  component: lazyRouteComponent(async () => await import("../account/account-page.tsx")),
  staticData: { least: "operator" },
});
const signIn = createRoute({
  getParentRoute: () => root,
  path: "/sign-in",
  validateSearch: (search: Record<string, unknown>): { readonly next?: string } =>
    typeof search["next"] === "string" ? { next: search["next"] } : {},
  component: lazyRouteComponent(async () => await import("../session/sign-in-page.tsx")),
});
const setup = createRoute({
  getParentRoute: () => root,
  path: "/setup",
  component: lazyRouteComponent(async () => await import("../session/setup-page.tsx")),
});

export const router = createRouter({
  routeTree: root.addChildren([
    shell.addChildren([
      dashboard,
      devices,
      device,
      module,
      registrations,
      templates,
      template,
      exportList,
      exportNew,
      exportOne,
      exportEdit,
      exportFile,
      storage,
      storageNew,
      storageOne,
      connection,
      policies,
      users,
      tokens,
      audit,
      account,
    ]),
    signIn,
    setup,
  ]),
  defaultPreload: "intent",
  defaultErrorComponent: ({ error }) => (
    <FailedPage error={error instanceof Error ? error : new Error(String(error))} />
  ),
  scrollRestoration: true,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
  interface StaticDataRouteOption {
    readonly least?: Role;
  }
}
