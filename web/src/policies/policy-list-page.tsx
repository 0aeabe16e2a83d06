// Administration, Hub policies: keys with which any device may sign in, for back ends and gateways.

import { Button } from "@fluentui/react-components";
import { AddRegular } from "@fluentui/react-icons";
import { queryOptions, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { answerOf, api } from "../api/client.ts";
import { PageFrame } from "../parts/page-frame.tsx";
import { EmptyState, Shown } from "../parts/states.tsx";
import { NewPolicyDialog } from "./new-policy-dialog.tsx";
import { PolicyPanel } from "./policy-panel.tsx";

const policiesQuery = queryOptions({
  queryKey: ["policies"],
  queryFn: async () => (await answerOf(api.GET("/api/v1/policies"))).items,
});

export default function PolicyListPage() {
  const policies = useQuery(policiesQuery);
  const [isAdding, setAdding] = useState(false);
  const add = (
    <Button appearance="primary" icon={<AddRegular />} onClick={() => setAdding(true)}>
      New hub policy
    </Button>
  );
  return (
    <PageFrame
      title="Hub policies"
      about="The keys of a hub policy let any device sign in: for gateways and programs that send for many devices. Whoever has one can send as every device. A single device uses its own key; it stands on the device's page."
      {...((policies.data?.length ?? 0) > 0 ? { actions: add } : {})}
    >
      <Shown query={policies}>
        {(items) =>
          items.length === 0 ? (
            <EmptyState title="There is no hub policy" action={add}>
              Devices sign in with their own keys, which is safest. Make a policy only for a gateway or a program that
              sends for many devices.
            </EmptyState>
          ) : (
            items.map((policy) => <PolicyPanel key={policy.name} policy={policy} />)
          )
        }
      </Shown>
      {isAdding && <NewPolicyDialog onClose={() => setAdding(false)} />}
    </PageFrame>
  );
}
