// What a device is told to do, besides its settings: direct methods now, messages whenever it comes for them.

import { CloudMessagesPanel } from "./cloud-messages-panel.tsx";
import type { Device } from "./device-queries.ts";
import type { MethodCalls } from "./method-calls.ts";
import { MethodPanel } from "./method-panel.tsx";

export default function CommandsTab({ device, calls }: { readonly device: Device; readonly calls: MethodCalls }) {
  return (
    <>
      <MethodPanel
        about="Asks the device to do something now, and waits for its answer. In IoT Central this was a command. Only a connected device can be asked; for one that sleeps, send a message below."
        whyNot={whyNot(device)}
        calls={calls}
      />
      <CloudMessagesPanel device={device} />
    </>
  );
}

function whyNot({ connected, enabled, simulated }: Device): string | null {
  if (simulated) return "The server sends for this simulated device. It takes no commands.";
  if (!enabled) return "This device is blocked, so it cannot be connected. Unblock it under More.";
  if (!connected)
    return "The device is not connected now. Give it seconds to connect, and it is asked as soon as it is there.";
  return null;
}
