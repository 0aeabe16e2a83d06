// Cloud-to-device messages: what waits for the device, in order, and what became of the last ones.

import { Button, MessageBar, MessageBarBody, Text, Tooltip, makeStyles, tokens } from "@fluentui/react-components";
import { DeleteRegular } from "@fluentui/react-icons";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { ApiError } from "../api/api-error.ts";
import { answerOf, api } from "../api/client.ts";
import { invalidate } from "../api/query-client.ts";
import { formatBytes } from "../parts/amounts.ts";
import { ConfirmDialog } from "../parts/confirm-dialog.tsx";
import { type Column, DataTable } from "../parts/data-table.tsx";
import { Panel } from "../parts/panel.tsx";
import { Shown, StateBadge } from "../parts/states.tsx";
import { TimeText } from "../parts/time-text.tsx";
import { useToast } from "../parts/toasts.tsx";
import { CloudMessageForm } from "./cloud-message-form.tsx";
import { type CloudMessage, cloudMessagesQuery, isWaiting, stateWords } from "./cloud-messages.ts";
import type { Device } from "./device-queries.ts";

/** As many as the server lets wait for one device. */
const perDeviceMax = 50;

const useStyles = makeStyles({
  quiet: { color: tokens.colorNeutralForeground3 },
  properties: { color: tokens.colorNeutralForeground3, fontSize: tokens.fontSizeBase200, overflowWrap: "anywhere" },
});

export function CloudMessagesPanel({ device: { id, simulated } }: { readonly device: Device }) {
  const messages = useQuery(cloudMessagesQuery(id));
  return (
    <>
      <Panel
        title="Message to the device"
        about="Waits in a queue until the device has taken it and says that it is done, or until it expires. The device may be away meanwhile."
      >
        {simulated && (
          <MessageBar intent="info" layout="multiline">
            <MessageBarBody>
              The server sends for this simulated device, and nobody takes its messages: they would expire.
            </MessageBarBody>
          </MessageBar>
        )}
        <CloudMessageForm deviceId={id} />
      </Panel>
      <Shown query={messages}>
        {(items) => (
          <>
            <Waiting deviceId={id} messages={items.filter(isWaiting)} />
            <Ended messages={items.filter((one) => !isWaiting(one))} />
          </>
        )}
      </Shown>
    </>
  );
}

function Waiting({ deviceId, messages }: { readonly deviceId: string; readonly messages: readonly CloudMessage[] }) {
  const styles = useStyles();
  const toast = useToast();
  /** The message with this id, or with null all of them. */
  const [purged, setPurged] = useState<{ readonly messageId: string | null } | null>(null);
  const messageId = purged?.messageId ?? null;
  const isAll = messageId === null;
  const purge = async (): Promise<void> => {
    if (purged === null) return;
    try {
      await answerOf(
        isAll
          ? api.DELETE("/api/v1/devices/{deviceId}/cloud-messages", { params: { path: { deviceId } } })
          : api.DELETE("/api/v1/devices/{deviceId}/cloud-messages/{messageId}", {
              params: { path: { deviceId, messageId } },
            }),
      );
      toast(isAll ? "The queue is empty" : "The message is purged");
    } catch (error) {
      // It ended by itself meanwhile; the list says how.
      if (!(error instanceof ApiError && error.code === "cloud-message-not-found")) throw error;
    } finally {
      await invalidate("devices");
    }
  };
  return (
    <Panel
      title="Waiting messages"
      badge={
        <Text size={200} className={styles.quiet}>
          {messages.length} of {perDeviceMax} at most
        </Text>
      }
      {...(messages.length === 0
        ? {}
        : {
            actions: (
              <Button size="small" icon={<DeleteRegular />} onClick={() => setPurged({ messageId: null })}>
                Purge all
              </Button>
            ),
          })}
    >
      {messages.length === 0 ? (
        <Text className={styles.quiet}>No message waits for this device.</Text>
      ) : (
        <DataTable
          label="Waiting messages"
          columns={[
            ...columnsOf(styles.properties),
            { id: "deliveries", title: "Deliveries", isNumber: true, cell: ({ deliveryCount }) => deliveryCount },
            { id: "expires", title: "Expires", cell: ({ expiresAt }) => <TimeText time={expiresAt} /> },
            {
              id: "purge",
              title: "",
              isPlain: true,
              cell: ({ messageId: id }) => (
                <Tooltip content={`Purge ${id}`} relationship="label">
                  <Button
                    appearance="subtle"
                    size="small"
                    icon={<DeleteRegular />}
                    onClick={() => setPurged({ messageId: id })}
                  />
                </Tooltip>
              ),
            },
          ]}
          rows={messages}
          keyOf={(message) => message.messageId}
        />
      )}
      <ConfirmDialog
        isOpen={purged !== null}
        title={isAll ? "Purge all waiting messages?" : "Purge this message?"}
        confirmLabel={isAll ? "Purge all" : "Purge message"}
        onConfirm={purge}
        onClose={() => setPurged(null)}
      >
        {isAll
          ? "The device gets none of them any more. One that it has already may have been acted on."
          : `The device does not get ${messageId} any more. If it has it already, it may have been acted on.`}
      </ConfirmDialog>
    </Panel>
  );
}

function Ended({ messages }: { readonly messages: readonly CloudMessage[] }) {
  const styles = useStyles();
  return (
    <Panel title="Ended messages" about="What became of the last fifty of the last day, newest first.">
      {messages.length === 0 ? (
        <Text className={styles.quiet}>None yet.</Text>
      ) : (
        <DataTable
          label="Ended messages"
          columns={[
            ...columnsOf(styles.properties),
            { id: "deliveries", title: "Deliveries", isNumber: true, cell: ({ deliveryCount }) => deliveryCount },
            { id: "ended", title: "Ended", cell: ({ endedAt }) => <TimeText time={endedAt} /> },
          ]}
          rows={messages}
          keyOf={(message) => `${message.messageId} ${message.enqueuedAt}`}
        />
      )}
    </Panel>
  );
}

function columnsOf(properties: string): readonly Column<CloudMessage>[] {
  return [
    {
      id: "message",
      title: "Message",
      isHeading: true,
      width: "36%",
      cell: (message) => (
        <>
          {message.messageId}
          {Object.keys(message.properties).length > 0 && (
            <div className={properties}>
              {Object.entries(message.properties)
                .map(([name, value]) => `${name}: ${value}`)
                .join(", ")}
            </div>
          )}
        </>
      ),
    },
    {
      id: "state",
      title: "State",
      cell: ({ state }) => (
        <Tooltip content={stateWords[state].means} relationship="description">
          <span tabIndex={0}>
            <StateBadge tone={stateWords[state].tone}>{stateWords[state].word}</StateBadge>
          </span>
        </Tooltip>
      ),
    },
    { id: "bytes", title: "Size", isNumber: true, cell: ({ bytes }) => formatBytes(bytes) },
    { id: "sent", title: "Sent", cell: ({ enqueuedAt }) => <TimeText time={enqueuedAt} /> },
  ];
}
