// Ports that cannot be listened on, in one sentence, with what to do.

import { ColdpathError, codeOf, messageOf } from "../lib/errors.ts";

/**
 * @param option  that says which port.
 * @throws ColdpathError `fatal`: `port-in-use`, `port-refused`.
 */
export async function bind<T>(option: string, port: number, listen: () => Promise<T>): Promise<T> {
  try {
    return await listen();
  } catch (error) {
    const code = codeOf(error);
    const environment = `COLDPATH_${option.toUpperCase().replaceAll("-", "_")}`;
    const another = `choose another with --${option} (${environment}); 0 takes any free one.`;
    if (code === "EADDRINUSE") {
      const hint = `Stop the program that holds it, or ${another}`;
      throw new ColdpathError("fatal", "port-in-use", `Port ${port} (--${option}) is in use.`, { hint, cause: error });
    }
    if (code === "EACCES" || code === "EADDRNOTAVAIL") {
      const hint =
        code === "EACCES"
          ? `Let the server listen there (CAP_NET_BIND_SERVICE for ports below 1024), or ${another}`
          : "Give --host (COLDPATH_HOST) and --mqtt-host (COLDPATH_MQTT_HOST) addresses that this machine has.";
      throw new ColdpathError(
        "fatal",
        "port-refused",
        `Port ${port} (--${option}) cannot be listened on: ${messageOf(error)}.`,
        { hint, cause: error },
      );
    }
    throw error;
  }
}
