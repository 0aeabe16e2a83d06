// Signing in. Afterwards one is where one wanted to go.

import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { ConnectionBar } from "../parts/connection-bar.tsx";
import { GoTo } from "../parts/go-to.tsx";
import { CardPage } from "./card-page.tsx";
import { sessionQuery } from "./session.ts";
import { SignInForm } from "./sign-in-form.tsx";

const route = getRouteApi("/sign-in");

/** Only paths of this page: an address elsewhere could be an impostor's. */
function pathOf(next: string | undefined): string {
  return next !== undefined && /^\/(?![/\\])/.test(next) ? next : "/";
}

export default function SignInPage() {
  const next = pathOf(route.useSearch().next);
  const session = useQuery(sessionQuery);
  if (session.data?.setupNeeded === true) return <GoTo to="/setup" />;
  if (session.data?.signedIn === true && session.data.hasEnded !== true) return <GoTo to={next} />;
  return (
    <>
      <ConnectionBar />
      <CardPage title="Sign in to Coldpath">
        <SignInForm />
      </CardPage>
    </>
  );
}
