// Name and password. Afterwards one is where one wanted to go.

import { Button, Input, makeStyles } from "@fluentui/react-components";
import { useMutation, useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useState } from "react";
import { answerOf, api } from "../api/client.ts";
import { ConnectionBar } from "../parts/connection-bar.tsx";
import { GoTo } from "../parts/go-to.tsx";
import { FormField, ServerErrorBar, useServerErrors } from "../parts/server-errors.tsx";
import { CardPage } from "./card-page.tsx";
import { sessionQuery, takeSession } from "./session.ts";

const route = getRouteApi("/sign-in");
const useStyles = makeStyles({ form: { display: "flex", flexDirection: "column", rowGap: "14px" } });

/** Only paths of this page: an address elsewhere could be an impostor's. */
function pathOf(next: string | undefined): string {
  return next !== undefined && /^\/(?![/\\])/.test(next) ? next : "/";
}

export default function SignInPage() {
  const styles = useStyles();
  const next = pathOf(route.useSearch().next);
  const session = useQuery(sessionQuery);
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const signIn = useMutation({
    mutationFn: async () => await answerOf(api.POST("/api/v1/session", { body: { name, password } })),
    onSuccess: takeSession,
  });
  const errors = useServerErrors(signIn.error, ["name", "password"]);
  if (session.data?.setupNeeded === true) return <GoTo to="/setup" />;
  if (session.data?.signedIn === true) return <GoTo to={next} />;
  return (
    <>
      <ConnectionBar />
      <CardPage title="Sign in to Coldpath">
        <form
          className={styles.form}
          onSubmit={(event) => {
            event.preventDefault();
            signIn.mutate();
          }}
        >
          <FormField label="Name" errors={errors} field="name">
            <Input
              name="username"
              autoComplete="username"
              autoFocus
              value={name}
              onChange={(_event, { value }) => setName(value)}
            />
          </FormField>
          <FormField label="Password" errors={errors} field="password">
            <Input
              name="password"
              type="password"
              autoComplete="current-password"
              value={password}
              onChange={(_event, { value }) => setPassword(value)}
            />
          </FormField>
          <ServerErrorBar error={errors.rest} />
          <Button type="submit" appearance="primary" disabledFocusable={signIn.isPending}>
            {signIn.isPending ? "Signing in …" : "Sign in"}
          </Button>
        </form>
      </CardPage>
    </>
  );
}
