// How to read one exported file with other programs: ready text, the file's own path or address filled in. Pure.
//
// The Python, C# and Node.js text is the seed's (its page of July 2018), put right where it does not run as it stands. A
// blob is fetched first, with the reader's own sign-in: no secret is ever part of the text (A2).

import type { ExportType } from "../../registry/registry.ts";

export type FileLocation =
  | { readonly kind: "folder"; readonly file: string }
  /** `url` is escaped. */
  | { readonly kind: "azure-blob"; readonly url: string };

export const readingLanguages = ["python", "fastavro", "csharp", "nodejs", "cli"] as const;

export interface ReadingText {
  /** What to run once, or null. */
  readonly install: string | null;
  readonly code: string;
}

export type Reading = Readonly<Record<(typeof readingLanguages)[number], ReadingText>>;

/** Where a blob is put to be read: the end of its path, as one file name. */
export function localName(path: string): string {
  return path
    .replaceAll(/[^A-Za-z0-9._=-]+/g, "_")
    .slice(-200)
    .replace(/^[-.]+/, "_");
}

/** `https://acct.blob.core.windows.net/iot/measurements/…`, each segment escaped. */
export function blobUrl(endpoint: string, container: string, path: string): string {
  return [endpoint, container, ...path.split("/")]
    .map((part, at) => (at === 0 ? part : encodeURIComponent(part)))
    .join("/");
}

/** @param path  the file's path in its container. */
export function readingOf(location: FileLocation, path: string, type: ExportType): Reading {
  const file = location.kind === "folder" ? location.file : localName(path);
  const url = location.kind === "azure-blob" ? location.url : null;
  const isAzure = url !== null;
  return {
    python: {
      install: `pip install pandas pandavro${isAzure ? ` ${azurePython}` : ""}`,
      code: [...pythonFetch(url, file), ...pandas(type, file)].join("\n"),
    },
    fastavro: {
      install: `pip install fastavro${isAzure ? ` ${azurePython}` : ""}`,
      code: [...pythonFetch(url, file), ...fastavro(type, file)].join("\n"),
    },
    csharp: {
      install: ["dotnet add package Microsoft.Hadoop.Avro --version 1.5.6", ...(isAzure ? azureCsharp : [])].join("\n"),
      code: csharp(url, type, file),
    },
    nodejs: {
      install: `npm install avsc${isAzure ? " @azure/storage-blob @azure/identity" : ""}`,
      code: nodejs(url, file),
    },
    cli: cli(url, file),
  };
}

const azurePython = "azure-storage-blob azure-identity";
const azureCsharp = ["dotnet add package Azure.Storage.Blobs", "dotnet add package Azure.Identity"];

function pythonFetch(url: string | null, file: string): readonly string[] {
  if (url === null) return [];
  return [
    "from azure.identity import DefaultAzureCredential",
    "from azure.storage.blob import BlobClient",
    "",
    "# signs in as you (az login); an account key or a SAS can take the credential's place",
    `blob = BlobClient.from_blob_url(${quoted(url)}, credential=DefaultAzureCredential())`,
    `with open(${quoted(file)}, 'wb') as target:`,
    "    blob.download_blob().readinto(target)",
    "",
  ];
}

function pandas(type: ExportType, file: string): readonly string[] {
  const read = [
    "import pandavro as pdx",
    "import pandas as pd",
    "",
    `${frameOf[type]} = pdx.from_avro(${quoted(file)})`,
  ];
  if (type !== "measurements") return [...read, "", `print(${frameOf[type]})`, ""];
  return [
    ...read,
    "",
    "# decode the device message body",
    "measurements['Body_decoded'] = measurements['Body'].apply(lambda x: bytes(x).decode('utf-8', 'replace'))",
    "",
    "print(measurements)",
    "",
  ];
}

function fastavro(type: ExportType, file: string): readonly string[] {
  const show =
    type === "measurements"
      ? [
          "        # decode the device message body",
          "        print(record['EnqueuedTimeUtc'], record['Body'].decode('utf-8', 'replace'))",
        ]
      : ["        print(record)"];
  return [
    "import fastavro",
    "",
    `with open(${quoted(file)}, 'rb') as source:`,
    "    for record in fastavro.reader(source):",
    ...show,
    "",
  ];
}

const frameOf: Readonly<Record<ExportType, string>> = {
  measurements: "measurements",
  devices: "devices",
  deviceTemplates: "device_templates",
};

function nodejs(url: string | null, file: string): string {
  const fetch =
    url === null
      ? `parse(${quoted(file)})`
      : `// signs in as you (az login); an account key or a SAS can take the credential's place
new BlobClient(${quoted(url)}, new DefaultAzureCredential())
    .downloadToFile(${quoted(file)})
    .then(() => parse(${quoted(file)}))`;
  const needs =
    url === null
      ? ""
      : `const { BlobClient } = require('@azure/storage-blob');
const { DefaultAzureCredential } = require('@azure/identity');
`;
  return `const avro = require('avsc');
${needs}
function parse(filePath) {
    return new Promise((resolve, reject) => {
        const records = [];
        avro.createFileDecoder(filePath)
            .on('data', record => { records.push(record); })
            .on('end', () => resolve(records))
            .on('error', reject);
    });
}

${fetch}
    .then(records => {
        // Your logic here
        console.log(records);
    })
    .catch(err => {
        console.error(err);
        process.exit(1);
    });
`;
}

function csharp(url: string | null, type: ExportType, file: string): string {
  const fetch =
    url === null
      ? ""
      : `// signs in as you (az login); an account key or a SAS can take the credential's place
var blob = new BlobClient(new Uri(${quoted(url)}), new DefaultAzureCredential());
await blob.DownloadToAsync(path);
`;
  const usings =
    url === null
      ? ""
      : `using Azure.Identity;
using Azure.Storage.Blobs;
`;
  return `using System;
using System.Collections.Generic;
using System.IO;
using System.Text;
using Microsoft.Hadoop.Avro;
using Microsoft.Hadoop.Avro.Container;
${usings}
var path = ${quoted(file)};
${fetch}
using (var fileStream = File.OpenRead(path))
using (var reader = AvroContainer.CreateGenericReader(fileStream))
{
    // For one Avro Container, it may contains multiple blocks
    // Loop through each block within the container
    while (reader.MoveNext())
    {
        // Loop through Avro record inside the block and extract the fields
        foreach (AvroRecord record in reader.Current.Objects)
        {
${csharpFields[type]}
        }
    }
}
`;
}

const csharpFields: Readonly<Record<ExportType, string>> = {
  measurements: `            var enqueued = record.GetField<string>("EnqueuedTimeUtc");
            var systemProperties = record.GetField<IDictionary<string, dynamic>>("SystemProperties");
            var deviceId = (string)systemProperties["connectionDeviceId"];
            var body = Encoding.UTF8.GetString(record.GetField<byte[]>("Body"));
            Console.WriteLine($"{enqueued} {deviceId} {body}");`,
  devices: `            var deviceId = record.GetField<string>("id");

            var deviceTemplateRecord = record.GetField<AvroRecord>("deviceTemplate");
            var templateId = deviceTemplateRecord.GetField<string>("id");

            var propertiesRecord = record.GetField<AvroRecord>("properties");
            var cloudProperties = propertiesRecord.GetField<IDictionary<string, dynamic>>("cloud");
            Console.WriteLine($"{deviceId} {templateId} {cloudProperties.Count}");`,
  deviceTemplates: `            var templateId = record.GetField<string>("id");
            var name = record.GetField<string>("name");
            var version = record.GetField<string>("version");
            Console.WriteLine($"{templateId} {version} {name}");`,
};

function cli(url: string | null, file: string): ReadingText {
  if (url === null) return { install: null, code: `coldpath read ${shellWord(file)}\n` };
  return {
    install: null,
    code: `# signs in as you (az login)
az storage blob download --auth-mode login --blob-url ${shellWord(url)} --file ${shellWord(file)}
coldpath read ${shellWord(file)}
`,
  };
}

/**
 * A text in double quotes, for Python, C# and JavaScript alike: what JSON escapes all of them read, and of the other
 * characters all but line breaks of C#'s stand for themselves.
 */
function quoted(text: string): string {
  return JSON.stringify(text).replaceAll(
    /[\u007f-\u009f\u2028\u2029\ufeff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** One word for a POSIX shell. */
function shellWord(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
