// The first Administrator, by the link that the server prints at its first start: /setup#token=…
//
// The token stands behind `#`, so it reaches no log; it is taken out of the address at once.

import { Button, Input, Text, makeStyles } from "@fluentui/react-components";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { answerOf, api } from "../api/client.ts";
import { ConnectionBar } from "../parts/connection-bar.tsx";
import { LinkButton } from "../parts/plain-link.tsx";
import { FormField, ServerErrorBar, useServerErrors } from "../parts/server-errors.tsx";
import { CardPage } from "./card-page.tsx";
import { PasswordTwice, noPassword } from "./password-twice.tsx";
import { sessionQuery, takeSession } from "./session.ts";

const useStyles = makeStyles({ form: { display: "flex", flexDirection: "column", rowGap: "14px" } });

function takeToken(): string {
  const token = new URLSearchParams(location.hash.slice(1)).get("token") ?? "";
  if (token !== "") history.replaceState(history.state, "", location.pathname);
  return token;
}

export default function SetupPage() {
  const styles = useStyles();
  const navigate = useNavigate();
  const session = useQuery(sessionQuery);
  const [setupToken] = useState(takeToken);
  const [name, setName] = useState("admin");
  const [twice, setTwice] = useState(noPassword);
  const setUp = useMutation({
    mutationFn: async () =>
      await answerOf(api.POST("/api/v1/setup", { body: { setupToken, name, password: twice.password } })),
    onSuccess: async (started) => {
      await takeSession(started);
      await navigate({ to: "/", replace: true });
    },
  });
  const errors = useServerErrors(setUp.error, ["name", "password"]);

  if (session.data?.setupNeeded === false) {
    return (
      <CardPage title="Coldpath is set up">
        <Text>
          The first Administrator was made already. The link that was printed at the first start works only once.
        </Text>
        <LinkButton to="/sign-in" appearance="primary">
          Sign in
        </LinkButton>
      </CardPage>
    );
  }
  if (setupToken === "") {
    return (
      <CardPage title="Set up Coldpath">
        <Text>
          This hub has no users yet. Open the set-up link that the server printed when it started: it proves that you
          are the one who runs it.
        </Text>
        <Text>
          It begins with {location.origin}/setup#token= and stands in the server's output. On the server's machine,
          ./coldpath user setup-link shows it again.
        </Text>
      </CardPage>
    );
  }
  return (
    <>
      <ConnectionBar />
      <CardPage title="Set up Coldpath">
        <Text>Choose the name and password of the first Administrator. Further users you add later.</Text>
        <form
          className={styles.form}
          onSubmit={(event) => {
            event.preventDefault();
            setTwice({ ...twice, isTyped: true });
            if (twice.again === twice.password) setUp.mutate();
          }}
        >
          <FormField label="Name" errors={errors} field="name">
            <Input
              name="username"
              autoComplete="username"
              value={name}
              onChange={(_event, { value }) => setName(value)}
            />
          </FormField>
          <PasswordTwice
            label="Password"
            field="password"
            errors={errors}
            autoFocus
            value={twice}
            onChange={setTwice}
          />
          <ServerErrorBar error={errors.rest} />
          <Button type="submit" appearance="primary" disabledFocusable={setUp.isPending}>
            {setUp.isPending ? "Setting up …" : "Make the Administrator"}
          </Button>
        </form>
      </CardPage>
    </>
  );
}
