// Asks before a form with unsaved changes is left: by a link, by the browser's buttons, by closing the tab.
//
//     <UnsavedGuard isDirty={isDirty} />

import {
  Button,
  Dialog,
  DialogActions,
  DialogBody,
  DialogContent,
  DialogSurface,
  DialogTitle,
} from "@fluentui/react-components";
import { useBlocker } from "@tanstack/react-router";
import { flushSync } from "react-dom";

/** What makes a form clean just before the page is left: drawn at once, or the guard would still ask. */
export function beforeLeaving(change: () => void): void {
  flushSync(change);
}

export interface UnsavedGuardProps {
  readonly isDirty: boolean;
  /** What would be lost: "this device template". */
  readonly what: string;
}

export function UnsavedGuard({ isDirty, what }: UnsavedGuardProps) {
  const blocker = useBlocker({
    shouldBlockFn: () => isDirty,
    enableBeforeUnload: () => isDirty,
    withResolver: true,
  });
  if (blocker.status !== "blocked") return null;
  return (
    <Dialog modalType="alert" open onOpenChange={(_event, { open }) => open || blocker.reset()}>
      <DialogSurface>
        <DialogBody>
          <DialogTitle>Leave without saving?</DialogTitle>
          <DialogContent>Your changes to {what} are not saved yet.</DialogContent>
          <DialogActions>
            <Button onClick={blocker.proceed}>Leave, and lose them</Button>
            <Button appearance="primary" onClick={blocker.reset}>
              Stay
            </Button>
          </DialogActions>
        </DialogBody>
      </DialogSurface>
    </Dialog>
  );
}
