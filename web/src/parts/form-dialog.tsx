// A short form in a dialog. The server judges what is in its fields, and its message stands at the field. A click beside
// it does not close it: what was typed would be gone.
//
//     <FormDialog title="Add user" submitLabel="Add user" isBusy={add.isPending} error={errors.rest}
//       onSubmit={add.mutate} onClose={close}>…fields…</FormDialog>

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
import type { ReactNode } from "react";
import { FocusBack } from "./focus-back.ts";
import { ServerErrorBar } from "./server-errors.tsx";

const useStyles = makeStyles({
  content: { display: "flex", flexDirection: "column", rowGap: "14px", overflowWrap: "anywhere" },
});

export interface FormDialogProps {
  readonly title: string;
  readonly submitLabel: string;
  /** What the button says while it works. */
  readonly busyLabel?: string;
  readonly isBusy: boolean;
  /** What belongs to no field. */
  readonly error: Error | null;
  /** Must not be sent as it is. */
  readonly isIncomplete?: boolean;
  readonly onSubmit: () => void;
  readonly onClose: () => void;
  readonly children: ReactNode;
}

/** It is open as long as it is drawn: its fields begin anew each time. */
export function FormDialog(props: FormDialogProps) {
  const {
    title,
    submitLabel,
    busyLabel = "Working …",
    isBusy,
    error,
    isIncomplete = false,
    onSubmit,
    onClose,
    children,
  } = props;
  const styles = useStyles();
  return (
    <Dialog open onOpenChange={(_event, { open, type }) => open || type === "backdropClick" || onClose()}>
      <DialogSurface>
        <FocusBack />
        <form
          noValidate
          onSubmit={(event) => {
            event.preventDefault();
            if (!isBusy && !isIncomplete) onSubmit();
          }}
        >
          <DialogBody>
            <DialogTitle>{title}</DialogTitle>
            <DialogContent className={styles.content}>
              {children}
              <ServerErrorBar error={error} />
            </DialogContent>
            <DialogActions>
              <Button type="button" onClick={onClose}>
                Cancel
              </Button>
              <Button type="submit" appearance="primary" disabledFocusable={isBusy || isIncomplete}>
                {isBusy ? busyLabel : submitLabel}
              </Button>
            </DialogActions>
          </DialogBody>
        </form>
      </DialogSurface>
    </Dialog>
  );
}

/** What a person must take note of, and never sees again: closed by its button only. */
export function NoteDialog({
  title,
  closeLabel,
  onClose,
  children,
}: {
  readonly title: string;
  readonly closeLabel: string;
  readonly onClose: () => void;
  readonly children: ReactNode;
}) {
  const styles = useStyles();
  return (
    <Dialog modalType="alert" open>
      <DialogSurface>
        <FocusBack />
        <DialogBody>
          <DialogTitle>{title}</DialogTitle>
          <DialogContent className={styles.content}>{children}</DialogContent>
          <DialogActions>
            <Button appearance="primary" onClick={onClose}>
              {closeLabel}
            </Button>
          </DialogActions>
        </DialogBody>
      </DialogSurface>
    </Dialog>
  );
}
