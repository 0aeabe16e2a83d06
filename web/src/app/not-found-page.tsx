import { EmptyState } from "../parts/states.tsx";
import { PageFrame } from "../parts/page-frame.tsx";
import { LinkButton } from "../parts/plain-link.tsx";

/** A path that leads nowhere. */
export function NotFoundPage() {
  return (
    <PageFrame title="Not found">
      <EmptyState title="There is no such page" action={<LinkButton to="/">Go to the dashboard</LinkButton>}>
        The address may be mistyped, or what it showed was deleted.
      </EmptyState>
    </PageFrame>
  );
}
