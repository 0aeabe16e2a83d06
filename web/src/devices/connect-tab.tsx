// How a device connects: where to, with which keys, and ready programs. Keys are fetched when somebody asks to see them.

import {
  Button,
  Field,
  MessageBar,
  MessageBarBody,
  Select,
  Switch,
  Text,
  makeStyles,
  tokens,
} from "@fluentui/react-components";
import { ArrowDownloadRegular } from "@fluentui/react-icons";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { type Schema, answerOf, api } from "../api/client.ts";
import { statusQuery } from "../api/queries.ts";
import { CodeBlock, CodeTabs } from "../parts/code-tabs.tsx";
import { CopyBox } from "../parts/copy-box.tsx";
import { Facts, Panel } from "../parts/panel.tsx";
import { ServerErrorBar } from "../parts/server-errors.tsx";
import { Shown } from "../parts/states.tsx";
import { TimeText } from "../parts/time-text.tsx";
import { AuthenticationPanel } from "./authentication-panel.tsx";
import { credentialsOf } from "./credentials.ts";
import type { Device } from "./device-queries.ts";
import { KeysPanel, type WhichKey } from "./keys-panel.tsx";
import { ModulesPanel } from "./modules-panel.tsx";

const useStyles = makeStyles({
  quiet: { color: tokens.colorNeutralForeground3 },
  row: { display: "flex", flexWrap: "wrap", gap: "12px", alignItems: "flex-end" },
  authority: { display: "flex", flexDirection: "column", rowGap: "8px", minWidth: 0 },
  steps: { display: "flex", flexDirection: "column", rowGap: "8px", minWidth: 0 },
});

export default function ConnectTab({ device }: { readonly device: Device }) {
  const { id } = device;
  // Whatever was filled in or signed is of an old key after a renewal: it goes.
  const [renewals, setRenewals] = useState(0);
  const code = useQuery({
    queryKey: ["connection-code", id],
    queryFn: async () =>
      await answerOf(api.GET("/api/v1/devices/{deviceId}/connection-code", { params: { path: { deviceId: id } } })),
  });
  const status = useQuery(statusQuery);
  return (
    <>
      {device.simulated && (
        <MessageBar intent="info" layout="multiline">
          <MessageBarBody>
            The server sends for this simulated device, so nothing has to connect. It has keys like any other.
          </MessageBarBody>
        </MessageBar>
      )}
      {!device.enabled && (
        <MessageBar intent="warning" layout="multiline">
          <MessageBarBody>
            This device is blocked: it is refused whatever its key. Unblock it under More.
          </MessageBarBody>
        </MessageBar>
      )}
      <Panel title="Where to">
        <Shown query={status}>{({ endpoints }) => <Endpoints endpoints={endpoints} />}</Shown>
      </Panel>
      <AuthenticationPanel device={device} />
      {device.authentication.type === "sas" && (
        <>
          <KeysPanel
            one="device"
            read={async () => await credentialsOf(id)}
            renew={async (regenerate) => {
              const path = { params: { path: { deviceId: id } } };
              await answerOf(api.PUT("/api/v1/devices/{deviceId}/keys", { ...path, body: { regenerate } }));
              setRenewals(renewals + 1);
            }}
          />
          <TokenMaker key={`token ${renewals}`} deviceId={id} />
          <Panel
            title="Ready code"
            about="Sends one message as this device. Run it, and look at the message under Measurements."
          >
            <Shown query={code}>{(content) => <ReadyCode key={renewals} deviceId={id} content={content} />}</Shown>
          </Panel>
        </>
      )}
      <ModulesPanel deviceId={id} />
    </>
  );
}

function Endpoints({ endpoints }: { readonly endpoints: Schema<"Endpoints"> }) {
  const styles = useStyles();
  const { publicHosts, mqttsPort, mqttPort, amqpsPort, httpsPort, caPath } = endpoints;
  return (
    <Facts
      items={[
        { name: "Host", value: publicHosts.join(", ") },
        { name: "MQTT over TLS", value: `port ${mqttsPort}` },
        { name: "AMQP over TLS", value: `port ${amqpsPort}` },
        { name: "HTTPS; MQTT and AMQP over WebSocket", value: `port ${httpsPort}` },
        ...(mqttPort === null
          ? []
          : [{ name: "MQTT without TLS, for tests on this machine", value: `port ${mqttPort}` }]),
        caPath === null
          ? { name: "Authority", value: "A public one: devices trust it already.", isWide: true }
          : {
              name: "Authority that devices must trust: this file on the server, or here",
              value: (
                <div className={styles.authority}>
                  <CopyBox text={caPath} />
                  <div>
                    <Button
                      as="a"
                      href="/api/v1/authority.pem"
                      download="ca.pem"
                      size="small"
                      icon={<ArrowDownloadRegular />}
                    >
                      Download ca.pem
                    </Button>
                  </div>
                </div>
              ),
              isWide: true,
            },
      ]}
    />
  );
}

const lifetimes = [
  { seconds: 3_600, label: "1 hour" },
  { seconds: 86_400, label: "1 day" },
  { seconds: 30 * 86_400, label: "30 days" },
  { seconds: 365 * 86_400, label: "1 year" },
] as const;

function TokenMaker({ deviceId }: { readonly deviceId: string }) {
  const styles = useStyles();
  const [ttlSeconds, setTtlSeconds] = useState<number>(3_600);
  const [key, setKey] = useState<WhichKey>("primary");
  const make = useMutation({
    mutationFn: async () =>
      await answerOf(
        api.POST("/api/v1/devices/{deviceId}/token", { params: { path: { deviceId } }, body: { ttlSeconds, key } }),
      ),
  });
  return (
    <Panel
      title="SAS token"
      about="A password for a time: for tools that take a token rather than a key. It cannot be taken back but by regenerating the key that signed it."
    >
      <div className={styles.row}>
        <Field label="Good for">
          <Select value={String(ttlSeconds)} onChange={(_event, { value }) => setTtlSeconds(Number(value))}>
            {lifetimes.map(({ seconds, label }) => (
              <option key={seconds} value={String(seconds)}>
                {label}
              </option>
            ))}
          </Select>
        </Field>
        <Field label="Signed with">
          <Select value={key} onChange={(_event, { value }) => setKey(value as WhichKey)}>
            <option value="primary">the primary key</option>
            <option value="secondary">the secondary key</option>
          </Select>
        </Field>
        <Button onClick={() => make.mutate()} disabledFocusable={make.isPending}>
          Make a token
        </Button>
      </div>
      <div role="status" className={styles.steps}>
        {make.data !== undefined && (
          <>
            <CopyBox label="Token" text={make.data.token} />
            <Text size={200} className={styles.quiet}>
              Good until <TimeText time={make.data.expiresAt} show="both" />
            </Text>
          </>
        )}
      </div>
      <ServerErrorBar error={make.error} />
    </Panel>
  );
}

function ReadyCode({
  deviceId,
  content: { snippets, placeholder },
}: {
  readonly deviceId: string;
  readonly content: Schema<"ConnectionCode">;
}) {
  const styles = useStyles();
  const [key, setKey] = useState<string | null>(null);
  const fill = useMutation({
    mutationFn: async (isWanted: boolean) => setKey(isWanted ? (await credentialsOf(deviceId)).primaryKey : null),
  });
  return (
    <>
      <Switch
        label={
          key === null ? `Fill in the primary key (${placeholder} stands in its place)` : "The primary key is filled in"
        }
        checked={key !== null}
        onChange={(_event, { checked }) => fill.mutate(checked)}
      />
      <ServerErrorBar error={fill.error} />
      <CodeTabs
        samples={snippets.map(({ language, title, install, file, run, note, code }) => ({
          id: language,
          title,
          // Not by a pattern: nothing in a key means anything to split and join.
          text: key === null ? code : code.split(placeholder).join(key),
          install,
          before: (
            <div className={styles.steps}>
              {note !== null && (
                <MessageBar intent="warning" layout="multiline">
                  <MessageBarBody>{note}</MessageBarBody>
                </MessageBar>
              )}
              <Text>{file === null ? "In a shell:" : `Save this as ${file}:`}</Text>
            </div>
          ),
          after:
            run === null ? null : (
              <div className={styles.steps}>
                <Text>And run it:</Text>
                <CodeBlock text={run} label={`${title} command`} isCommand />
              </div>
            ),
        }))}
      />
    </>
  );
}
