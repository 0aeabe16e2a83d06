// The certificate that a device's TLS connection was made with, if any.
//
// A listener asks for one and takes any (`certificateRequest`): whether it opens a device's door is known only when the device says
// who it is (authenticate.ts). TLS has proven that the client has the key.

import { constants } from "node:crypto";
import type { Duplex } from "node:stream";
import { type TlsOptions, TLSSocket } from "node:tls";
import { type ShownCertificates, intermediatesMax, readCertificate } from "../lib/certificate.ts";
import { secureTransport } from "../lib/secure-transport.ts";

/**
 * For devices' listeners, and again with each server certificate that replaces the present one.
 *
 * `ca` is empty, so that OpenSSL has nothing to check against and names nobody in its request. No session tickets: a resumed
 * session would have the device's certificate without the intermediates, and outlive its end.
 */
export const deviceTransport = {
  ...secureTransport,
  secureOptions: secureTransport.secureOptions | constants.SSL_OP_NO_TICKET,
  ca: [],
  requestCert: true,
  rejectUnauthorized: false,
} satisfies TlsOptions;

/** Asked once: Node takes a certificate from OpenSSL's list each time, so that the second answer has fewer. */
const shownBy = new WeakMap<TLSSocket, ShownCertificates | null>();

/** Null when the connection is without TLS, or the client showed none that can be read. */
export function clientCertificateOf(connection: Duplex): ShownCertificates | null {
  const socket = "beneath" in connection ? connection.beneath : connection;
  if (!(socket instanceof TLSSocket)) return null;
  const known = shownBy.get(socket);
  if (known !== undefined) return known;
  const certificates = readShown(socket);
  shownBy.set(socket, certificates);
  return certificates;
}

function readShown(socket: TLSSocket): ShownCertificates | null {
  const shown = socket.getPeerX509Certificate();
  const leaf = shown === undefined ? null : readCertificate(shown.raw);
  if (leaf === null) return null;
  const others: Buffer[] = [];
  // In the order in which they were sent; one more than may be, so that too many are seen as such.
  for (let one = shown?.issuerCertificate; one !== undefined && others.length <= intermediatesMax;) {
    others.push(one.raw);
    one = one.issuerCertificate;
  }
  return { leaf, others };
}
