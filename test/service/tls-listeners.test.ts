// TLS of every listener, with clients that are not ours: OpenSSL's, and Node's through a reload.

import { type ChildProcess, spawn } from "node:child_process";
import { X509Certificate, constants } from "node:crypto";
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TLSSocket, connect, createServer } from "node:tls";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openTls } from "../../src/tls/tls.ts";
import { HubProcess } from "../lib/hub-process.ts";
import { needs } from "../lib/needs.ts";

let directory = "";
let hub: HubProcess;
const listeners = ["mqtts", "amqps", "https", "web"] as const;
const portOf = (listener: (typeof listeners)[number]): number => hub.address.ports[listener];
const certPath = (): string => join(directory, "cert.pem");
const keyPath = (): string => join(directory, "key.pem");

/** Another installation's certificate stands for one that the operator bought. */
async function buy(name: string): Promise<void> {
  const bought = join(directory, name);
  mkdirSync(bought);
  await openTls({ dataDir: bought, publicHosts: [name] });
  copyFileSync(join(bought, "tls/server.key"), keyPath());
  copyFileSync(join(bought, "tls/server.pem"), certPath());
}

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "coldpath-listeners-"));
  await buy("first.example");
  const own = [`--tls-cert=${certPath()}`, `--tls-key=${keyPath()}`];
  hub = await HubProcess.start(join(directory, "data"), "--no-sample", "--web-tls", ...own);
});
afterAll(async () => {
  await hub.stop();
  rmSync(directory, { recursive: true });
});

/** What `openssl s_client` says of a handshake; `input` is typed once it is made. */
async function openssl(port: number, flags: readonly string[], input = ""): Promise<string> {
  const child: ChildProcess = spawn("openssl", ["s_client", "-connect", `127.0.0.1:${port}`, ...flags], {
    stdio: ["pipe", "pipe", "pipe"],
  });
  let output = "";
  const typed = (): void => {
    if (!/^(---\nRead R BLOCK|    Verify return code|SSL handshake|---$)/m.test(output)) return;
    if (input !== "") child.stdin?.write(`${input}\n`);
    setTimeout(() => child.stdin?.end(), input === "" ? 0 : 1_000);
    input = "";
  };
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => {
      output += text;
      typed();
    });
  }
  const timer = setTimeout(() => child.kill("SIGKILL"), 10_000);
  await new Promise((resolve) => child.once("close", resolve));
  clearTimeout(timer);
  return output;
}

needs("openssl")("A4: a listener", () => {
  const weak = ["-cipher", "ALL:@SECLEVEL=0"];

  test.each(["-tls1", "-tls1_1"])("refuses %s, which the client does speak with another server", async (flag) => {
    const { cert, key } = { cert: readFileSync(certPath()), key: readFileSync(keyPath()) };
    const control = createServer({ cert, key, minVersion: "TLSv1", ciphers: "ALL:@SECLEVEL=0" }, (socket) =>
      socket.end(),
    );
    await new Promise<void>((resolve) => {
      control.listen(0, "127.0.0.1", resolve);
    });
    expect(await openssl((control.address() as AddressInfo).port, [flag, ...weak])).toMatch(/Cipher is ECDHE/);
    control.close();
    for (const listener of listeners) {
      const output = await openssl(portOf(listener), [flag, ...weak]);
      expect([listener, output]).toEqual([listener, expect.stringMatching(/alert protocol version/)]);
      expect(output).not.toMatch(/Cipher is (?!\(NONE\))/);
    }
  });

  test.each(["-tls1_2", "-tls1_3"])("speaks %s", async (flag) => {
    for (const listener of listeners) {
      expect([listener, await openssl(portOf(listener), [flag])]).toEqual([
        listener,
        expect.stringMatching(/Cipher is (ECDHE-ECDSA|TLS)_?.*GCM/),
      ]);
    }
  });

  test.each(["ECDHE-ECDSA-AES128-SHA256", "ECDHE-ECDSA-AES256-SHA", "AES128-GCM-SHA256", "NULL-SHA256"])(
    "does not take the cipher %s",
    async (cipher) => {
      for (const listener of listeners) {
        expect(await openssl(portOf(listener), ["-tls1_2", "-cipher", `${cipher}:@SECLEVEL=0`])).not.toMatch(
          /Cipher is (?!\(NONE\))/,
        );
      }
    },
  );

  test("does not renegotiate, which the client does with another server", async () => {
    const [cert, key] = [readFileSync(certPath()), readFileSync(keyPath())];
    const control = createServer({ cert, key }, (socket) => socket.on("error", () => {}));
    await new Promise<void>((resolve) => {
      control.listen(0, "127.0.0.1", resolve);
    });
    const refused = /no renegotiation|handshake failure|unexpected message/i;
    const renegotiated = await openssl((control.address() as AddressInfo).port, ["-tls1_2"], "R");
    expect(renegotiated).toMatch(/RENEGOTIATING/);
    expect(renegotiated).not.toMatch(refused);
    control.close();
    for (const listener of listeners) {
      const output = await openssl(portOf(listener), ["-tls1_2"], "R");
      expect([listener, output]).toEqual([listener, expect.stringMatching(/RENEGOTIATING/)]);
      expect([listener, output]).toEqual([listener, expect.stringMatching(refused)]);
    }
  });
});

describe("A4: a new certificate", () => {
  const nameOf = (socket: TLSSocket): string => new X509Certificate(socket.getPeerCertificate().raw).subject;
  const open = async (listener: (typeof listeners)[number], more: object = {}): Promise<TLSSocket> =>
    await new Promise((resolve, reject) => {
      const socket = connect({ port: portOf(listener), host: "127.0.0.1", rejectUnauthorized: false, ...more }, () =>
        resolve(socket),
      );
      socket.once("error", reject);
    });
  /** One request on an open connection; the status line. */
  const ask = async (socket: TLSSocket): Promise<string> => {
    const answer = new Promise<string>((resolve) => socket.once("data", (data) => resolve(data.toString())));
    socket.write("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
    return (await answer).split("\r\n")[0] ?? "";
  };

  test("holds for new connections of every listener after SIGHUP; open ones go on; what was closed stays closed", async () => {
    const before = new Map<string, TLSSocket>();
    for (const listener of listeners) before.set(listener, await open(listener));
    for (const socket of before.values()) expect(nameOf(socket)).toContain("first.example");
    expect(await ask(before.get("web") as TLSSocket)).toBe("HTTP/1.1 200 OK");
    await buy("second.example");
    process.kill(hub.address.pid, "SIGHUP");
    for (const listener of listeners) {
      for (let turn = 0; ; turn++) {
        const socket = await open(listener);
        const name = nameOf(socket);
        socket.destroy();
        if (name.includes("second.example")) break;
        expect(turn).toBeLessThan(100);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
    expect(await ask(before.get("web") as TLSSocket)).toBe("HTTP/1.1 200 OK");
    expect(await ask(before.get("https") as TLSSocket)).toBe("HTTP/1.1 404 Not Found");
    expect(before.get("mqtts")?.closed).toBe(false);
    for (const socket of before.values()) socket.destroy();
    // The new context has the same rules as the first.
    for (const listener of listeners) {
      const weak = { maxVersion: "TLSv1.1", minVersion: "TLSv1", ciphers: "ALL:@SECLEVEL=0" };
      await expect(open(listener, weak)).rejects.toThrow(/protocol version|alert number 70/);
      const block = { maxVersion: "TLSv1.2", ciphers: "ECDHE-ECDSA-AES128-SHA256" };
      await expect(open(listener, block)).rejects.toThrow(/handshake failure|alert number 40/);
      const asked = { maxVersion: "TLSv1.2", secureOptions: constants.SSL_OP_NO_TLSv1_3 };
      (await open(listener, asked)).destroy();
    }
  });
});
