// The frame around the pages of somebody who is signed in; sends away who is not.

import { DrawerBody, OverlayDrawer, makeStyles, tokens } from "@fluentui/react-components";
import { useQuery } from "@tanstack/react-query";
import { Outlet, useLocation, useMatches, useNavigate } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { invalidate } from "../api/query-client.ts";
import { GoTo } from "../parts/go-to.tsx";
import { ErrorState, Loading } from "../parts/states.tsx";
import { mayUse, onSignedOutElsewhere, sessionQuery } from "../session/session.ts";
import { SignInAgain } from "../session/sign-in-again.tsx";
import { ConnectionBar } from "../parts/connection-bar.tsx";
import { ErrorBoundary } from "./error-boundary.tsx";
import { ForbiddenPage } from "./forbidden-page.tsx";
import { Header } from "./header.tsx";
import { Navigation } from "./navigation.tsx";

const useStyles = makeStyles({
  page: {
    minHeight: "100vh",
    display: "flex",
    flexDirection: "column",
    backgroundColor: tokens.colorNeutralBackground2,
  },
  skip: {
    position: "absolute",
    left: "-9999px",
    "&:focus": {
      left: "8px",
      top: "8px",
      zIndex: 100,
      padding: "8px 12px",
      backgroundColor: tokens.colorNeutralBackground1,
      color: tokens.colorNeutralForeground1,
    },
  },
  below: { display: "flex", flexGrow: 1, alignItems: "stretch", minWidth: 0 },
  side: {
    width: "232px",
    flexShrink: 0,
    borderInlineEndWidth: "1px",
    borderInlineEndStyle: "solid",
    borderInlineEndColor: tokens.colorNeutralStroke2,
    backgroundColor: tokens.colorNeutralBackground1,
    "@media (max-width: 960px)": { display: "none" },
  },
  sticky: { position: "sticky", top: "48px", maxHeight: "calc(100vh - 48px)", overflowY: "auto" },
  main: { flexGrow: 1, minWidth: 0 },
  drawer: { width: "270px" },
  drawerBody: { padding: "8px 4px" },
});

export function Shell() {
  const styles = useStyles();
  const [isMenuOpen, setMenuOpen] = useState(false);
  const session = useQuery(sessionQuery);
  const navigate = useNavigate();
  useEffect(
    () =>
      onSignedOutElsewhere(() => {
        void navigate({ to: "/sign-in", ignoreBlocker: true }).then(async () => await invalidate("session"));
      }),
    [navigate],
  );
  const { href, pathname } = useLocation();
  const least =
    useMatches().findLast(({ staticData }) => staticData.least !== undefined)?.staticData.least ?? "operator";

  if (session.data === undefined) {
    if (session.error === null) return <Loading />;
    return (
      <>
        <ConnectionBar />
        <ErrorState error={session.error} onRetry={() => void session.refetch()} />
      </>
    );
  }
  const { signedIn, setupNeeded, user, hasEnded = false } = session.data;
  if (setupNeeded && !signedIn) return <GoTo to="/setup" />;
  if (!signedIn || user === null) {
    return <GoTo to={pathname === "/" ? "/sign-in" : `/sign-in?next=${encodeURIComponent(href)}`} />;
  }
  return (
    <div className={styles.page}>
      {hasEnded && <SignInAgain name={user.name} />}
      <a href="#content" className={styles.skip}>
        Skip to the content
      </a>
      <Header onMenu={() => setMenuOpen(true)} />
      <ConnectionBar />
      <div className={styles.below}>
        <aside className={styles.side}>
          <div className={styles.sticky}>
            <Navigation />
          </div>
        </aside>
        <OverlayDrawer
          open={isMenuOpen}
          onOpenChange={(_event, { open }) => setMenuOpen(open)}
          className={styles.drawer}
          aria-label="Navigation"
        >
          <DrawerBody className={styles.drawerBody}>
            <Navigation onFollow={() => setMenuOpen(false)} />
          </DrawerBody>
        </OverlayDrawer>
        <main id="content" className={styles.main} tabIndex={-1}>
          {mayUse(user.role, least) ? (
            // A fault of one page leaves the navigation, and goes with the page. What one user has begun is no other's.
            <ErrorBoundary key={`${user.id} ${pathname}`}>
              <Outlet />
            </ErrorBoundary>
          ) : (
            <ForbiddenPage role={user.role} least={least} />
          )}
        </main>
      </div>
    </div>
  );
}
