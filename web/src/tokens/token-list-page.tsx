// Administration, API tokens: for programs that call the API.

import { Button, Text } from "@fluentui/react-components";
import { AddRegular } from "@fluentui/react-icons";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { answerOf, api } from "../api/client.ts";
import { invalidate } from "../api/query-client.ts";
import { ConfirmDialog } from "../parts/confirm-dialog.tsx";
import { type Column, DataTable } from "../parts/data-table.tsx";
import { PageFrame } from "../parts/page-frame.tsx";
import { EmptyState, Shown, StateBadge } from "../parts/states.tsx";
import { TimeText, useNowMs } from "../parts/time-text.tsx";
import { useToast } from "../parts/toasts.tsx";
import { roleNames } from "../session/session.ts";
import { NewTokenDialog } from "./new-token-dialog.tsx";
import { type ApiToken, tokensQuery } from "./token-queries.ts";

/** From then on the page says that the end is near. */
const soonMs = 7 * 24 * 3600 * 1000;

export default function TokenListPage() {
  const toast = useToast();
  const tokens = useQuery(tokensQuery);
  const nowMs = useNowMs();
  const [isMaking, setMaking] = useState(false);
  const [asked, setAsked] = useState<ApiToken | null>(null);
  const add = (
    <Button appearance="primary" icon={<AddRegular />} onClick={() => setMaking(true)}>
      New API token
    </Button>
  );
  const columns: readonly Column<ApiToken>[] = [
    { id: "name", title: "Name", cell: ({ name }) => <Text weight="semibold">{name}</Text> },
    { id: "role", title: "Role", cell: ({ role }) => roleNames[role] },
    { id: "maker", title: "Made by", cell: ({ createdBy }) => createdBy },
    { id: "created", title: "Made", cell: ({ createdAt }) => <TimeText time={createdAt} /> },
    { id: "expires", title: "Expires", cell: ({ expiresAt }) => <Expiry expiresAt={expiresAt} nowMs={nowMs} /> },
    { id: "used", title: "Last used", cell: ({ lastUsedAt }) => <TimeText time={lastUsedAt} none="Never" /> },
    {
      id: "actions",
      title: "Actions",
      isPlain: true,
      width: "100px",
      cell: (token) => (
        <Button size="small" aria-label={`Revoke ${token.name}`} onClick={() => setAsked(token)}>
          Revoke
        </Button>
      ),
    },
  ];
  return (
    <PageFrame
      title="API tokens"
      about="With a token a program calls the API without a password, as much as the token's role allows. Expired ones stay in the list for 30 days."
      {...((tokens.data?.length ?? 0) > 0 ? { actions: add } : {})}
    >
      <Shown query={tokens}>
        {(items) =>
          items.length === 0 ? (
            <EmptyState title="There is no API token yet" action={add}>
              Make one for each program that calls the API, with the least role that it needs: then each can be revoked
              alone.
            </EmptyState>
          ) : (
            <DataTable label="API tokens" columns={columns} rows={items} keyOf={({ id }) => id} />
          )
        }
      </Shown>
      {isMaking && <NewTokenDialog onClose={() => setMaking(false)} />}
      <ConfirmDialog
        isOpen={asked !== null}
        title={`Revoke ${asked?.name ?? ""}?`}
        confirmLabel="Revoke token"
        onConfirm={async () => {
          if (asked === null) return;
          await answerOf(api.DELETE("/api/v1/tokens/{tokenId}", { params: { path: { tokenId: asked.id } } }));
          await invalidate("tokens");
          toast(`${asked.name} is revoked`);
        }}
        onClose={() => setAsked(null)}
      >
        What uses this token is refused from now on, and live streams that it opened end. It cannot be brought back; a
        new one can be made.
      </ConfirmDialog>
    </PageFrame>
  );
}

function Expiry({ expiresAt, nowMs }: { readonly expiresAt: string; readonly nowMs: number }) {
  const leftMs = Date.parse(expiresAt) - nowMs;
  return (
    <>
      <TimeText time={expiresAt} />{" "}
      {leftMs <= 0 ? (
        <StateBadge tone="off">Expired</StateBadge>
      ) : (
        leftMs < soonMs && <StateBadge tone="warn">Soon</StateBadge>
      )}
    </>
  );
}
