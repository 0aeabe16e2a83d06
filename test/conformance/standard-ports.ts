// Loaded before an SDK (node --import): connections to the hub's name lead to the test's gate, whose ports stand for the
// standard ones. The SDK is not touched, and needs no rights and no entry in a name server.

import { Socket, type SocketConnectOpts, type TcpSocketConnectOpts } from "node:net";
import { gateVariable } from "./gate-address.ts";

const gate = process.env[gateVariable];
if (gate === undefined) throw new Error(`${gateVariable} is not set`);
const { host, ports } = JSON.parse(gate) as { host: string; ports: Record<string, number> };
// oxlint-disable-next-line typescript/unbound-method -- called with its socket below
const connect = Socket.prototype.connect as (this: Socket, ...given: unknown[]) => Socket;

/** `net` and `tls` hand over a list of options and listener, or what the user gave them. */
Socket.prototype.connect = function (this: Socket, ...given: unknown[]): Socket {
  const [first] = given;
  if (Array.isArray(first)) first[0] = led(first[0] as SocketConnectOpts);
  else if (typeof first === "object") given[0] = led(first as SocketConnectOpts);
  return connect.apply(this, given);
};

function led(options: SocketConnectOpts): SocketConnectOpts {
  const { host: asked, port } = options as TcpSocketConnectOpts;
  if (asked !== host) return options;
  return { ...options, host: "127.0.0.1", port: ports[String(port)] ?? port };
}
