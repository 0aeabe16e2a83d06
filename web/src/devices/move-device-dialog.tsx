// A device goes to another version of its template.

import { Field, Select, Text, makeStyles } from "@fluentui/react-components";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { answerOf, api } from "../api/client.ts";
import { invalidate } from "../api/query-client.ts";
import { ConfirmDialog } from "../parts/confirm-dialog.tsx";
import { useToast } from "../parts/toasts.tsx";
import { templatesQuery } from "./device-queries.ts";

const useStyles = makeStyles({ stack: { display: "flex", flexDirection: "column", rowGap: "10px" } });

export function MoveDeviceDialog({
  isOpen,
  deviceId,
  templateId,
  templateVersion,
  onClose,
}: {
  readonly isOpen: boolean;
  readonly deviceId: string;
  readonly templateId: string;
  readonly templateVersion: string;
  readonly onClose: () => void;
}) {
  const styles = useStyles();
  const toast = useToast();
  const { data: templates = [] } = useQuery({ ...templatesQuery, enabled: isOpen });
  const versions = templates
    .filter(({ id, version, published }) => id === templateId && published && version !== templateVersion)
    .map(({ version }) => version)
    .toReversed();
  const [chosen, setChosen] = useState<string | null>(null);
  useEffect(() => setChosen(null), [isOpen]);
  const version = chosen ?? versions[0];
  return (
    <ConfirmDialog
      isOpen={isOpen}
      title="Move to another template version"
      confirmLabel={version === undefined ? "Move" : `Move to ${version}`}
      onClose={onClose}
      onConfirm={async () => {
        if (version === undefined) return;
        await answerOf(
          api.POST("/api/v1/devices/{deviceId}/migrate", {
            params: { path: { deviceId } },
            body: { templateVersion: version },
          }),
        );
        await invalidate("devices");
        toast(`Moved to version ${version}`);
      }}
    >
      {version === undefined ? (
        <Text>
          The template has no other published version. A Builder makes one under Device templates; then the device can
          be moved to it.
        </Text>
      ) : (
        <div className={styles.stack}>
          <Field label="Version">
            <Select value={version} onChange={(_event, { value }) => setChosen(value)}>
              {versions.map((one) => (
                <option key={one} value={one}>
                  {one}
                </option>
              ))}
            </Select>
          </Field>
          <Text>
            The device is at {templateVersion}. Settings and properties that both versions have keep their values; new
            ones get their initial value; the others go. The device&apos;s connection stays.
          </Text>
        </div>
      )}
    </ConfirmDialog>
  );
}
