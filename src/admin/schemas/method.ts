// Schemas of direct methods.

import { Type } from "typebox";
import { shape } from "../schema.ts";

const anyJson = (description: string) => Type.Unsafe<unknown>({ description });

export const MethodRequest = shape("MethodRequest", "What a device is asked to do.", {
  name: Type.String({ description: "In IoT Central's words a command, of a component `component*command`." }),
  payload: Type.Optional(anyJson("Any JSON, up to 128 KiB and 100 levels; null when left out.")),
  responseTimeoutSeconds: Type.Optional(
    Type.Number({ description: "How long the device may take to answer, 5 to 300; 30 when left out." }),
  ),
  connectTimeoutSeconds: Type.Optional(
    Type.Number({ description: "How long a device that is away may take to connect, 0 to 300; 0 when left out." }),
  ),
});
export const MethodAnswer = shape("MethodAnswer", "What the device answered.", {
  status: Type.Integer({ description: "The device's own: 200 is usual for done." }),
  payload: anyJson("The device's JSON, its text where that is none or is nested deeper, null where there is nothing."),
});
