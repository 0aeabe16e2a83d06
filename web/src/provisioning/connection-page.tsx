// Administration, Device connection: how devices come by themselves, and what lets them in.

import { Tab, TabList, makeStyles } from "@fluentui/react-components";
import { getRouteApi } from "@tanstack/react-router";
import { PageFrame } from "../parts/page-frame.tsx";
import { CaCertificateList } from "./ca-certificate-list.tsx";
import { type ConnectionTab, connectionTabs } from "./connection-search.ts";
import { EnrollmentList } from "./enrollment-list.tsx";
import { GroupList } from "./group-list.tsx";
import { Overview } from "./overview.tsx";

const route = getRouteApi("/shell/admin/connection");
const tabNames: Readonly<Record<ConnectionTab, string>> = {
  overview: "Overview",
  groups: "Enrollment groups",
  enrollments: "Individual enrollments",
  certificates: "CA certificates",
};
const useStyles = makeStyles({
  tabs: { flexWrap: "wrap", marginInline: "-10px" },
  panel: { display: "flex", flexDirection: "column", rowGap: "16px", minWidth: 0 },
});

export default function ConnectionPage() {
  const styles = useStyles();
  const { tab = "overview" } = route.useSearch();
  const navigate = route.useNavigate();
  return (
    <PageFrame
      title="Device connection"
      about="Devices can come by themselves: they prove who they are by a key or a certificate that an enrollment knows, and become devices of this hub."
    >
      <TabList
        className={styles.tabs}
        selectedValue={tab}
        onTabSelect={(_event, { value }) =>
          void navigate({ search: value === "overview" ? {} : { tab: value as ConnectionTab }, replace: true })
        }
      >
        {connectionTabs.map((one) => (
          <Tab key={one} value={one}>
            {tabNames[one]}
          </Tab>
        ))}
      </TabList>
      <div role="tabpanel" aria-label={tabNames[tab]} className={styles.panel}>
        {tab === "overview" && <Overview />}
        {tab === "groups" && <GroupList />}
        {tab === "enrollments" && <EnrollmentList />}
        {tab === "certificates" && <CaCertificateList />}
      </div>
    </PageFrame>
  );
}
