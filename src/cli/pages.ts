// Lists that come in pages, whole.

import type { Page } from "../registry/registry.ts";
import type { Client, Query } from "./client.ts";

const pageLength = 1000;

export async function everyPage<T>(client: Client, path: string, query: Query): Promise<readonly T[]> {
  const all: T[] = [];
  for (let after: string | undefined, isMore = true; isMore;) {
    const { items, next } = await client.get<Page<T>>(path, { ...query, limit: pageLength, after });
    all.push(...items);
    after = next ?? undefined;
    isMore = next !== null;
  }
  return all;
}
