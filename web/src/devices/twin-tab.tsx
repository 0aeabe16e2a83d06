// A device's twin as it is.

import { useQuery } from "@tanstack/react-query";
import { answerOf, api } from "../api/client.ts";
import { invalidate, queryClient } from "../api/query-client.ts";
import { Shown } from "../parts/states.tsx";
import { type Device, twinQuery } from "./device-queries.ts";
import { TwinPanels } from "./twin-panels.tsx";

export default function TwinTab({ device: { id: deviceId } }: { readonly device: Device }) {
  const twin = useQuery(twinQuery(deviceId));
  return (
    <Shown query={twin}>
      {({ desired, reported, settings }) => (
        <TwinPanels
          one="device"
          desired={desired}
          reported={reported}
          settings={settings}
          save={async (patch) => {
            const saved = await answerOf(
              api.PATCH("/api/v1/devices/{deviceId}/twin", {
                params: { path: { deviceId } },
                body: { desired: patch },
              }),
            );
            queryClient.setQueryData(twinQuery(deviceId).queryKey, saved);
            await invalidate("devices");
          }}
        />
      )}
    </Shown>
  );
}
