// What a certificate says, from its DER: its times, the common name and the extensions.
//
// node:crypto tells only some extensions, and of a malformed date whatever is in memory. The subject it tells as text that has to be taken apart, or by `toLegacyObject`, which ends
// the process (segmentation fault, Node 24.21) when a date in the certificate is malformed: nobody calls that, or
// `getPeerCertificate`, on what a stranger shows.
//
// Reads definite lengths only and nothing but what it needs; whatever else it meets makes the certificate unreadable (null), which
// its reader refuses. The whole was parsed by OpenSSL before.

import { isUtf8 } from "node:buffer";

export interface Extension {
  readonly isCritical: boolean;
  readonly value: Buffer;
}

/** By object identifier: the hex of its DER content. */
export type ExtensionTable = ReadonlyMap<string, Extension>;

interface Element {
  readonly tag: number;
  readonly content: Buffer;
  /** Behind it, in the buffer it was read from. */
  readonly rest: Buffer;
}

const tags = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octets: 0x04,
  oid: 0x06,
  utf8: 0x0c,
  printable: 0x13,
  utcTime: 0x17,
  generalizedTime: 0x18,
  ia5: 0x16,
  sequence: 0x30,
  set: 0x31,
  context0: 0xa0,
  context3: 0xa3,
};
const commonNameId = "550403";
const basicConstraintsId = "551d13";
const extensionsMax = 64;

/** What of a certificate node:crypto does not tell, or not safely. */
export interface CertificateContent {
  /** Common names in its subject; null for one in an alphabet that is not read here. */
  readonly commonNames: readonly (string | null)[];
  readonly validFromMs: number;
  readonly validUntilMs: number;
  readonly extensions: ExtensionTable;
}

/** @returns null when the bytes are no certificate as DER writes them, or an extension stands there twice. */
export function contentOf(der: Buffer): CertificateContent | null {
  try {
    const certificate = expect(read(der), tags.sequence);
    const fields = all(expect(read(certificate.content), tags.sequence).content);
    // RFC 5280 §4.1: version (left out in the first), serial number, signature, issuer, validity, subject, key, …
    const [validity, subject] = fields.slice(fields[0]?.tag === tags.context0 ? 4 : 3);
    const wrapped = fields.find(({ tag }) => tag === tags.context3);
    if (validity === undefined || subject === undefined) return null;
    const [validFromMs, validUntilMs] = all(expect(validity, tags.sequence).content).map(timeOf);
    if (validFromMs === undefined || validUntilMs === undefined) return null;
    const commonNames = commonNamesOf(expect(subject, tags.sequence).content);
    const extensions = wrapped === undefined ? new Map<string, Extension>() : extensionsOf(wrapped.content);
    return extensions === null ? null : { commonNames, validFromMs, validUntilMs, extensions };
  } catch (error) {
    if (error instanceof NotDer) return null;
    throw error;
  }
}

/** RFC 5280 §4.1.2.5: whole seconds, UTC; two digits are a year from 1950 to 2049. */
function timeOf({ tag, content }: Element): number {
  const text = content.toString("latin1");
  const isShort = tag === tags.utcTime && /^\d{12}Z$/.test(text);
  if (!isShort && !(tag === tags.generalizedTime && /^\d{14}Z$/.test(text))) throw new NotDer();
  const digits = isShort ? `${Number(text.slice(0, 2)) < 50 ? "20" : "19"}${text}` : text;
  const iso = digits.replace(/^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/, "$1-$2-$3T$4:$5:$6.000Z");
  const timeMs = Date.parse(iso);
  // The parser takes the 31st of June, and makes another day of it.
  if (Number.isNaN(timeMs) || new Date(timeMs).toISOString() !== iso) throw new NotDer();
  return timeMs;
}

/** A name is a sequence of sets of attributes. */
function commonNamesOf(name: Buffer): readonly (string | null)[] {
  const attributes = all(name).flatMap((set) => all(expect(set, tags.set).content));
  return attributes.flatMap((attribute) => {
    const [type, value] = all(expect(attribute, tags.sequence).content);
    if (type === undefined || value === undefined) throw new NotDer();
    if (expect(type, tags.oid).content.toString("hex") !== commonNameId) return [];
    const isRead = [tags.utf8, tags.printable, tags.ia5].includes(value.tag) && isUtf8(value.content);
    return [isRead ? value.content.toString("utf8") : null];
  });
}

function extensionsOf(wrapped: Buffer): ExtensionTable | null {
  const table = new Map<string, Extension>();
  for (const element of all(expect(read(wrapped), tags.sequence).content)) {
    const [id, ...rest] = all(expect(element, tags.sequence).content);
    const [flag, value] = rest.length === 2 ? rest : [undefined, rest[0]];
    if (id === undefined || value === undefined) return null;
    const isCritical = flag !== undefined && expect(flag, tags.boolean).content[0] !== 0;
    const key = expect(id, tags.oid).content.toString("hex");
    if (table.has(key) || table.size === extensionsMax) return null;
    table.set(key, { isCritical, value: expect(value, tags.octets).content });
  }
  return table;
}

/** basicConstraints; what cannot be read is no authority. */
export function readAuthority(table: ExtensionTable): {
  readonly isAuthority: boolean;
  readonly pathLengthMax: number | null;
} {
  const none = { isAuthority: false, pathLengthMax: null };
  const extension = table.get(basicConstraintsId);
  if (extension === undefined) return none;
  try {
    let rest = expect(read(extension.value), tags.sequence).content;
    if (rest.length === 0) return none;
    const flag = expect(read(rest), tags.boolean);
    rest = flag.rest;
    const isAuthority = flag.content[0] !== 0;
    if (rest.length === 0) return { isAuthority, pathLengthMax: null };
    const { content } = expect(read(rest), tags.integer);
    // More than one byte, or a negative number: more than any chain here, or nonsense.
    const pathLengthMax = content.length === 1 && (content[0] as number) < 128 ? (content[0] as number) : 0;
    return { isAuthority, pathLengthMax };
  } catch (error) {
    if (error instanceof NotDer) return none;
    throw error;
  }
}

/** The first eight bits of an extension that is a bit string; null when it is not there, 0 when it cannot be read. */
export function flagsOf(table: ExtensionTable, id: string): number | null {
  const extension = table.get(id);
  if (extension === undefined) return null;
  try {
    return expect(read(extension.value), tags.bitString).content[1] ?? 0;
  } catch (error) {
    if (error instanceof NotDer) return 0;
    throw error;
  }
}

/** The object identifiers of an extension that is a list of them; null when it is not there, none when it cannot be read. */
export function oidsOf(table: ExtensionTable, id: string): readonly string[] | null {
  const extension = table.get(id);
  if (extension === undefined) return null;
  try {
    const oids = all(expect(read(extension.value), tags.sequence).content);
    return oids.map((oid) => expect(oid, tags.oid).content.toString("hex"));
  } catch (error) {
    if (error instanceof NotDer) return [];
    throw error;
  }
}

class NotDer extends Error {}

/** One element at the beginning of `bytes`: tags of one byte, definite lengths (X.690 §8.1). */
function read(bytes: Buffer): Element {
  const tag = bytes[0];
  const first = bytes[1];
  if (tag === undefined || first === undefined || (tag & 0x1f) === 0x1f) throw new NotDer();
  let length = first;
  let at = 2;
  if (first >= 0x80) {
    const lengthBytes = first & 0x7f;
    if (lengthBytes === 0 || lengthBytes > 3 || bytes.length < 2 + lengthBytes) throw new NotDer();
    length = bytes.readUIntBE(2, lengthBytes);
    at += lengthBytes;
  }
  if (at + length > bytes.length) throw new NotDer();
  return { tag, content: bytes.subarray(at, at + length), rest: bytes.subarray(at + length) };
}

/** All elements, one behind the other. */
function all(bytes: Buffer): readonly Element[] {
  const elements: Element[] = [];
  for (let rest = bytes; rest.length > 0; rest = (elements.at(-1) as Element).rest) elements.push(read(rest));
  return elements;
}

function expect(element: Element, tag: number): Element {
  if (element.tag !== tag) throw new NotDer();
  return element;
}
