// THE option table: every setting of the server, once. Flags, environment variables, the configuration file, the help,
// docs/reference/config.md and the type of the configuration derive from it.
//
// A name's unit stands last (`frame-bytes-max`). Everything that can grow has a maximum here.

import type { OptionTable } from "./option.ts";

export const serverOptions = {
  config: {
    group: "Where things are",
    type: "path",
    description:
      'A JSON file of options: {"hub-name": "plant-7", "mqtt-port": 1884}. Flags and environment win over it.',
  },
  "data-dir": {
    group: "Where things are",
    type: "path",
    default: "./data",
    description:
      "Directory of everything the server keeps: registry, journal, certificates, keys. One server at a time. Put it on a local disk.",
  },
  "hub-name": {
    group: "Where things are",
    type: "string",
    pattern: /^[A-Za-z0-9](?:[A-Za-z0-9-]{0,48}[A-Za-z0-9])?$/,
    form: "1 to 50 letters, digits and hyphens, with no hyphen at either end",
    description:
      "The hub's name: the first folder of every exported path. Fixed when the data directory is made; `coldpath` if never given.",
  },
  sample: {
    group: "Where things are",
    type: "boolean",
    default: "true",
    description:
      "On a fresh data directory, make the sample: a device template, ten simulated refrigerators and an export into a folder.",
  },

  "public-host": {
    group: "Network",
    type: "hosts",
    default: "localhost",
    description:
      "Names and addresses by which devices reach this server: they go into its certificate, and tokens for them are accepted. The first is shown in connection strings.",
  },
  "public-mqtts-port": {
    group: "Network",
    type: "integer",
    min: "1",
    max: "65535",
    description:
      "The port by which devices reach MQTT over TLS, where it is not --mqtts-port: behind a load balancer, or in a container. It goes into connection strings, and into what provisioned devices are told; there 8883 is not written, since every SDK knows it, and some know no other.",
  },
  host: {
    group: "Network",
    type: "host",
    default: "0.0.0.0",
    description: "Address that the TLS ports listen on.",
  },
  "mqtts-port": {
    group: "Network",
    type: "port",
    default: "8883",
    description: "MQTT over TLS, for devices. A port of 0 is any free one; the server prints which.",
  },
  "amqps-port": {
    group: "Network",
    type: "port",
    default: "5671",
    description: "AMQP 1.0 over TLS, for devices.",
  },
  "https-port": {
    group: "Network",
    type: "port",
    default: "8443",
    description:
      "HTTPS and WebSockets (MQTT and AMQP within), for devices. Azure's SDKs know only port 443 for HTTPS: forward it here, or give them their own agent.",
  },
  "mqtt-port": {
    group: "Network",
    type: "port",
    default: "1883",
    description: "MQTT without TLS, on --mqtt-host.",
  },
  "mqtt-host": {
    group: "Network",
    type: "host",
    default: "127.0.0.1",
    description:
      "Address that plain MQTT listens on. Anything but loopback sends tokens and data in the clear: only on a network you trust.",
  },
  "web-port": {
    group: "Network",
    type: "port",
    default: "8080",
    description: "The REST API, /healthz, /readyz and /metrics. Loopback only, unless --web-tls.",
  },
  "web-tls": {
    group: "Network",
    type: "boolean",
    default: "false",
    description: "Serve the web port over TLS, on --host instead of loopback.",
  },
  "web-hosts": {
    group: "Network",
    type: "hosts",
    description:
      "Further names by which browsers and proxies on this machine reach the web port on loopback, besides addresses, localhost and --public-host. Requests for other names are refused: a web page could have its own name lead here.",
  },

  "session-idle": {
    group: "Signing in",
    type: "duration",
    min: "1min",
    max: "30d",
    default: "8h",
    description: "Whoever is signed in and does nothing for so long is signed out.",
  },
  "session-length": {
    group: "Signing in",
    type: "duration",
    min: "1min",
    max: "365d",
    default: "7d",
    description: "After so long everybody signs in again, however busy they are.",
  },
  "sessions-max": {
    group: "Signing in",
    type: "integer",
    min: "1",
    max: "100000",
    default: "1000",
    description:
      "Sessions at the same time, of all users; one user has 20 at most. Beyond it the one used longest ago ends.",
  },
  "audit-log-entries-max": {
    group: "Signing in",
    type: "integer",
    min: "1000",
    max: "10000000",
    default: "100000",
    description:
      "Entries kept of the audit log, at about 300 bytes each; a tenth of them is for what was refused. Beyond it the oldest go.",
  },

  "tls-cert": {
    group: "Certificates",
    type: "path",
    description:
      "Your own server certificate (PEM, its chain behind it), with --tls-key. Without it, one is made and renewed under {data-dir}/tls, where ca.pem is for the devices.",
  },
  "tls-key": {
    group: "Certificates",
    type: "path",
    description: "The unencrypted private key (PEM) of --tls-cert.",
  },
  "tls-ca": {
    group: "Certificates",
    type: "path",
    description: "The authority (PEM) that devices must trust for --tls-cert; leave it out for a public one.",
  },

  "secret-key": {
    group: "Secrets",
    type: "string",
    isSecret: true,
    isNeverFlag: true,
    description:
      "The key that secrets are encrypted with, 32 bytes in base64 or hexadecimal, from the environment or the configuration file. Left out: a random one in {data-dir}/secret.key. `coldpath secret rotate` changes it.",
  },
  "secret-key-command": {
    group: "Secrets",
    type: "string",
    description:
      "A command for /bin/sh that writes that key to its standard output within 30 s, e.g. one that asks a vault. What it writes is never shown.",
  },

  "journal-partitions": {
    group: "Journal",
    type: "integer",
    min: "1",
    max: "64",
    default: "1",
    description:
      "Writers of the journal, and files per exported minute (00.avro, 01.avro, …). Raise it only when one writer is not enough.",
  },
  "journal-bytes-max": {
    group: "Journal",
    type: "bytes",
    min: "16 MiB",
    max: "1024 TiB",
    default: "16 GiB",
    description:
      "Disk for messages that are kept, snapshots in waiting included. When all of it is owed to exports, devices are refused until an export moves on.",
  },
  "journal-free-bytes-min": {
    group: "Journal",
    type: "bytes",
    min: "0 B",
    max: "1 TiB",
    default: "64 MiB",
    description:
      "Left free on the journal's disk, or a tenth of a small disk: below it devices are refused, so that what was taken can still be exported.",
  },
  "journal-warn-before": {
    group: "Journal",
    type: "duration",
    min: "0s",
    max: "365d",
    default: "6h",
    description:
      "Warn when the journal will be full so soon, if what exports owe goes on growing as in the last minutes. It begins at a tenth of --journal-bytes-max.",
  },
  "journal-warn-percent": {
    group: "Journal",
    type: "integer",
    min: "1",
    max: "100",
    default: "80",
    description: "Warn when this part of --journal-bytes-max is owed to exports, whatever the rate.",
  },
  "journal-retention": {
    group: "Journal",
    type: "duration",
    min: "0s",
    max: "3650d",
    default: "7d",
    description: "How long exported messages stay in the journal while there is room.",
  },
  "journal-recycle-bytes-max": {
    group: "Journal",
    type: "bytes",
    min: "0 B",
    max: "1 TiB",
    default: "1 GiB",
    description: "Disk for used journal files that are written again, which is faster than new ones. 0 keeps none.",
  },
  "frame-bytes-max": {
    group: "Journal",
    type: "bytes",
    min: "512 KiB",
    max: "64 MiB",
    default: "8 MiB",
    description: "Largest amount written and synced at once; two or three of them per partition are held in memory.",
  },
  "clock-jump-max": {
    group: "Journal",
    type: "duration",
    min: "1min",
    max: "365d",
    default: "5min",
    description: "A jump of the machine's clock beyond this is believed only after it has persisted for a minute.",
  },

  "export-uploads-max": {
    group: "Export",
    type: "integer",
    min: "1",
    max: "64",
    default: "4",
    description:
      "Files that are exported at the same time, over all exports. One storage account gets all but one of these places, and what failed the last time half of them, so that a store which hangs does not keep others waiting.",
  },
  "export-block-bytes": {
    group: "Export",
    type: "bytes",
    min: "1 KiB",
    max: "16 MiB",
    default: "64 KiB",
    description: "Size of an Avro block in the files of exports made from now on, before compression.",
  },
  "file-bytes-max": {
    group: "Export",
    type: "bytes",
    min: "1 MiB",
    max: "5 TiB",
    default: "1 GiB",
    description: "A minute's file larger than this goes on in another one, in exports made from now on.",
  },
  "storage-timeout": {
    group: "Export",
    type: "duration",
    min: "1s",
    max: "1h",
    default: "60s",
    description:
      "How long one request to a storage service, or one file operation in a folder, may take before it counts as failed and is tried again.",
  },
  "storage-networks": {
    group: "Export",
    type: "networks",
    default: "public,private,loopback",
    description:
      "Where storage services may be, judged by the address a connection goes to: public, private, loopback, or networks such as 10.1.0.0/16. Link-local and metadata addresses and this server's own ports are never allowed.",
  },
  "storage-folders": {
    group: "Export",
    type: "paths",
    description:
      "Directories below which exports may write into folders. Left out: everywhere but in the data directory and the kernel's file systems.",
  },
  "runs-kept": {
    group: "Export",
    type: "integer",
    min: "10",
    max: "1000000",
    default: "10000",
    description: "Entries of run history kept per export.",
  },
  "cut-records-retention": {
    group: "Export",
    type: "duration",
    min: "1d",
    max: "3650d",
    default: "100d",
    description:
      "How long it is kept what each exported file held, for `verify`: one row a minute at most, for each export, type and partition.",
  },

  "connections-max": {
    group: "Limits",
    type: "integer",
    min: "1",
    max: "1000000",
    default: "10000",
    description: "Device connections at the same time. Each needs 4 KiB of memory, over TLS about 50 KiB.",
  },
  "connection-bytes-in-flight-max": {
    group: "Limits",
    type: "bytes",
    min: "4 KiB",
    max: "64 MiB",
    default: "1 MiB",
    description: "Unacknowledged bytes of one connection; beyond it the server stops reading from that device.",
  },
  "unread-bytes-max": {
    group: "Limits",
    type: "bytes",
    min: "1 MiB",
    max: "64 GiB",
    default: "64 MiB",
    description:
      "What was read from all MQTT connections together and is not journaled yet, and as much again from all AMQP connections: parts of large messages, and whole ones while the journal is slow. Beyond it the server reads only as much as lets messages be finished.",
  },
  "connection-unsent-bytes-max": {
    group: "Limits",
    type: "bytes",
    min: "16 KiB",
    max: "64 MiB",
    default: "256 KiB",
    description: "Acknowledgements that a device does not read; beyond it the server stops reading from that device.",
  },
  "device-messages-per-second-max": {
    group: "Limits",
    type: "integer",
    min: "0",
    max: "1000000",
    default: "0",
    description:
      "Messages a second that one device may send, over all its connections; after a silence it may send those of ten seconds at once. Beyond it the server stops reading from it for a while (MQTT) or answers 429 (HTTPS). 0: as many as it can.",
  },
  "device-bytes-per-second-max": {
    group: "Limits",
    type: "bytes",
    min: "0 B",
    max: "1 GiB",
    default: "0 B",
    description: "The same in bytes a second, of MQTT packets and HTTPS bodies. 0: as many as it can.",
  },
  "connect-timeout": {
    group: "Limits",
    type: "duration",
    min: "1s",
    max: "10min",
    default: "15s",
    description: "How long a new connection may take to say who it is.",
  },
  "https-timeout": {
    group: "Limits",
    type: "duration",
    min: "1s",
    max: "1h",
    default: "60s",
    description: "How long a device's HTTPS request may take from its first byte to its last.",
  },
  "https-bodies-bytes-max": {
    group: "Limits",
    type: "bytes",
    min: "1 MiB",
    max: "64 GiB",
    default: "64 MiB",
    description:
      "Bodies of all HTTPS requests of devices together that are in memory; beyond it they are told to come back.",
  },
  "message-bytes-max": {
    group: "Limits",
    type: "bytes",
    min: "1 KiB",
    max: "4 MiB",
    default: "256 KiB",
    description: "Largest message of a device, properties included. Azure IoT Hub's limit is the default.",
  },
  "keep-alive-seconds-max": {
    group: "Limits",
    type: "integer",
    min: "1",
    max: "65535",
    default: "1177",
    description: "A device that asks for a longer MQTT keep-alive, or for none, is held to this one.",
  },
  "device-sign-ins-per-second-max": {
    group: "Limits",
    type: "integer",
    min: "0",
    max: "1000",
    default: "1",
    description:
      "How often a device may connect by MQTT with its credentials, ten at once included; beyond it is answered to try later (CONNACK 3). 0: as often as it likes.",
  },
  "session-expiry": {
    group: "Limits",
    type: "duration",
    min: "1min",
    max: "365d",
    default: "7d",
    description:
      "MQTT sessions that devices keep (clean=false) end when they were not used for so long, and up to an eighth longer.",
  },
  "request-bytes-max": {
    group: "Limits",
    type: "bytes",
    min: "64 KiB",
    max: "64 MiB",
    default: "1 MiB",
    description: "Largest request of the REST API.",
  },
  "import-bytes-max": {
    group: "Limits",
    type: "bytes",
    min: "64 KiB",
    max: "64 MiB",
    default: "16 MiB",
    description: "Largest CSV file of devices that can be imported. Two at once are held in memory.",
  },
  "page-size-max": {
    group: "Limits",
    type: "integer",
    min: "1",
    max: "1000",
    default: "1000",
    description: "Most entries in one answer of the REST API.",
  },
  "preview-bytes-max": {
    group: "Limits",
    type: "bytes",
    min: "1 MiB",
    max: "16 GiB",
    default: "64 MiB",
    description: "Of an exported file, a preview reads no more than this from its start on.",
  },
  "downloads-max": {
    group: "Limits",
    type: "integer",
    min: "1",
    max: "100",
    default: "8",
    description: "Downloads of exported files at once; each holds a connection to the storage account.",
  },
  "cloud-message-bytes-max": {
    group: "Limits",
    type: "bytes",
    min: "64 KiB",
    max: "64 GiB",
    default: "256 MiB",
    description:
      "Cloud-to-device messages of all devices together that wait in the registry, 50 for a device at most; beyond it further ones are refused.",
  },
  "method-calls-max": {
    group: "Limits",
    type: "integer",
    min: "1",
    max: "100000",
    default: "1000",
    description:
      "Calls of direct methods that wait for their devices at the same time, each with up to 128 KiB; one device has 10 at most. Further ones are told to come back.",
  },

  "streams-max": {
    group: "Live pages",
    type: "integer",
    min: "1",
    max: "400",
    default: "200",
    description:
      "Streams of the REST API that are open at the same time: a page has one, and one more while it shows a device's messages as they come. The web port takes 512 connections in all.",
  },
  "stream-unsent-bytes-max": {
    group: "Live pages",
    type: "bytes",
    min: "128 KiB",
    max: "64 MiB",
    default: "1 MiB",
    description: "What may wait for a stream's reader; beyond it the stream is ended, and the page comes back.",
  },
  "message-scans-max": {
    group: "Live pages",
    type: "integer",
    min: "1",
    max: "16",
    default: "2",
    description: "Searches for the last messages of a device at the same time, which read the journal.",
  },
  "message-scans-waiting-max": {
    group: "Live pages",
    type: "integer",
    min: "0",
    max: "1000",
    default: "20",
    description: "Such searches that wait for their turn; further ones are told to come back.",
  },
  "message-scan-bytes-max": {
    group: "Live pages",
    type: "bytes",
    min: "1 MiB",
    max: "64 GiB",
    default: "256 MiB",
    description: "How much of the journal one such search reads, from the newest message back.",
  },
  "message-scan-time": {
    group: "Live pages",
    type: "duration",
    min: "100ms",
    max: "60s",
    default: "3s",
    description: "How long one such search reads.",
  },
  "watched-devices-max": {
    group: "Live pages",
    type: "integer",
    min: "0",
    max: "1000",
    default: "64",
    description: "Devices whose messages are shown as they come, at the same time.",
  },
  "watched-messages-per-second-max": {
    group: "Live pages",
    type: "integer",
    min: "1",
    max: "1000",
    default: "50",
    description: "Messages a second of such a device that are shown; the others are counted.",
  },

  "fold-window": {
    group: "Re-sends",
    type: "duration",
    min: "0s",
    max: "30d",
    default: "0s",
    description:
      "A message with a messageId that a device sends again within this time, with the same content, is acknowledged and not journaled again. 0s: every message is a record of its own. At most --journal-retention.",
  },
  "fold-messages-max": {
    group: "Re-sends",
    type: "integer",
    min: "1000",
    max: "50000000",
    default: "1000000",
    description:
      "Messages that are remembered for --fold-window, at 32 to 40 bytes each; beyond it the oldest are forgotten, and become a second record when they are sent again.",
  },
  "dup-window": {
    group: "Re-sends",
    type: "duration",
    min: "0s",
    max: "1d",
    default: "10min",
    description:
      "For so long after an MQTT connection ended, its messages that were journaled and never acknowledged are recognised when the device sends them again marked as such (DUP). 0s: never.",
  },
  "dup-messages-max": {
    group: "Re-sends",
    type: "integer",
    min: "1",
    max: "10000000",
    default: "100000",
    description:
      "Messages that are remembered for --dup-window, at about 150 bytes each; beyond it those of the connections that ended first are forgotten, and become a second record.",
  },

  "simulator-interval": {
    group: "Running",
    type: "duration",
    min: "100ms",
    max: "1d",
    default: "10s",
    description: "How often each simulated device sends.",
  },
  "simulated-devices-max": {
    group: "Running",
    type: "integer",
    min: "0",
    max: "100000",
    default: "1000",
    description: "Simulated devices that send; the others stay silent.",
  },
  "drain-seconds-max": {
    group: "Running",
    type: "integer",
    min: "0",
    max: "3600",
    default: "8",
    description:
      "How long a stop may take to finish what is under way. Nothing acknowledged is lost when it ends sooner. Docker kills after 10.",
  },
  "log-level": {
    group: "Running",
    type: "enum",
    values: ["debug", "info", "warn", "error"],
    default: "info",
    description: "The least important log lines that are written.",
  },

  "test-clock-origin": {
    group: "Tests only",
    type: "instant",
    isTestOnly: true,
    description: "The window clock starts at this time instead of now.",
  },
  "test-clock-rate": {
    group: "Tests only",
    type: "number",
    min: "0.001",
    max: "10000",
    default: "1",
    isTestOnly: true,
    description: "The window clock runs this many times as fast as real time.",
  },
} as const satisfies OptionTable;
