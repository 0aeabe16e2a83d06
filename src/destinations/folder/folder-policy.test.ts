import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openFolder } from "./folder-account.ts";

let place = "";
let dataDirectory = "";
beforeEach(() => {
  place = realpathSync(mkdtempSync(join(tmpdir(), "coldpath-policy-")));
  dataDirectory = join(place, "data");
  mkdirSync(join(dataDirectory, "journal"), { recursive: true });
});
afterEach(() => rmSync(place, { recursive: true }));

const forbidden = expect.objectContaining({ code: "folder-forbidden", field: "settings.path" });

test("A3: a container is never the data directory, in it or around it, also by a symbolic link", async () => {
  symlinkSync(dataDirectory, join(place, "innocent"));
  for (const [path, container] of [
    [dataDirectory, "journal"],
    [join(dataDirectory, "tls"), "new"],
    [place, "data"],
    [join(place, ".."), place.split("/").at(-1) ?? ""],
    [join(place, "innocent"), "journal"],
    [join(place, "elsewhere", "..", "data"), "x"],
  ] as const) {
    const account = openFolder(path, { folderPolicy: { dataDirectory } });
    await expect(account.container(container)).rejects.toEqual(forbidden);
    await expect(account.createContainer(container)).rejects.toEqual(forbidden);
  }
  expect(readdirSync(dataDirectory)).toEqual(["journal"]);
  await expect(openFolder(dataDirectory, { folderPolicy: { dataDirectory } }).listContainers()).rejects.toEqual(
    forbidden,
  );
});

test("the sample's lake in the data directory, and a neighbour of it, are allowed", async () => {
  const folderPolicy = { dataDirectory };
  expect(await openFolder(join(dataDirectory, "lake"), { folderPolicy }).createContainer("iot")).toBe(true);
  expect(await openFolder(join(place, "data-lake"), { folderPolicy }).createContainer("iot")).toBe(true);
});

test("A3: the kernel's file systems are no place for files", async () => {
  for (const path of ["/proc", "/proc/self", "/sys/fs", "/dev/shm"]) {
    await expect(openFolder(path).container("iot")).rejects.toEqual(forbidden);
  }
});

test("A3: with storage-folders, a container lies below one of them or is refused", async () => {
  const folders = [join(place, "lake")];
  mkdirSync(join(place, "lake"));
  mkdirSync(join(place, "other", "iot"), { recursive: true });
  symlinkSync(join(place, "other"), join(place, "lake", "link"));
  const at = (path: string) => openFolder(join(place, path), { folderPolicy: { folders } });
  expect(await at("lake").createContainer("iot")).toBe(true);
  expect(await at("lake/deep/er").createContainer("iot")).toBe(true);
  for (const path of ["other", "lake2", "lake/../other", "lake/link"]) {
    await expect(at(path).container("iot")).rejects.toEqual(forbidden);
  }
});
