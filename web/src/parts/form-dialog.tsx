// A short form in a dialog. What it looks like when it is done is another content of the same dialog: `done`.
//
//     <FormDialog isOpen title="Add user" submitLabel="Add user" isBusy={add.isPending} error={errors.rest}
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
import { ServerErrorBar } from "./server-errors.tsx";

const useStyles = makeStyles({
  content: { display: "flex", flexDirection: "column", rowGap: "14px", overflowWrap: "anywhere" },
});

export interface FormDialogProps {
  readonly title: string;
  readonly submitLabel: string;
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
  const { title, submitLabel, isBusy, error, isIncomplete = false, onSubmit, onClose, children } = props;
  const styles = useStyles();
  return (
    <Dialog modalType="alert" open onOpenChange={(_event, { open }) => open || onClose()}>
      <DialogSurface>
        <form
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
                {isBusy ? "Working …" : submitLabel}
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
