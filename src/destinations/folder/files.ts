// The part of Node's file system that the folder uses, as a value: tests give one whose calls fail as a disk's do.

import { lstat, link, mkdir, open, readFile, readdir, rename, unlink } from "node:fs/promises";

export interface Files {
  readonly lstat: typeof lstat;
  readonly link: typeof link;
  readonly mkdir: typeof mkdir;
  readonly open: typeof open;
  readonly readFile: typeof readFile;
  readonly readdir: typeof readdir;
  readonly rename: typeof rename;
  readonly unlink: typeof unlink;
}

export const nodeFiles: Files = { lstat, link, mkdir, open, readFile, readdir, rename, unlink };
