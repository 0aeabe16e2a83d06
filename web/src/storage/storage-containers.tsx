// The containers of an account: picked, made, tried.

import { Button, Spinner, makeStyles } from "@fluentui/react-components";
import { useMutation } from "@tanstack/react-query";
import { api, answerOf } from "../api/client.ts";
import { Panel } from "../parts/panel.tsx";
import { ServerErrorBar, useServerErrors } from "../parts/server-errors.tsx";
import { ContainerField } from "./container-field.tsx";
import type { StorageAccount } from "./storage-account.ts";
import { TestSteps } from "./test-steps.tsx";

const useStyles = makeStyles({
  fields: { display: "flex", flexDirection: "column", rowGap: "16px", maxWidth: "640px", minWidth: 0 },
  row: { display: "flex", flexWrap: "wrap", gap: "8px", alignItems: "center" },
});

interface StorageContainersProps {
  readonly account: StorageAccount;
  readonly container: string;
  readonly onContainer: (container: string) => void;
}

export function StorageContainers({ account, container, onContainer }: StorageContainersProps) {
  const styles = useStyles();
  const test = useMutation({
    mutationFn: async () => {
      const tried = container === "" ? null : container;
      const outcome = await answerOf(
        api.POST("/api/v1/storage-accounts/{storageAccountId}/test", {
          params: { path: { storageAccountId: account.id } },
          body: tried === null ? {} : { container: tried },
        }),
      );
      return { outcome, tried };
    },
  });
  const errors = useServerErrors(test.error, ["container"]);
  return (
    <Panel
      title="Containers and test"
      about={`Each export writes into one container${account.settings.kind === "folder" ? ", a directory of this folder" : ""}. The test tries in it what an export needs, leaves nothing behind and needs no permission to delete.`}
    >
      <div className={styles.fields}>
        <ContainerField
          storageAccountId={account.id}
          kind={account.settings.kind}
          container={container}
          onChange={(name) => {
            onContainer(name);
            test.reset();
          }}
          errors={errors}
          isRequired={false}
        />
        <div className={styles.row}>
          <Button disabledFocusable={test.isPending} onClick={() => test.mutate()}>
            Test connection
          </Button>
          {test.isPending && <Spinner size="tiny" label="Testing; it can take 20 seconds …" />}
        </div>
      </div>
      <ServerErrorBar error={errors.rest} />
      {test.data !== undefined && <TestSteps outcome={test.data.outcome} inContainer={test.data.tried} />}
    </Panel>
  );
}
