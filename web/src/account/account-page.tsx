// One's own name, role and password.

import { PageFrame } from "../parts/page-frame.tsx";
import { EmptyState } from "../parts/states.tsx";

export default function AccountPage() {
  return (
    <PageFrame title="Account">
      <EmptyState title="Not built yet">This page is being made. The command line has what it will show.</EmptyState>
    </PageFrame>
  );
}
