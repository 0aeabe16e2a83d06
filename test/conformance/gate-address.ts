// How a process with an SDK in it is told where the gate is.

/** The name by which SDKs know the hub. It exists nowhere. */
export const hubHost = "hub.example.test";

/** `{"host": …, "ports": {"8883": …}}`, for standard-ports.ts and sdk_driver.py. Java's driver is given a file of hosts. */
export const gateVariable = "COLDPATH_CONFORMANCE_GATE";
