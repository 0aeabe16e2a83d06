// Somebody else saved first (409 `etag-stale`): offers what they saved, or saving over it. Opens by itself for such an error.
//
//     <StaleEditDialog error={mutation.error} onTakeTheirs={async () => reload()} onOverwrite={async () => save({ etag: undefined })} onClose={mutation.reset} />

import {
  Button,
  Dialog,
  DialogActions,
  DialogBody,
  DialogContent,
  DialogSurface,
  DialogTitle,
  makeStyles,
} from "@fluentui/react-components";
import { type ReactNode, useState } from "react";
import { ApiError } from "../api/api-error.ts";
import { FocusBack } from "./focus-back.ts";
import { ServerErrorBar } from "./server-errors.tsx";

const useStyles = makeStyles({ content: { display: "flex", flexDirection: "column", rowGap: "12px" } });

export function isStaleEdit(error: unknown): boolean {
  return error instanceof ApiError && error.code === "etag-stale";
}

export interface StaleEditDialogProps {
  readonly error: Error | null;
  /** Loads what is saved now into the form; one's own changes go. */
  readonly onTakeTheirs: () => Promise<unknown>;
  /** Saves once more without the etag: the other's changes go. */
  readonly onOverwrite: () => Promise<unknown>;
  readonly onClose: () => void;
  /** What differs, where the page can say it. */
  readonly children?: ReactNode;
}

export function StaleEditDialog({ error, onTakeTheirs, onOverwrite, onClose, children }: StaleEditDialogProps) {
  const styles = useStyles();
  const [isBusy, setBusy] = useState(false);
  const [failure, setFailure] = useState<Error | null>(null);
  const run = (action: () => Promise<unknown>) => () => {
    setBusy(true);
    setFailure(null);
    action().then(
      () => {
        setBusy(false);
        onClose();
      },
      (thrown: unknown) => {
        setBusy(false);
        setFailure(thrown instanceof Error ? thrown : new Error(String(thrown)));
      },
    );
  };
  return (
    <Dialog modalType="alert" open={isStaleEdit(error)} onOpenChange={(_event, { open }) => open || onClose()}>
      <DialogSurface>
        <FocusBack />
        <DialogBody>
          <DialogTitle>Somebody else saved this meanwhile</DialogTitle>
          <DialogContent className={styles.content}>
            <div>
              Your changes are not saved. Take over what is saved now and make them again, or save yours over it.
            </div>
            {children}
            <ServerErrorBar error={failure} />
          </DialogContent>
          <DialogActions fluid>
            <Button onClick={onClose}>Back to my form</Button>
            <Button onClick={run(onOverwrite)} disabledFocusable={isBusy}>
              Save mine over it
            </Button>
            <Button appearance="primary" onClick={run(onTakeTheirs)} disabledFocusable={isBusy}>
              Show what is saved
            </Button>
          </DialogActions>
        </DialogBody>
      </DialogSurface>
    </Dialog>
  );
}
