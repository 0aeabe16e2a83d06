// One's own name and role, and a new password.

import { Button, Card, Input, Subtitle2, makeStyles } from "@fluentui/react-components";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { answerOf, api } from "../api/client.ts";
import { PageFrame } from "../parts/page-frame.tsx";
import { FormField, ServerErrorBar, useServerErrors } from "../parts/server-errors.tsx";
import { StateBadge } from "../parts/states.tsx";
import { TimeText } from "../parts/time-text.tsx";
import { useToast } from "../parts/toasts.tsx";
import { PasswordTwice, noPassword } from "../session/password-twice.tsx";
import { type Role, roleNames, takeSession, useSession } from "../session/session.ts";

const mayWords: Readonly<Record<Role, string>> = {
  operator:
    "You may look at the hub and manage its devices. What is defined for them, and where data goes, others decide.",
  builder:
    "You may manage devices and change device templates. Where data goes and who may sign in, Administrators decide.",
  administrator: "You may do everything: devices, device templates, exports, storage accounts, users and API tokens.",
};

const useStyles = makeStyles({
  cards: {
    display: "grid",
    gap: "16px",
    gridTemplateColumns: "repeat(auto-fit, minmax(min(320px, 100%), 1fr))",
    alignItems: "start",
  },
  card: { padding: "20px", rowGap: "12px" },
  title: { margin: 0 },
  facts: {
    display: "grid",
    gridTemplateColumns: "max-content 1fr",
    columnGap: "16px",
    rowGap: "8px",
    margin: 0,
    "& dd": { margin: 0, overflowWrap: "anywhere" },
  },
  form: { display: "flex", flexDirection: "column", rowGap: "12px", maxWidth: "360px" },
  submit: { alignSelf: "flex-start" },
});

export default function AccountPage() {
  const styles = useStyles();
  const session = useSession();
  const user = session?.user;
  if (session === undefined || user === null || user === undefined) return null;
  return (
    <PageFrame title="Account" about="Who you are here, and your password. Theme and signing out are in the bar above.">
      <div className={styles.cards}>
        <Card className={styles.card}>
          <Subtitle2 as="h2" className={styles.title}>
            You
          </Subtitle2>
          <dl className={styles.facts}>
            <dt>Name</dt>
            <dd>{user.name}</dd>
            <dt>Role</dt>
            <dd>
              <StateBadge tone="busy">{roleNames[user.role]}</StateBadge>
            </dd>
            <dt>Signed in</dt>
            <dd>
              until <TimeText time={session.expiresAt} show="both" none="this page is closed" />, longer when you use it
            </dd>
          </dl>
          <div>{mayWords[user.role]}</div>
        </Card>
        <Card className={styles.card}>
          <Subtitle2 as="h2" className={styles.title}>
            Change password
          </Subtitle2>
          <PasswordForm name={user.name} />
        </Card>
        <Card className={styles.card}>
          <Subtitle2 as="h2" className={styles.title}>
            Other sessions
          </Subtitle2>
          <EndOthers />
        </Card>
      </div>
    </PageFrame>
  );
}

/** For a browser that was left open somewhere. */
function EndOthers() {
  const styles = useStyles();
  const toast = useToast();
  const end = useMutation({
    mutationFn: async () => await answerOf(api.POST("/api/v1/session/end-others")),
    onSuccess: ({ ended }) => {
      toast(
        ended === 0
          ? "You were signed in nowhere else."
          : `You are signed out in ${ended === 1 ? "1 other browser" : `${ended} other browsers`}.`,
      );
    },
  });
  return (
    <>
      <div>
        Did you leave a browser signed in somewhere? This one stays signed in; all others are asked to sign in anew.
      </div>
      <ServerErrorBar error={end.error} />
      <Button className={styles.submit} onClick={() => end.mutate()} disabledFocusable={end.isPending}>
        Sign out everywhere else
      </Button>
    </>
  );
}

function PasswordForm({ name }: { readonly name: string }) {
  const styles = useStyles();
  const toast = useToast();
  const [current, setCurrent] = useState("");
  const [twice, setTwice] = useState(noPassword);
  const change = useMutation({
    mutationFn: async () =>
      await answerOf(
        api.PUT("/api/v1/session/password", { body: { currentPassword: current, newPassword: twice.password } }),
      ),
    onSuccess: async (session) => {
      await takeSession(session);
      setCurrent("");
      setTwice(noPassword);
      toast("The password is changed. Your other sessions are signed out.");
    },
  });
  const errors = useServerErrors(change.error, ["currentPassword", "newPassword"]);
  return (
    <form
      className={styles.form}
      onSubmit={(event) => {
        event.preventDefault();
        setTwice({ ...twice, isTyped: true });
        if (twice.again === twice.password) change.mutate();
      }}
    >
      {/* For password managers, which keep a password beside a name. */}
      <input type="hidden" name="username" autoComplete="username" value={name} readOnly />
      <FormField label="Current password" errors={errors} field="currentPassword">
        <Input
          type="password"
          autoComplete="current-password"
          value={current}
          onChange={(_event, { value }) => setCurrent(value)}
        />
      </FormField>
      <PasswordTwice label="New password" field="newPassword" errors={errors} value={twice} onChange={setTwice} />
      <ServerErrorBar error={errors.rest} />
      <Button type="submit" appearance="primary" className={styles.submit} disabledFocusable={change.isPending}>
        {change.isPending ? "Changing …" : "Change password"}
      </Button>
    </form>
  );
}
