// Administration, Users: who may sign in, and what each may do.

import { PageFrame } from "../parts/page-frame.tsx";
import { EmptyState } from "../parts/states.tsx";

export default function UserListPage() {
  return (
    <PageFrame title="Users">
      <EmptyState title="Not built yet">This page is being made. The command line has what it will show.</EmptyState>
    </PageFrame>
  );
}
