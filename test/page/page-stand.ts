// The page in a real Chromium, against a real server of its own in a temporary directory.
//
//     const stand = await PageStand.open();
//     const page = await stand.signedIn("administrator");     // a tab of its own session
//     await page.goto(`${stand.url}/devices`);
//     expect(stand.faults).toEqual([]);                        // console errors, refused by the CSP, failed requests
//     await stand.close();
//
// Whoever expects a refusal says so before: `stand.expected.push(/409 .*\/exports/)`.

import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, type BrowserContext, type Page, chromium } from "playwright-core";
import { HubProcess } from "../lib/hub-process.ts";

/** Debian's, as needs("chromium") looks for it (tools/setup-machine.sh). */
const executablePath = "/usr/bin/chromium";
/** For the browser: whether a dialog is open or closing, and whether anything that can have the focus is hidden from all but the eye. */
const hiddenParts = `(() => {
  const focusable = "a[href], button, input, textarea, select, [tabindex='0']:not([data-tabster-dummy])";
  const hidden = [...document.querySelectorAll("[aria-hidden=true]")];
  return {
    hasDialog: document.querySelector("[role=dialog], [role=alertdialog]") !== null,
    hasHidden: hidden.some((element) => element.querySelector(focusable) !== null),
  };
})()`;
/** A dialog that closes is gone by then: its last motion, and a quarter of a second behind it Tabster shows the page again. */
const closingMs = 700;
const settleMsMax = 5000;
const axePath = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

export type PageRole = "operator" | "builder" | "administrator";
export type PageTheme = "light" | "dark";
/** Of the user that the stand makes for a role; its name is the role's. */
export const passwordOf = (role: PageRole): string => `fjord of the ${role} 93`;

export interface TabOptions {
  readonly width?: number;
  readonly height?: number;
  readonly theme?: PageTheme;
}

export class PageStand {
  readonly hub: HubProcess;
  readonly browser: Browser;
  /** What went wrong in any tab, in a line each. */
  readonly faults: string[] = [];
  /** Faults that a test wants. */
  readonly expected: RegExp[] = [];
  readonly #users = new Set<PageRole>();
  readonly #directory: string;

  private constructor(hub: HubProcess, browser: Browser, directory: string) {
    this.hub = hub;
    this.browser = browser;
    this.#directory = directory;
  }

  /** @param flags  of the server; a sample makes ten simulated devices and an export. */
  static async open(...flags: string[]): Promise<PageStand> {
    const directory = mkdtempSync(join(tmpdir(), "coldpath-page-"));
    const browser = await chromium.launch({
      executablePath,
      // Root may not use Chromium's sandbox, and a container's /dev/shm is small.
      args: ["--no-sandbox", "--disable-dev-shm-usage"],
    });
    try {
      const hub = await HubProcess.start(join(directory, "data"), ...flags);
      return new PageStand(hub, browser, directory);
    } catch (error) {
      await browser.close();
      throw error;
    }
  }

  get url(): string {
    return this.hub.address.url;
  }

  /** A tab of a browser that knows nothing yet. */
  async tab({ width = 1440, height = 900, theme = "light" }: TabOptions = {}): Promise<Page> {
    const context = await this.browser.newContext({
      viewport: { width, height },
      colorScheme: theme,
      reducedMotion: "reduce",
      locale: "en-GB",
      timezoneId: "UTC",
    });
    const page = await context.newPage();
    this.#watch(page);
    return page;
  }

  /** A tab in which somebody of this role is signed in. */
  async signedIn(role: PageRole, options: TabOptions = {}): Promise<Page> {
    const page = await this.tab(options);
    await this.#signIn(page.context(), role);
    return page;
  }

  /** As the sign-in page does, without its clicks. The user of the role is made when it is first asked for. */
  async #signIn(context: BrowserContext, role: PageRole): Promise<void> {
    // The first user of a hub must be an administrator.
    for (const one of new Set<PageRole>(["administrator", role])) {
      if (this.#users.has(one)) continue;
      this.#users.add(one);
      await this.hub.api("POST", "/users", { name: one, password: passwordOf(one), role: one });
    }
    const answer = await context.request.post(`${this.url}/api/v1/session`, {
      data: { name: role, password: passwordOf(role) },
    });
    if (!answer.ok()) throw new Error(`${role} could not sign in: ${await answer.text()}`);
  }

  /** Serious and critical findings of axe about what the tab shows, a line each. */
  async axe(page: Page): Promise<readonly string[]> {
    // As a file of the test's own: the page's Content-Security-Policy lets no other script in.
    await page.evaluate(await readText(axePath));
    await untilSettled(page);
    const violations = await page.evaluate(async () => {
      const { axe } = globalThis as unknown as {
        axe: { run: (context: object) => Promise<{ violations: Violation[] }> };
      };
      interface Violation {
        readonly id: string;
        readonly impact: string;
        readonly help: string;
        readonly nodes: readonly { readonly html: string }[];
      }
      // Tabster's invisible ends of a focus trap: a known false positive of `aria-hidden-focus`.
      return (await axe.run({ exclude: [["[data-tabster-dummy]"]] })).violations;
    });
    return violations
      .filter(({ impact }) => impact === "serious" || impact === "critical")
      .map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ html }) => html.slice(0, 200)).join(" | ")}`);
  }

  async close(): Promise<void> {
    await this.browser.close();
    await this.hub.stop();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #watch(page: Page): void {
    const note = (fault: string): void => {
      if (!this.expected.some((pattern) => pattern.test(fault))) this.faults.push(fault);
    };
    page.on("console", (message) => {
      // The browser's own word for an answer that is noted below, by its address.
      if (message.text().startsWith("Failed to load resource")) return;
      if (message.type() === "error" || message.type() === "warning") note(`console: ${message.text()}`);
    });
    page.on("pageerror", (error) => note(`error: ${error.message}`));
    page.on("requestfailed", (request) => {
      const why = request.failure()?.errorText ?? "";
      // A page that is left ends its streams and calls.
      if (why !== "net::ERR_ABORTED") note(`failed: ${request.method()} ${request.url()} ${why}`);
    });
    page.on("response", (response) => {
      if (response.status() >= 400)
        note(`answer: ${response.status()} ${response.request().method()} ${response.url()}`);
    });
  }
}

async function readText(path: string): Promise<string> {
  const { readFile } = await import("node:fs/promises");
  return await readFile(path, "utf8");
}

/** Until no dialog is closing and what it hid is shown again. What stays hidden is axe's to tell. */
async function untilSettled(page: Page): Promise<void> {
  const beganMs = performance.now();
  for (;;) {
    const { hasDialog, hasHidden } = await page.evaluate<{ hasDialog: boolean; hasHidden: boolean }>(hiddenParts);
    const waitedMs = performance.now() - beganMs;
    if (!hasHidden || waitedMs > (hasDialog ? closingMs : settleMsMax)) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
