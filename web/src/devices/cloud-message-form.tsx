// A cloud-to-device message is written and queued.

import { Button, Field, Input, Select, Textarea, makeStyles, tokens } from "@fluentui/react-components";
import { SendRegular } from "@fluentui/react-icons";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { answerOf, api } from "../api/client.ts";
import { invalidate } from "../api/query-client.ts";
import { FormField, ServerErrorBar, useServerErrors } from "../parts/server-errors.tsx";
import { useToast } from "../parts/toasts.tsx";
import { lifetimes } from "./cloud-messages.ts";
import { type PropertyRow, PropertyRows, propertiesOf } from "./property-rows.tsx";

const useStyles = makeStyles({
  form: { display: "flex", flexDirection: "column", rowGap: "14px", maxWidth: "720px" },
  row: {
    display: "flex",
    flexWrap: "wrap",
    gap: "14px",
    alignItems: "flex-start",
    "& > *": { flex: "1 1 200px", minWidth: 0 },
  },
  body: { "& textarea": { fontFamily: tokens.fontFamilyMonospace, fontSize: tokens.fontSizeBase200 } },
});

export function CloudMessageForm({ deviceId }: { readonly deviceId: string }) {
  const styles = useStyles();
  const toast = useToast();
  const [body, setBody] = useState("");
  const [rows, setRows] = useState<readonly PropertyRow[]>([]);
  const [ttlSeconds, setTtlSeconds] = useState<number>(3_600);
  const [contentType, setContentType] = useState("");
  const [messageId, setMessageId] = useState("");
  const send = useMutation({
    mutationFn: async () => {
      await answerOf(
        api.POST("/api/v1/devices/{deviceId}/cloud-messages", {
          params: { path: { deviceId } },
          body: {
            body,
            ttlSeconds,
            properties: propertiesOf(rows),
            ...(contentType.trim() === "" ? {} : { contentType: contentType.trim() }),
            ...(messageId.trim() === "" ? {} : { messageId: messageId.trim() }),
          },
        }),
      );
      await invalidate("devices");
    },
    onSuccess: () => {
      setBody("");
      setMessageId("");
      toast("The message is queued");
    },
  });
  const errors = useServerErrors(send.error, ["body", "properties", "ttlSeconds", "contentType", "messageId"]);
  return (
    <form
      className={styles.form}
      aria-label="Message to the device"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        if (!send.isPending) send.mutate();
      }}
    >
      <FormField label="Body" hint="Text or JSON, as the device expects it: up to 64 KiB." errors={errors} field="body">
        <Textarea
          className={styles.body}
          rows={3}
          resize="vertical"
          spellCheck={false}
          value={body}
          onChange={(_event, { value }) => setBody(value)}
        />
      </FormField>
      <FormField label="Properties" errors={errors} field="properties">
        <div role="group" aria-label="Properties">
          <PropertyRows rows={rows} onChange={setRows} />
        </div>
      </FormField>
      <div className={styles.row}>
        <Field label="Expires after">
          <Select value={String(ttlSeconds)} onChange={(_event, { value }) => setTtlSeconds(Number(value))}>
            {lifetimes.map(({ seconds, label }) => (
              <option key={seconds} value={String(seconds)}>
                {label}
              </option>
            ))}
          </Select>
        </Field>
        <FormField label="Content type" errors={errors} field="contentType">
          <Input
            value={contentType}
            placeholder="application/json"
            autoComplete="off"
            spellCheck={false}
            onChange={(_event, { value }) => setContentType(value)}
          />
        </FormField>
        <FormField label="Message id" hint="Made up when left empty." errors={errors} field="messageId">
          <Input
            value={messageId}
            autoComplete="off"
            spellCheck={false}
            onChange={(_event, { value }) => setMessageId(value)}
          />
        </FormField>
      </div>
      <ServerErrorBar error={errors.rest} />
      <div>
        <Button type="submit" appearance="primary" icon={<SendRegular />} disabledFocusable={send.isPending}>
          {send.isPending ? "Sending …" : "Send message"}
        </Button>
      </div>
    </form>
  );
}
