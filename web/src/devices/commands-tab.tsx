// What a device is told to do, besides its settings: direct methods now, messages whenever it comes for them.

import { CloudMessagesPanel } from "./cloud-messages-panel.tsx";
import type { Device } from "./device-queries.ts";
import type { MethodCalls } from "./method-calls.ts";
import { MethodPanel } from "./method-panel.tsx";

export default function CommandsTab({ device, calls }: { readonly device: Device; readonly calls: MethodCalls }) {
  return (
    <>
      <MethodPanel device={device} calls={calls} />
      <CloudMessagesPanel device={device} />
    </>
  );
}
