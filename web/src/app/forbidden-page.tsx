import { EmptyState } from "../parts/states.tsx";
import { PageFrame } from "../parts/page-frame.tsx";
import { LinkButton } from "../parts/plain-link.tsx";
import { type Role, roleNames } from "../session/session.ts";

/** A page that exists, and that one's role may not use. */
export function ForbiddenPage({ role, least }: { readonly role: Role | null; readonly least: Role }) {
  return (
    <PageFrame title="Not for your role">
      <EmptyState
        title={`This page is for the role ${roleNames[least]}`}
        action={<LinkButton to="/">Go to the dashboard</LinkButton>}
      >
        You are signed in{role === null ? "" : ` as ${roleNames[role]}`}. An Administrator can give you another role
        under Administration, Users.
      </EmptyState>
    </PageFrame>
  );
}
