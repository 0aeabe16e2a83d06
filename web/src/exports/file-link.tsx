// A link to an exported file, by its path.

import { PageLink } from "../parts/plain-link.tsx";
import type { Export } from "./export-queries.ts";

export function FileLink({
  exportId,
  path,
  version,
  name = path,
}: {
  readonly exportId: string;
  readonly path: string;
  readonly version?: number;
  readonly name?: string;
}) {
  return (
    <PageLink
      to="/admin/exports/$exportId/file"
      params={{ exportId }}
      search={version === undefined ? { path } : { path, version }}
    >
      {name}
    </PageLink>
  );
}

export function LastFileLink({ one }: { readonly one: Export }) {
  const path = one.status.lastFile?.path;
  return path === undefined ? null : <FileLink exportId={one.id} path={path} />;
}
