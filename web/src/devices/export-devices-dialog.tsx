// Devices as a CSV file: those of the list's filter. With their keys only when one says so.

import {
  Button,
  Checkbox,
  Dialog,
  DialogActions,
  DialogBody,
  DialogContent,
  DialogSurface,
  DialogTitle,
  MessageBar,
  MessageBarBody,
  Text,
  makeStyles,
} from "@fluentui/react-components";
import { ArrowDownloadRegular } from "@fluentui/react-icons";
import { useState } from "react";
import { formatCount } from "../parts/amounts.ts";
import type { DeviceFilter } from "./device-search.ts";

const useStyles = makeStyles({ content: { display: "flex", flexDirection: "column", rowGap: "12px" } });

interface ExportDevicesDialogProps {
  readonly isOpen: boolean;
  readonly filter: DeviceFilter;
  readonly count: number | undefined;
  readonly onClose: () => void;
}

export function ExportDevicesDialog(props: ExportDevicesDialogProps) {
  return (
    <Dialog open={props.isOpen} onOpenChange={(_event, { open }) => open || props.onClose()}>
      <DialogSurface>{props.isOpen && <Content {...props} />}</DialogSurface>
    </Dialog>
  );
}

function Content({ filter, count, onClose }: ExportDevicesDialogProps) {
  const styles = useStyles();
  const [withKeys, setWithKeys] = useState(false);
  const query = new URLSearchParams(Object.entries(filter).map(([key, value]) => [key, String(value)]));
  if (withKeys) query.set("keys", "true");
  const isAll = Object.keys(filter).length === 0;
  const devices = count === undefined ? "devices" : `${formatCount(count)} ${count === 1 ? "device" : "devices"}`;
  return (
    <DialogBody>
      <DialogTitle>Export devices</DialogTitle>
      <DialogContent className={styles.content}>
        <Text>
          {isAll ? `All ${devices}` : `The ${devices} that the list shows with its search and filters`}, as a CSV file
          with ids, names and, if you want, keys. The import takes it back.
        </Text>
        <Checkbox
          label="With the devices' keys"
          checked={withKeys}
          onChange={(_event, { checked }) => setWithKeys(checked === true)}
        />
        {withKeys && (
          <MessageBar intent="warning" layout="multiline">
            <MessageBarBody>
              Whoever has this file can send as each of these devices. Keep it as safe as the devices themselves, and
              delete it when it has served.
            </MessageBarBody>
          </MessageBar>
        )}
      </DialogContent>
      <DialogActions>
        <Button onClick={onClose}>Cancel</Button>
        <Button
          as="a"
          href={`/api/v1/devices.csv?${query.toString()}`}
          download="devices.csv"
          appearance="primary"
          icon={<ArrowDownloadRegular />}
          // After the browser has followed it.
          onClick={() => setTimeout(onClose)}
        >
          {withKeys ? "Download with keys" : "Download"}
        </Button>
      </DialogActions>
    </DialogBody>
  );
}
