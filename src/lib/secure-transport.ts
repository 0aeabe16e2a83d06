// What every TLS listener of this server speaks: devices' and administrators' alike.
//
// TLS 1.2 and 1.3 with forward secrecy and authenticated encryption, which all of Azure's SDKs, mbedTLS, OpenSSL and
// browsers of the last ten years speak. No renegotiation: it lets a client make the server work, and 1.3 has none.

import { constants } from "node:crypto";
import type { SecureContextOptions } from "node:tls";

/** To be given to a listener, and again with each certificate that replaces its present one. */
export const secureTransport = {
  minVersion: "TLSv1.2",
  ciphers: [
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
    "ECDHE-RSA-CHACHA20-POLY1305",
  ].join(":"),
  secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
} as const satisfies SecureContextOptions;
