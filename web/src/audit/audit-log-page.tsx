// Administration, Audit log: who changed what, and who was refused.

import { PageFrame } from "../parts/page-frame.tsx";
import { EmptyState } from "../parts/states.tsx";

export default function AuditLogPage() {
  return (
    <PageFrame title="Audit log">
      <EmptyState title="Not built yet">This page is being made. The command line has what it will show.</EmptyState>
    </PageFrame>
  );
}
