// The stream of bytes between a device and a front end: a socket, TLS or not, or a WebSocket (websocket/).

import type { Duplex } from "node:stream";

/** What `net.Socket` has beyond a stream, as far as front ends use it. */
export interface DeviceStream extends Duplex {
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
  /** The socket that carries it, if it is none itself. */
  readonly beneath?: Duplex | undefined;
  /** Ends when all that was written is out. */
  destroySoon(): void;
  setNoDelay(noDelay: boolean): unknown;
}
