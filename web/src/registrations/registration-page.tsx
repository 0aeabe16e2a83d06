// Devices that came to be provisioned: those that wait are approved with a template, or blocked; what became of the others.

import { Button, Tab, TabList, Text, makeStyles, tokens } from "@fluentui/react-components";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useState } from "react";
import { answerOf, api } from "../api/client.ts";
import { invalidate } from "../api/query-client.ts";
import { ConfirmDialog } from "../parts/confirm-dialog.tsx";
import { type Column, DataTable, Pager, usePages } from "../parts/data-table.tsx";
import { PageFrame } from "../parts/page-frame.tsx";
import { LinkButton, PageLink } from "../parts/plain-link.tsx";
import { EmptyState, Shown } from "../parts/states.tsx";
import { TimeText } from "../parts/time-text.tsx";
import { useToast } from "../parts/toasts.tsx";
import { mayUse, useRole } from "../session/session.ts";
import { templatesQuery } from "../templates/template-queries.ts";
import { ApproveDialog } from "./approve-dialog.tsx";
import {
  type Registration,
  type RegistrationStatus,
  registrationStatuses,
  registrationsQuery,
} from "./registration-queries.ts";

const route = getRouteApi("/shell/registrations");
const useStyles = makeStyles({
  buttons: { display: "flex", flexWrap: "wrap", gap: "6px", justifyContent: "flex-end" },
  tabs: { marginInline: "-10px" },
  panel: { display: "flex", flexDirection: "column", rowGap: "12px", minWidth: 0 },
  about: { color: tokens.colorNeutralForeground3, maxWidth: "80ch" },
  quiet: { color: tokens.colorNeutralForeground3, fontSize: tokens.fontSizeBase200, overflowWrap: "anywhere" },
});

const statusWords: Readonly<Record<RegistrationStatus, { readonly tab: string; readonly about: string }>> = {
  waiting: {
    tab: "Waiting",
    about:
      "They have proven who they are and ask to be let in. They cannot send before that. One that waits for a device template comes in by itself, unless its enrollment wants it approved, once a published template has its model id.",
  },
  assigned: { tab: "Assigned", about: "Each has a device, and connects to this hub as that." },
  blocked: {
    tab: "Blocked",
    about: "They are refused whatever they prove. Those that had a device: it is blocked, too.",
  },
};

type Asked = { readonly act: "approve" | "block" | "unblock" | "forget"; readonly registration: Registration } | null;

export default function RegistrationPage() {
  const styles = useStyles();
  const { status = "waiting" } = route.useSearch();
  const navigate = route.useNavigate();
  const mayManage = mayUse(useRole(), "administrator");
  const pages = usePages(status);
  const registrations = useQuery(registrationsQuery(status, pages.after));
  const templates = useQuery({ ...templatesQuery, staleTime: 30_000 });
  const [asked, setAsked] = useState<Asked>(null);
  const published = templates.data?.filter((template) => template.published);
  return (
    <PageFrame
      title="Registrations"
      place={[{ label: "Device explorer", to: "/devices" }]}
      about="Devices that asked by themselves to be let in, by an enrollment group or an individual enrollment."
    >
      <TabList
        className={styles.tabs}
        selectedValue={status}
        onTabSelect={(_event, { value }) =>
          void navigate({ search: value === "waiting" ? {} : { status: value as RegistrationStatus }, replace: true })
        }
      >
        {registrationStatuses.map((one) => (
          <Tab key={one} value={one}>
            {statusWords[one].tab}
          </Tab>
        ))}
      </TabList>
      <div role="tabpanel" aria-label={statusWords[status].tab} className={styles.panel}>
        <Shown query={registrations}>
          {({ items, next }) =>
            items.length === 0 && pages.number === 1 ? (
              <Nothing status={status} mayManage={mayManage} />
            ) : (
              <>
                <Text className={styles.about}>{statusWords[status].about}</Text>
                <DataTable
                  label={`${statusWords[status].tab} registrations`}
                  columns={columnsOf(status, published?.length, setAsked)}
                  rows={items}
                  keyOf={({ registrationId }) => registrationId}
                  isStale={registrations.isPlaceholderData}
                />
                <Pager pages={pages} next={next} shown={items.length} />
              </>
            )
          }
        </Shown>
      </div>
      {asked?.act === "approve" && (
        <ApproveDialog registration={asked.registration} templates={published ?? []} onClose={() => setAsked(null)} />
      )}
      <Questions asked={asked} onClose={() => setAsked(null)} />
    </PageFrame>
  );
}

function Nothing({ status, mayManage }: { readonly status: RegistrationStatus; readonly mayManage: boolean }) {
  if (status === "blocked") return <EmptyState title="None is blocked" />;
  return (
    <EmptyState
      title={status === "waiting" ? "No device waits" : "No device has come yet"}
      {...(mayManage ? { action: <LinkButton to="/admin/connection">How devices come by themselves</LinkButton> } : {})}
    >
      {status === "waiting"
        ? "A device waits here when its enrollment wants each approved, or when nobody has said which device template it is to have."
        : "Devices come by an enrollment group or an individual enrollment, which an Administrator makes under Device connection."}
    </EmptyState>
  );
}

function columnsOf(
  status: RegistrationStatus,
  templateCount: number | undefined,
  ask: (asked: Asked) => void,
): readonly Column<Registration>[] {
  return [
    { id: "registrationId", title: "Registration id", isHeading: true, cell: ({ registrationId }) => registrationId },
    { id: "modelId", title: "Model", cell: ({ modelId }) => modelId ?? "–" },
    status === "waiting"
      ? {
          id: "waitsFor",
          title: "Waits for",
          cell: ({ waitsFor }) => (waitsFor === "template" ? "a device template" : "approval"),
        }
      : {
          id: "device",
          title: "Device",
          cell: ({ deviceId }) =>
            deviceId === null ? (
              "none"
            ) : (
              <PageLink to="/devices/$deviceId" params={{ deviceId }}>
                {deviceId}
              </PageLink>
            ),
        },
    { id: "createdAt", title: "First came", cell: ({ createdAt }) => <TimeText time={createdAt} /> },
    {
      id: "acts",
      title: "",
      isPlain: true,
      cell: (registration) => <Acts registration={registration} templateCount={templateCount} ask={ask} />,
    },
  ];
}

function Acts({
  registration,
  templateCount,
  ask,
}: {
  readonly registration: Registration;
  /** Of published ones; undefined before it is known. */
  readonly templateCount: number | undefined;
  readonly ask: (asked: Asked) => void;
}) {
  const styles = useStyles();
  const { status, deviceId, registrationId } = registration;
  const button = (act: NonNullable<Asked>["act"], label: string, isPrimary = false) => (
    <Button
      size="small"
      appearance={isPrimary ? "primary" : "secondary"}
      aria-label={`${label} ${registrationId}`}
      onClick={() => ask({ act, registration })}
    >
      {label}
    </Button>
  );
  return (
    <>
      <div className={styles.buttons}>
        {status === "waiting" && (templateCount ?? 0) > 0 && button("approve", "Approve", true)}
        {status === "blocked" ? button("unblock", "Unblock") : button("block", "Block")}
        {deviceId === null && button("forget", "Delete")}
      </div>
      {status === "waiting" && templateCount === 0 && (
        <div className={styles.quiet}>There is no published device template to approve it with.</div>
      )}
    </>
  );
}

function Questions({ asked, onClose }: { readonly asked: Asked; readonly onClose: () => void }) {
  const toast = useToast();
  const id = asked?.registration.registrationId ?? "";
  const hasDevice = (asked?.registration.deviceId ?? null) !== null;
  const path = { params: { path: { registrationId: id } } };
  const done = async (words: string): Promise<void> => {
    await invalidate("registrations", "devices", "provisioning");
    toast(words);
  };
  return (
    <>
      <ConfirmDialog
        isOpen={asked?.act === "block"}
        title={`Block ${id}?`}
        confirmLabel="Block"
        onClose={onClose}
        onConfirm={async () => {
          await answerOf(api.POST("/api/v1/registrations/{registrationId}/block", path));
          await done("Blocked");
        }}
      >
        {hasDevice
          ? "Its device is blocked: the connection is closed, and it is refused until you unblock it. What it sent stays."
          : "It is refused, and told so, until you unblock it."}
      </ConfirmDialog>
      <ConfirmDialog
        isOpen={asked?.act === "unblock"}
        title={`Unblock ${id}?`}
        confirmLabel="Unblock"
        onClose={onClose}
        onConfirm={async () => {
          await answerOf(api.POST("/api/v1/registrations/{registrationId}/unblock", path));
          await done("Unblocked");
        }}
      >
        {hasDevice ? "Its device may connect and send again." : "It waits to be approved again."}
      </ConfirmDialog>
      <ConfirmDialog
        isOpen={asked?.act === "forget"}
        title={`Delete ${id}?`}
        confirmLabel="Delete registration"
        onClose={onClose}
        onConfirm={async () => {
          await answerOf(api.DELETE("/api/v1/registrations/{registrationId}", path));
          await done("Deleted");
        }}
      >
        It is forgotten, and waits again when it comes again. To keep it out, block it.
      </ConfirmDialog>
    </>
  );
}
