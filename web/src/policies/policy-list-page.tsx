// Administration, Hub policies: keys with which any device may sign in, for back ends and gateways.

import { PageFrame } from "../parts/page-frame.tsx";
import { EmptyState } from "../parts/states.tsx";

export default function PolicyListPage() {
  return (
    <PageFrame title="Hub policies">
      <EmptyState title="Not built yet">This page is being made. The command line has what it will show.</EmptyState>
    </PageFrame>
  );
}
