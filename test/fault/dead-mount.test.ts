// A real dead mount under a folder, with the real server: devices are acknowledged, the API answers, the other export goes
// on, the operator sees why, it heals by itself, and a stop comes to its end.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { DeadMount } from "../lib/dead-mount.ts";
import { type ExportAnswer, eventually, rate } from "../lib/fault-stand.ts";
import { HubProcess } from "../lib/hub-process.ts";
import { Ledger } from "../lib/ledger.ts";
import { needs } from "../lib/needs.ts";
import { SteadyFleet } from "../lib/steady-fleet.ts";

needs("mount")("a folder on a mount that is dead", () => {
  test.each([
    ["heals when the file server is back", true],
    ["does not keep the server from stopping", false],
  ])("J1: devices and other exports go on, the export says timeout, and it %s", async (_what, isHealed) => {
    const directory = mkdtempSync(join(tmpdir(), "coldpath-dead-mount-"));
    const flags = ["--no-sample", `--test-clock-rate=${rate}`, "--storage-timeout=1s", "--drain-seconds-max=20"];
    const hub = await HubProcess.start(join(directory, "data"), ...flags);
    const ledger = new Ledger();
    let fleet: SteadyFleet | null = null;
    let mount: DeadMount | null = null;
    try {
      const exportInto = async (name: string): Promise<() => Promise<ExportAnswer>> => {
        const path = join(directory, name);
        mkdirSync(join(path, "iot"), { recursive: true });
        const account = { name, settings: { kind: "folder", path } };
        const { id: storageAccountId } = await hub.api<{ id: string }>("POST", "/storage-accounts", account);
        const settings = { name, storageAccountId, container: "iot", types: ["measurements"], on: true };
        const { id } = await hub.api<ExportAnswer>("POST", "/exports", settings);
        return async () => await hub.api<ExportAnswer>("GET", `/exports/${id}`);
      };
      const [dead, well] = [await exportInto("dead"), await exportInto("well")];
      fleet = await SteadyFleet.start({ hub: () => hub, ledger, devices: 2, perSecond: 25 });
      await eventually("a first file", dead, ({ status }) => status.filesWritten > 0);

      mount = await DeadMount.over(join(directory, "dead"));
      const isRefused = ({ status }: ExportAnswer): boolean =>
        status.trouble?.code === "timeout" && / hang: no other is begun/.test(status.trouble.message);
      await eventually("four operations hang", dead, isRefused);
      expect((await dead()).status.state).toBe("retrying");
      const { filesWritten } = (await well()).status;
      const acknowledged = ledger.acknowledged.size;
      await eventually("the other export goes on", well, ({ status }) => status.filesWritten > filesWritten + 2);
      expect(ledger.acknowledged.size).toBeGreaterThan(acknowledged);
      expect((await well()).status.state).toBe("healthy");

      if (isHealed) {
        await mount.letGo();
        await eventually("healthy", dead, ({ status }) => status.state === "healthy");
      }
      await fleet.stop();
      // With a thread that hangs nothing but SIGKILL ends a process, which is what null stands for.
      expect(await hub.stop()).toBe(isHealed ? 0 : null);
      expect(hub.output).toMatch(/Stopped\./);
    } finally {
      await fleet?.stop();
      await hub.kill();
      await mount?.letGo();
      rmSync(directory, { recursive: true, force: true });
    }
  });

  test("verify says that it could not look, and comes to its end", async () => {
    const directory = mkdtempSync(join(tmpdir(), "coldpath-dead-mount-"));
    const data = join(directory, "data");
    const lake = join(directory, "lake");
    mkdirSync(join(lake, "iot"), { recursive: true });
    const hub = await HubProcess.start(data, "--no-sample", `--test-clock-rate=${rate}`);
    let mount: DeadMount | null = null;
    try {
      const account = { name: "lake", settings: { kind: "folder", path: lake } };
      const { id: storageAccountId } = await hub.api<{ id: string }>("POST", "/storage-accounts", account);
      const settings = { name: "lake", storageAccountId, container: "iot", types: ["measurements"], on: true };
      await hub.api<ExportAnswer>("POST", "/exports", settings);
      expect(await hub.stop()).toBe(0);

      mount = await DeadMount.over(lake);
      const main = join(import.meta.dirname, "../../src/main.ts");
      const verify = spawn(process.execPath, [main, "verify", "--data-dir", data, "--storage-timeout", "1s"]);
      let said = "";
      for (const stream of [verify.stdout, verify.stderr])
        stream.setEncoding("utf8").on("data", (text: string) => (said += text));
      const [code, signal] = (await once(verify, "close")) as [number | null, string | null];
      expect({ code, signal }).toEqual({ code: null, signal: "SIGKILL" });
      expect(said).toMatch(/^lake\n {2}NOT looked at: .* did not end within 1 s \(timeout\)\./);
      expect(said).toMatch(/ends by SIGKILL/);
    } finally {
      await hub.kill();
      await mount?.letGo();
      rmSync(directory, { recursive: true, force: true });
    }
  });
});
