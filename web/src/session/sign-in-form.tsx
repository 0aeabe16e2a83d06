// Name and password. What comes of it is in the session (session.ts).

import { Button, Input, makeStyles } from "@fluentui/react-components";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { answerOf, api } from "../api/client.ts";
import { FormField, ServerErrorBar, useServerErrors } from "../parts/server-errors.tsx";
import { takeSession } from "./session.ts";

const useStyles = makeStyles({ form: { display: "flex", flexDirection: "column", rowGap: "14px" } });

export function SignInForm({ presentName = "" }: { readonly presentName?: string }) {
  const styles = useStyles();
  const [name, setName] = useState(presentName);
  const [password, setPassword] = useState("");
  const signIn = useMutation({
    mutationFn: async () => await answerOf(api.POST("/api/v1/session", { body: { name, password } })),
    onSuccess: takeSession,
  });
  const errors = useServerErrors(signIn.error, ["name", "password"]);
  return (
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
          autoFocus={presentName === ""}
          value={name}
          onChange={(_event, { value }) => setName(value)}
        />
      </FormField>
      <FormField label="Password" errors={errors} field="password">
        <Input
          name="password"
          type="password"
          autoComplete="current-password"
          autoFocus={presentName !== ""}
          value={password}
          onChange={(_event, { value }) => setPassword(value)}
        />
      </FormField>
      <ServerErrorBar error={errors.rest} />
      <Button type="submit" appearance="primary" disabledFocusable={signIn.isPending}>
        {signIn.isPending ? "Signing in …" : "Sign in"}
      </Button>
    </form>
  );
}
