// Where somebody who comes from IoT Central goes on.

import { DocLink } from "../parts/plain-link.tsx";

export function MigrationNote() {
  return (
    <>
      Devices of an Azure IoT Central application come over with the keys they have:{" "}
      <code>coldpath migrate iot-central</code> checks them and does the rest. All steps:{" "}
      <DocLink file="migrate-from-iot-central.md">From Azure IoT Central to here</DocLink>.
    </>
  );
}
