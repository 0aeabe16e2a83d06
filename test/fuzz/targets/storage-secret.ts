// Connection strings, keys and signatures of storage accounts, as an administrator gives them.
//
// The input: a byte that picks the way of signing in; secret, endpoint and account name, each ended by a NUL.
//
//   A2  no message, hint or field of an error repeats a part of the secret
//       what the registry and the destination take, they take alike: the same endpoint

import fc from "fast-check";
import { deviceConnectionString, hostNameOf } from "../../../src/admin/connection-string.ts";
import { sasExpiry } from "../../../src/destinations/azure-blob/connection-string.ts";
import { signInOf } from "../../../src/destinations/azure-blob/credential.ts";
import { ColdpathError } from "../../../src/lib/errors.ts";
import { azureAuths } from "../../../src/registry/registry.ts";
import { storagePlace, storageSettingsOf } from "../../../src/registry/storage-settings.ts";
import { type Target, claim } from "../engine/target.ts";

const accountKey = Buffer.alloc(64, 7).toString("base64");
const sas = "sv=2022-11-02&se=2030-01-01T00%3A00%3A00Z&sp=rwl&sig=abc%2Bdef%3D";

function input(auth: number, ...texts: string[]): Buffer {
  return Buffer.from(`${String.fromCharCode(auth)}${texts.join("\0")}`);
}

/** Runs of a secret's letters that nobody but its owner should read. */
function secretParts(secret: string): string[] {
  return [...secret.matchAll(/(?:AccountKey|sig)=([A-Za-z0-9+/=%]{12,})/gi)].map((match) => match[1] as string);
}

export const target: Target = {
  bytesMax: 1500,
  seeds: () => [
    input(
      0,
      `DefaultEndpointsProtocol=https;AccountName=acct;AccountKey=${accountKey};EndpointSuffix=core.windows.net`,
    ),
    input(
      0,
      `BlobEndpoint=http://127.0.0.1:10000/devstoreaccount1;AccountName=devstoreaccount1;AccountKey=${accountKey};`,
    ),
    input(0, `BlobEndpoint=https://acct.blob.core.windows.net/;SharedAccessSignature=${sas}`),
    input(0, "UseDevelopmentStorage=true"),
    input(1, accountKey, "https://acct.blob.core.windows.net", "acct"),
    input(2, `https://acct.blob.core.windows.net/?${sas}`, "https://acct.blob.core.windows.net/"),
    input(3, "", "https://acct.blob.core.windows.net"),
    input(4, "", "/srv/data/../iot//"),
  ],
  grammar: fc
    .tuple(
      fc.nat(4),
      fc.array(
        fc.constantFrom(
          "AccountName=acct",
          `AccountKey=${accountKey}`,
          "AccountKey=abc",
          `SharedAccessSignature=${sas}`,
          "BlobEndpoint=https://a.b/c//",
          "BlobEndpoint=ftp://x",
          "EndpointSuffix=é",
          "DefaultEndpointsProtocol=http",
          "UseDevelopmentStorage=True",
          " ",
          "x",
        ),
        { maxLength: 6 },
      ),
      fc.webUrl(),
    )
    .map(([auth, pieces, url]) => input(auth, pieces.join(";"), url, "acct")),
  dictionary: [
    ";AccountKey=",
    ";BlobEndpoint=",
    "SharedAccessSignature=",
    "https://",
    "sig=",
    "?",
    "#",
    "@",
    "\0",
    accountKey,
    "%00",
    "xn--",
  ],
  run: (bytes) => {
    const auth = azureAuths[(bytes[0] ?? 0) % (azureAuths.length + 1)];
    const [secretText = "", endpoint = "", accountName = ""] = bytes.subarray(1).toString("utf8").split("\0");
    const secret = secretText === "" ? null : secretText;
    const given =
      auth === undefined
        ? { kind: "folder", path: endpoint }
        : {
            kind: "azure-blob",
            auth,
            ...(endpoint === "" || auth === "connection-string" ? {} : { endpoint }),
            ...(accountName === "" ? {} : { accountName }),
            ...(auth === "entra" && secret !== null ? { tenantId: "t", clientId: "c" } : {}),
          };
    const quiet = (error: unknown): void => {
      if (!(error instanceof ColdpathError)) throw error;
      const told = [error.message, error.hint, error.field].join("\n");
      for (const part of secretParts(secretText)) {
        // Told in the open, too, or a word of the format.
        if (endpoint.includes(part) || accountName.includes(part) || "SharedAccessSignature".includes(part)) continue;
        claim(!told.includes(part), () => `A2: an error repeats a secret: ${told}`);
      }
    };
    let settings;
    try {
      settings = storageSettingsOf(given, auth === undefined ? null : secret);
    } catch (error) {
      return quiet(error);
    }
    claim(storagePlace(settings) !== "", "it is nowhere");
    const again = storageSettingsOf(
      auth === "connection-string" ? given : settings,
      auth === undefined ? null : secret,
    );
    claim(
      JSON.stringify(again) === JSON.stringify(settings),
      () => `settings change when they are saved again: ${JSON.stringify([settings, again])}`,
    );
    if (settings.kind === "folder") return;
    let signIn;
    try {
      signIn = signInOf(settings, secret ?? undefined);
    } catch (error) {
      return quiet(error); // the API asks both before it saves
    }
    claim(
      signIn.endpoint === settings.endpoint,
      () => `the endpoint is saved as ${settings.endpoint} and used as ${signIn.endpoint}`,
    );
    claim(secret === null || signIn.secrets.length > 0, "A2: nothing is known to be a secret");
    if (signIn.credential.kind === "sas") sasExpiry(signIn.credential.query);
    const host = hostNameOf({ publicHosts: [accountName], mqttsPort: endpoint.length });
    claim(
      deviceConnectionString(host, "d", "k").endsWith(";DeviceId=d;SharedAccessKey=k"),
      "the device's connection string has another form",
    );
  },
};
