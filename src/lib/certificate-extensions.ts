// The extensions of a certificate, from its DER: node:crypto tells only some of them.
//
// Reads definite lengths only and nothing but what it needs; whatever else it meets makes the certificate unreadable (null), which
// its reader refuses. The whole was parsed by OpenSSL before.

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

const tags = { boolean: 0x01, integer: 0x02, bitString: 0x03, octets: 0x04, oid: 0x06, sequence: 0x30, context3: 0xa3 };
const basicConstraintsId = "551d13";
const extensionsMax = 64;

/** @returns null when the bytes are no certificate as DER writes them, or an extension stands there twice. */
export function extensionsOf(der: Buffer): ExtensionTable | null {
  try {
    const table = new Map<string, Extension>();
    const certificate = expect(read(der), tags.sequence);
    let rest = expect(read(certificate.content), tags.sequence).content;
    let extensions: Buffer | null = null;
    while (rest.length > 0) {
      const element = read(rest);
      if (element.tag === tags.context3) extensions = expect(read(element.content), tags.sequence).content;
      rest = element.rest;
    }
    for (let left = extensions ?? Buffer.alloc(0); left.length > 0;) {
      const element = expect(read(left), tags.sequence);
      left = element.rest;
      const id = expect(read(element.content), tags.oid);
      let next = read(id.rest);
      const isCritical = next.tag === tags.boolean && next.content[0] !== 0;
      if (next.tag === tags.boolean) next = read(next.rest);
      const key = id.content.toString("hex");
      if (table.has(key) || table.size === extensionsMax) return null;
      table.set(key, { isCritical, value: expect(next, tags.octets).content });
    }
    return table;
  } catch (error) {
    if (error instanceof NotDer) return null;
    throw error;
  }
}

/** basicConstraints. @throws NotDer inside is caught: what cannot be read is no authority. */
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
    const oids: string[] = [];
    for (let rest = expect(read(extension.value), tags.sequence).content; rest.length > 0;) {
      const element = expect(read(rest), tags.oid);
      oids.push(element.content.toString("hex"));
      rest = element.rest;
    }
    return oids;
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

function expect(element: Element, tag: number): Element {
  if (element.tag !== tag) throw new NotDer();
  return element;
}
