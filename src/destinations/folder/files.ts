// The part of Node's file system that the folder uses, as a value: tests give one whose calls fail as a disk's do.

import {
  lstat,
  link,
  mkdir,
  open,
  readFile,
  readdir,
  realpath,
  rename,
  unlink,
  type FileHandle,
} from "node:fs/promises";

export interface Files {
  readonly lstat: typeof lstat;
  readonly link: typeof link;
  readonly mkdir: typeof mkdir;
  readonly open: (path: string, flags: string | number) => Promise<OpenFile>;
  readonly readFile: typeof readFile;
  readonly readdir: typeof readdir;
  readonly realpath: typeof realpath;
  readonly rename: typeof rename;
  readonly unlink: typeof unlink;
}

export type OpenFile = Pick<FileHandle, "close" | "read" | "stat" | "sync" | "write" | "writeFile">;

export const nodeFiles: Files = { lstat, link, mkdir, open, readFile, readdir, realpath, rename, unlink };
