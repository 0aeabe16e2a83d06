// `npm run screenshots`: docs/images/*.png, from a real server with the sample, in a real Chromium.
//
// A page that is to be shown stands in the table below. It waits until the sample's first files are there: two minutes.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { scriptArguments } from "../test/lib/script-arguments.ts";
import { buildPage, isPageFresh } from "./build-page.ts";
import { PageStand } from "../test/page/page-stand.ts";
import { register } from "../test/page/registering.ts";

interface Shot {
  /** Of the file: `{name}-{width}-{theme}.png`. */
  readonly name: string;
  /** Of the page; a function for what is known only then. */
  readonly path: string | ((stand: PageStand) => Promise<string>);
  /** Whether nobody is signed in. */
  readonly isOutside?: boolean;
  /** Waits for what must be seen, opens what must be open. */
  readonly prepare?: (page: Page) => Promise<unknown>;
}

/** Of the sample. */
const templateId = "c318d580-39fc-4aca-b995-843719821049";

const shots: readonly Shot[] = [
  { name: "sign-in", path: "/sign-in", isOutside: true },
  { name: "dashboard", path: "/" },
  {
    name: "exports",
    path: "/admin/exports",
    prepare: async (page) => await page.getByText("Last file").first().waitFor(),
  },
  { name: "export-new", path: "/admin/exports/new" },
  { name: "export", path: async (stand) => await exportPath(stand) },
  { name: "export-history", path: async (stand) => `${await exportPath(stand)}?tab=history` },
  { name: "export-files", path: async (stand) => `${await exportPath(stand)}?tab=files` },
  {
    name: "exported-file",
    path: async (stand) =>
      `${await exportPath(stand)}/file?path=${encodeURIComponent(await newestMeasurements(stand))}`,
    prepare: async (page) => await page.getByRole("region", { name: /^Measurements/ }).waitFor(),
  },
  { name: "users", path: "/admin/users" },
  { name: "api-tokens", path: "/admin/tokens" },
  { name: "hub-policies", path: "/admin/policies" },
  { name: "audit-log", path: "/admin/audit" },
  { name: "account", path: "/account" },
  { name: "device-templates", path: "/templates" },
  { name: "device-template", path: `/templates/${templateId}` },
  { name: "storage-accounts", path: "/admin/storage" },
  { name: "new-storage-account", path: "/admin/storage/new" },
  {
    name: "storage-account",
    path: async ({ hub }) => {
      const { items } = await hub.api<{ items: { id: string }[] }>("GET", "/storage-accounts");
      return `/admin/storage/${items[0]?.id ?? ""}`;
    },
    prepare: async (page) => {
      await page.getByRole("button", { name: "Test connection" }).click();
      await page.getByRole("list", { name: "Steps of the test" }).waitFor();
    },
  },
  {
    name: "devices",
    path: "/devices",
    prepare: async (page) => await page.getByRole("link", { name: "Refrigerator 1", exact: true }).waitFor(),
  },
  {
    name: "device",
    path: async (stand) => `/devices/${await refrigerator(stand)}`,
    prepare: async (page) => await page.getByRole("heading", { name: "Charts" }).waitFor(),
  },
  {
    name: "device-connect",
    path: "/devices/my-device?tab=connect",
    prepare: async (page) => await page.getByRole("region", { name: "Node.js code" }).waitFor(),
  },
  {
    name: "device-commands",
    path: async ({ hub }) => {
      const sent = { messageId: "defrost-tonight", body: "{}", properties: { priority: "high" } };
      const { items } = await hub.api<{ items: object[] }>("GET", "/devices/my-device/cloud-messages");
      if (items.length === 0) await hub.api("POST", "/devices/my-device/cloud-messages", sent);
      return "/devices/my-device?tab=commands";
    },
    prepare: async (page) => await page.getByRole("table", { name: "Waiting messages" }).waitFor(),
  },
  {
    name: "device-twin",
    path: async (stand) => `/devices/${await refrigerator(stand)}?tab=twin`,
    prepare: async (page) => await page.getByRole("table", { name: "Reported properties" }).waitFor(),
  },
  {
    name: "module",
    path: async ({ hub }) => {
      const { items } = await hub.api<{ items: object[] }>("GET", "/devices/my-device/modules");
      if (items.length === 0) await hub.api("POST", "/devices/my-device/modules", { id: "camera" });
      await hub.api("PATCH", "/devices/my-device/modules/camera/twin", {
        desired: { interval: 30, zones: { entrance: true, hall: false } },
      });
      return "/devices/my-device/modules/camera?tab=twin";
    },
    prepare: async (page) => await page.getByRole("table", { name: "Desired properties" }).waitFor(),
  },
  {
    name: "device-connection",
    path: "/admin/connection",
    prepare: async (page) => await page.getByRole("region", { name: "Node.js code" }).waitFor(),
  },
  {
    name: "enrollment-groups",
    path: async (stand) => {
      await groupOf(stand, "Vending machines", {});
      return "/admin/connection?tab=groups";
    },
    prepare: async (page) => await page.getByRole("heading", { name: "Vending machines" }).waitFor(),
  },
  {
    name: "enrollments",
    path: async ({ hub }) => {
      const { items } = await hub.api<{ items: object[] }>("GET", "/enrollments");
      if (items.length === 0) {
        await hub.api("POST", "/enrollments", {
          registrationId: "press-12",
          deviceId: "hall-2-press",
          autoApprove: false,
        });
        await hub.api("POST", "/enrollments", { registrationId: "press-13", templateId });
      }
      return "/admin/connection?tab=enrollments";
    },
    prepare: async (page) => await page.getByRole("table", { name: "Individual enrollments" }).waitFor(),
  },
  {
    name: "registrations",
    path: async (stand) => {
      const groupId = await groupOf(stand, "By hand", { templateId, autoApprove: false });
      for (const id of ["kiosk-7", "kiosk-8"]) await register(stand.hub, groupId, id);
      const modelId = "dtmi:com:example:IceCreamMachine;1";
      await register(stand.hub, await groupOf(stand, "Vending machines", {}), "ice-cream-1", { modelId });
      return "/registrations";
    },
    prepare: async (page) => await page.getByRole("table", { name: "Waiting registrations" }).waitFor(),
  },
];

const { values } = scriptArguments(
  `npm run screenshots [-- --only NAME …] [-- --now]

Makes docs/images/*.png: each page of the table in tools/screenshots.ts, at 1440 and 390 px, light and dark.

  --only   one page of the table; again for a further one
  --now    does not wait for the sample's first files`,
  { only: { type: "string", multiple: true }, now: { type: "boolean" } },
);

const folder = join(import.meta.dirname, "../docs/images");
mkdirSync(folder, { recursive: true });
if (!isPageFresh()) {
  const failure = await buildPage();
  if (failure !== null) throw new Error(failure);
}
const stand = await PageStand.open("--hub-name=contoso");
try {
  if (values.now !== true) await firstFiles(stand);
  // Without a user, signing in would show the set-up.
  await (await stand.signedIn("administrator")).context().close();
  for (const shot of shots.filter(({ name }) => values.only?.includes(name) ?? true)) {
    for (const theme of ["light", "dark"] as const) {
      for (const [width, height] of [
        [1440, 900],
        [390, 844],
      ] as const) {
        const options = { width, height, theme };
        const page =
          shot.isOutside === true ? await stand.tab(options) : await stand.signedIn("administrator", options);
        const path = typeof shot.path === "string" ? shot.path : await shot.path(stand);
        await page.goto(stand.url + path);
        await page.getByRole("heading", { level: 1 }).waitFor();
        await shot.prepare?.(page);
        // Charts and pictures that come after the first answer.
        await page.waitForTimeout(1_000);
        await page.screenshot({ path: join(folder, `${shot.name}-${width}-${theme}.png`) });
        await page.context().close();
      }
    }
    console.log(`${shot.name}: 4 images`);
  }
  for (const fault of stand.faults) console.log(fault);
} finally {
  await stand.close();
}

/** Made when it is first asked for. @returns its id. */
async function groupOf({ hub }: PageStand, name: string, more: object): Promise<string> {
  const { items } = await hub.api<{ items: { id: string; name: string }[] }>("GET", "/enrollment-groups");
  const group = items.find((one) => one.name === name);
  return group?.id ?? (await hub.api<{ id: string }>("POST", "/enrollment-groups", { name, ...more })).id;
}

async function refrigerator({ hub }: PageStand): Promise<string> {
  const { items } = await hub.api<{ items: readonly { id: string }[] }>("GET", "/devices?simulated=true&sort=name");
  return items[0]?.id ?? "";
}

async function firstFiles({ hub }: PageStand): Promise<void> {
  console.log("Waiting for the sample's first files …");
  for (let turn = 0; turn < 200; turn++) {
    const { exports } = await hub.api<{ exports: { lastFile: object | null }[] }>("GET", "/status");
    if (exports.some(({ lastFile }) => lastFile !== null)) return;
    await new Promise((resolve) => setTimeout(resolve, 1_000));
  }
  throw new Error("The sample's export wrote no file.");
}

/** The page of the sample's export. */
async function exportPath({ hub }: PageStand): Promise<string> {
  const { items } = await hub.api<{ items: { id: string }[] }>("GET", "/exports");
  return `/admin/exports/${encodeURIComponent(items[0]?.id ?? "")}`;
}

/** Path of the newest file with messages; empty before the first. */
async function newestMeasurements({ hub }: PageStand): Promise<string> {
  const { items } = await hub.api<{ items: { id: string }[] }>("GET", "/exports");
  const runs = await hub.api<{ items: { type: string; path: string }[] }>("GET", `/exports/${items[0]?.id}/runs`);
  return runs.items.find(({ type }) => type === "measurements")?.path ?? "";
}
