// Asks before something that cannot be taken back. With `typeToConfirm` the name must be typed first.

import {
  Button,
  Dialog,
  DialogActions,
  DialogBody,
  DialogContent,
  DialogSurface,
  DialogTitle,
  Field,
  Input,
  makeStyles,
} from "@fluentui/react-components";
import { type ReactNode, useState } from "react";
import { ServerErrorBar } from "./server-errors.tsx";

const useStyles = makeStyles({
  content: { display: "flex", flexDirection: "column", rowGap: "12px", overflowWrap: "anywhere" },
});

export interface ConfirmDialogProps {
  readonly isOpen: boolean;
  readonly title: string;
  /** What happens, in plain words. */
  readonly children: ReactNode;
  /** What the button says: "Delete device", not "OK". */
  readonly confirmLabel: string;
  /** Must be typed before the button works. */
  readonly typeToConfirm?: string;
  /** The dialog stays, with the server's message, when it throws. */
  readonly onConfirm: () => Promise<unknown>;
  readonly onClose: () => void;
}

export function ConfirmDialog(props: ConfirmDialogProps) {
  return (
    <Dialog modalType="alert" open={props.isOpen} onOpenChange={(_event, { open }) => open || props.onClose()}>
      <DialogSurface>{props.isOpen && <Question {...props} />}</DialogSurface>
    </Dialog>
  );
}

function Question({ title, children, confirmLabel, typeToConfirm, onConfirm, onClose }: ConfirmDialogProps) {
  const styles = useStyles();
  const [typed, setTyped] = useState("");
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<Error | null>(null);
  const isAllowed = typeToConfirm === undefined || typed.trim() === typeToConfirm;
  const confirm = async (): Promise<void> => {
    if (!isAllowed || isBusy) return;
    setBusy(true);
    setError(null);
    try {
      await onConfirm();
      onClose();
    } catch (thrown) {
      setError(thrown instanceof Error ? thrown : new Error(String(thrown)));
    } finally {
      setBusy(false);
    }
  };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        void confirm();
      }}
    >
      <DialogBody>
        <DialogTitle>{title}</DialogTitle>
        <DialogContent className={styles.content}>
          <div>{children}</div>
          {typeToConfirm !== undefined && (
            <Field label={`Type ${typeToConfirm} to confirm`}>
              <Input
                value={typed}
                onChange={(_event, { value }) => setTyped(value)}
                autoComplete="off"
                spellCheck={false}
              />
            </Field>
          )}
          <ServerErrorBar error={error} />
        </DialogContent>
        <DialogActions>
          <Button type="button" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" appearance="primary" disabledFocusable={!isAllowed || isBusy}>
            {isBusy ? "Working …" : confirmLabel}
          </Button>
        </DialogActions>
      </DialogBody>
    </form>
  );
}
