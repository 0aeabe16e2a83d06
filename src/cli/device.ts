// `coldpath device`: the devices that may connect, their values and their keys.

import type { CommandFamily } from "./command.ts";
import { deviceAuthenticationCommand } from "./device-authentication.ts";
import {
  connectionStringCommand,
  deviceKeysCommand,
  deviceTokenCommand,
  disableDeviceCommand,
  enableDeviceCommand,
} from "./device-access.ts";
import {
  createDeviceCommand,
  deleteDeviceCommand,
  migrateDeviceCommand,
  updateDeviceCommand,
} from "./device-changes.ts";
import { cloudMessagesCommand, deviceMethodCommand, sendToDeviceCommand } from "./device-commands.ts";
import { deviceMessagesCommand } from "./device-messages.ts";
import { deviceTwinCommand } from "./device-twin.ts";
import { exportDevicesCommand, importDevicesCommand } from "./device-files.ts";
import { listDevicesCommand, showDeviceCommand } from "./device-views.ts";

export const deviceCommands: CommandFamily = {
  kind: "family",
  name: "device",
  purpose: "list, create and change devices; their keys, connection strings and tokens",
  details: "ID is a device's id, or its name where only one device has it.",
  commands: [
    listDevicesCommand,
    createDeviceCommand,
    showDeviceCommand,
    deviceMessagesCommand,
    deviceMethodCommand,
    sendToDeviceCommand,
    cloudMessagesCommand,
    deviceTwinCommand,
    updateDeviceCommand,
    deleteDeviceCommand,
    deviceAuthenticationCommand,
    deviceKeysCommand,
    connectionStringCommand,
    deviceTokenCommand,
    enableDeviceCommand,
    disableDeviceCommand,
    migrateDeviceCommand,
    importDevicesCommand,
    exportDevicesCommand,
  ],
  examples: [
    ["coldpath device create fridge-7 --template 'Refrigerated Vending Machine'", "prints its connection string"],
    ["coldpath device list --search fridge", "devices with fridge in their id or name"],
  ],
};
