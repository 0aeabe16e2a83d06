// An edit that would break devices or readers of a published version: what breaks, and the way out, a further version.

import {
  Button,
  Checkbox,
  Dialog,
  DialogActions,
  DialogBody,
  DialogContent,
  DialogSurface,
  DialogTitle,
  makeStyles,
} from "@fluentui/react-components";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, answerOf } from "../api/client.ts";
import { invalidate } from "../api/query-client.ts";
import { ServerErrorBar } from "../parts/server-errors.tsx";
import { Shown } from "../parts/states.tsx";
import type { DeviceTemplate, contentOf } from "./template-draft.ts";

const useStyles = makeStyles({
  content: { display: "flex", flexDirection: "column", rowGap: "12px", overflowWrap: "anywhere" },
  list: { margin: 0, paddingInlineStart: "20px", maxHeight: "40vh", overflowY: "auto" },
});

export interface BreakingEditDialogProps {
  readonly template: DeviceTemplate;
  readonly content: ReturnType<typeof contentOf>;
  /** The version that was made. */
  readonly onMade: (version: string) => void;
  readonly onClose: () => void;
}

export function BreakingEditDialog({ template, content, onMade, onClose }: BreakingEditDialogProps) {
  const styles = useStyles();
  const { id: templateId, version } = template;
  const [isPublished, setPublished] = useState(true);
  const check = useQuery({
    queryKey: ["device-templates", "check", templateId, version, content],
    queryFn: async () =>
      await answerOf(
        api.POST("/api/v1/device-templates/{templateId}/versions/{version}/check", {
          params: { path: { templateId, version } },
          body: content,
        }),
      ),
    gcTime: 0,
  });
  const make = useMutation({
    mutationFn: async (next: string) =>
      await answerOf(
        api.POST("/api/v1/device-templates/{templateId}/versions", {
          params: { path: { templateId } },
          body: { ...content, version: next, publish: isPublished },
        }),
      ),
    onSuccess: async (made) => {
      await invalidate("device-templates");
      onMade(made.version);
    },
  });
  const next = check.data?.nextVersion;
  return (
    <Dialog modalType="alert" open onOpenChange={(_event, { open }) => open || onClose()}>
      <DialogSurface>
        <DialogBody>
          <DialogTitle>This edit breaks version {version}</DialogTitle>
          <DialogContent className={styles.content}>
            <div>
              Version {version} is published: devices use it, and readers of its exported data rely on it. So it stays
              as it is, and your edit becomes a new version.
            </div>
            <Shown query={check}>
              {({ breaks }) => (
                <>
                  <b>What would break:</b>
                  {/* It scrolls, so the keyboard must reach it. */}
                  <ul className={styles.list} tabIndex={0} aria-label="What would break">
                    {breaks.map(({ field, message }) => (
                      <li key={field + message}>{message}</li>
                    ))}
                  </ul>
                </>
              )}
            </Shown>
            <Checkbox
              label="Publish it at once, so that devices can use it"
              checked={isPublished}
              onChange={(_event, { checked }) => setPublished(checked === true)}
            />
            <ServerErrorBar error={make.error} />
          </DialogContent>
          <DialogActions fluid>
            <Button onClick={onClose}>Back to my edit</Button>
            <Button
              appearance="primary"
              disabledFocusable={next === undefined || make.isPending}
              onClick={() => next !== undefined && make.mutate(next)}
            >
              {next === undefined ? "Save as new version" : `Save as new version ${next}`}
            </Button>
          </DialogActions>
        </DialogBody>
      </DialogSurface>
    </Dialog>
  );
}
