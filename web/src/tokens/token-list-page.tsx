// Administration, API tokens: for programs that call the API.

import { PageFrame } from "../parts/page-frame.tsx";
import { EmptyState } from "../parts/states.tsx";

export default function TokenListPage() {
  return (
    <PageFrame title="API tokens">
      <EmptyState title="Not built yet">This page is being made. The command line has what it will show.</EmptyState>
    </PageFrame>
  );
}
