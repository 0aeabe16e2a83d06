// The device explorer: all devices, searched, filtered, sorted and paged by the server; several at once are blocked, moved or
// deleted; new ones are made, here or from a file.

import { Button, Menu, MenuItem, MenuList, MenuPopover, MenuTrigger } from "@fluentui/react-components";
import { AddRegular, ArrowDownloadRegular, ArrowUploadRegular, MoreHorizontalRegular } from "@fluentui/react-icons";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { type Column, DataTable, Pager } from "../parts/data-table.tsx";
import { PageFrame } from "../parts/page-frame.tsx";
import { LinkButton, PageLink } from "../parts/plain-link.tsx";
import { EmptyState, ErrorState, Loading } from "../parts/states.tsx";
import { TimeText } from "../parts/time-text.tsx";
import { WaitingBar } from "../registrations/waiting-bar.tsx";
import { mayUse, useRole } from "../session/session.ts";
import { BulkActions } from "./bulk-actions.tsx";
import { DeviceFilters } from "./device-filters.tsx";
import { useDevicePages } from "./device-pages.ts";
import {
  type Device,
  type DeviceTemplate,
  anyDeviceQuery,
  devicesQuery,
  shownName,
  templatesQuery,
} from "./device-queries.ts";
import { type DeviceSort, filterOf, isFiltered } from "./device-search.ts";
import { DeviceState } from "./device-state.tsx";
import { ExportDevicesDialog } from "./export-devices-dialog.tsx";
import { ImportDevicesDialog } from "./import-devices-dialog.tsx";
import { NewDeviceDialog } from "./new-device-dialog.tsx";

const route = getRouteApi("/shell/devices");
type OpenDialog = "new" | "import" | "export" | null;

export default function DeviceListPage() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const role = useRole();
  const [dialog, setDialog] = useState<OpenDialog>(null);
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const templates = useQuery(templatesQuery);
  const devices = useQuery(devicesQuery(search));
  const pages = useDevicePages(search);
  const isEmpty = devices.data?.total === 0;
  // An empty list is another thing when there is no device at all.
  const anyDevice = useQuery({ ...anyDeviceQuery, enabled: isEmpty && isFiltered(search) });

  const filterKey = JSON.stringify(filterOf(search));
  // What is not shown any more should not be deleted.
  useEffect(() => setSelected(new Set()), [filterKey]);

  const published = (templates.data ?? []).filter((template) => template.published);
  const hasNoTemplate = templates.data !== undefined && published.length === 0;
  const hasNoDevice = isEmpty && (!isFiltered(search) || anyDevice.data === false);

  const content = (): React.ReactNode => {
    if (devices.data === undefined || templates.data === undefined) {
      const error = devices.error ?? templates.error;
      if (error === null) return <Loading />;
      return <ErrorState error={error} onRetry={() => void Promise.all([devices.refetch(), templates.refetch()])} />;
    }
    if (hasNoDevice && hasNoTemplate) return <NoTemplate mayMake={mayUse(role, "builder")} />;
    if (hasNoDevice) {
      return (
        <EmptyState
          title="No devices yet"
          action={
            <>
              <Button appearance="primary" icon={<AddRegular />} onClick={() => setDialog("new")}>
                New device
              </Button>
              {mayUse(role, "administrator") && (
                <LinkButton to="/admin/connection">How devices come by themselves</LinkButton>
              )}
            </>
          }
        >
          Make a simulated device to see data at once, or a real one: afterwards this page shows how it connects. Many
          devices come in with a CSV file, or by themselves with the keys of an enrollment group.
        </EmptyState>
      );
    }
    const { items, next, total } = devices.data;
    return (
      <>
        <DeviceFilters
          search={search}
          templates={templates.data}
          onChange={(filter) => {
            const { sort, descending } = search;
            void navigate({
              search: {
                ...filter,
                ...(sort === undefined ? {} : { sort }),
                ...(descending === undefined ? {} : { descending }),
              },
              // Each letter is not a place to come back to.
              replace: filter.search !== search.search,
            });
          }}
        />
        {isEmpty ? (
          <EmptyState
            title="No device matches"
            action={<Button onClick={() => void navigate({ search: {} })}>Clear filters</Button>}
          >
            No device has all that is asked for above. The search looks for a part of a name or an id.
          </EmptyState>
        ) : (
          <>
            {/* After the last one of a page was deleted. */}
            {items.length === 0 && (
              <EmptyState
                title="Nothing on this page any more"
                action={<Button onClick={pages.reset}>First page</Button>}
              />
            )}
            <BulkActions
              selected={selected}
              shown={items}
              total={total}
              filter={filterOf(search)}
              templates={templates.data}
              onSelect={setSelected}
            />
            {items.length > 0 && (
              <DataTable
                label="Devices"
                columns={columnsOf(templates.data)}
                rows={items}
                keyOf={({ id }) => id}
                sort={{ by: search.sort ?? "id", isDescending: search.descending === true }}
                onSort={({ by, isDescending }) =>
                  void navigate({
                    search: {
                      ...filterOf(search),
                      sort: by as DeviceSort,
                      ...(isDescending ? { descending: true } : {}),
                    },
                  })
                }
                isStale={devices.isPlaceholderData}
                selected={selected}
                onSelect={setSelected}
              />
            )}
            <Pager pages={pages} next={next} shown={items.length} total={total} />
          </>
        )}
      </>
    );
  };

  return (
    <PageFrame
      title="Device explorer"
      actions={
        hasNoTemplate ? undefined : (
          <>
            <Button appearance="primary" icon={<AddRegular />} onClick={() => setDialog("new")}>
              New device
            </Button>
            <LinkButton to="/registrations">Registrations</LinkButton>
            <Menu>
              <MenuTrigger disableButtonEnhancement>
                <Button icon={<MoreHorizontalRegular />}>CSV</Button>
              </MenuTrigger>
              <MenuPopover>
                <MenuList>
                  <MenuItem icon={<ArrowUploadRegular />} onClick={() => setDialog("import")}>
                    Import devices
                  </MenuItem>
                  <MenuItem icon={<ArrowDownloadRegular />} onClick={() => setDialog("export")}>
                    Export devices
                  </MenuItem>
                </MenuList>
              </MenuPopover>
            </Menu>
          </>
        )
      }
    >
      <WaitingBar />
      {content()}
      {dialog === "new" && <NewDeviceDialog templates={published} onClose={() => setDialog(null)} />}
      <ImportDevicesDialog isOpen={dialog === "import"} templates={published} onClose={() => setDialog(null)} />
      <ExportDevicesDialog
        isOpen={dialog === "export"}
        filter={filterOf(search)}
        count={devices.data?.total}
        onClose={() => setDialog(null)}
      />
    </PageFrame>
  );
}

function columnsOf(templates: readonly DeviceTemplate[]): readonly Column<Device>[] {
  const names = new Map(templates.map(({ id, version, name }) => [`${id} ${version}`, name]));
  return [
    {
      id: "name",
      title: "Name",
      isSortable: true,
      isHeading: true,
      cell: (device) => (
        <PageLink to="/devices/$deviceId" params={{ deviceId: device.id }}>
          {shownName(device)}
        </PageLink>
      ),
    },
    { id: "id", title: "Id", isSortable: true, cell: ({ id }) => id },
    {
      id: "template",
      title: "Template",
      isSortable: true,
      cell: ({ templateId, templateVersion }) => (
        <>
          <PageLink to="/templates/$templateId" params={{ templateId }}>
            {names.get(`${templateId} ${templateVersion}`) ?? templateId}
          </PageLink>{" "}
          {templateVersion}
        </>
      ),
    },
    { id: "state", title: "State", cell: (device) => <DeviceState device={device} /> },
    { id: "createdAt", title: "Created", isSortable: true, cell: ({ createdAt }) => <TimeText time={createdAt} /> },
  ];
}

function NoTemplate({ mayMake }: { readonly mayMake: boolean }) {
  return (
    <EmptyState
      title="First, a device template"
      action={
        <LinkButton to="/templates" appearance="primary">
          Go to device templates
        </LinkButton>
      }
    >
      A device template says what a kind of devices measures and which settings and properties it has. Every device is
      of one, and there is none published yet.
      {mayMake ? " Make one, publish it, and come back." : " A Builder or an Administrator can make one."}
    </EmptyState>
  );
}
