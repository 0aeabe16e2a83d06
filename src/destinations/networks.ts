// Which addresses a storage service may have: judged on the address that a connection is about to be made to.
//
// An endpoint is a name that an administrator typed or pasted; what it resolves to may be chosen by somebody else, and
// may change between two look-ups. So nothing here looks at names alone, except those that only metadata services have.
//
// Never allowed, whatever the operator says: link-local addresses and the metadata services of clouds (they hand out the
// machine's identity), addresses that are nobody's (unspecified, multicast, reserved), and this server's own ports.
// Allowed unless `storage-networks` leaves them out: public, private and loopback addresses.

import { BlockList, isIP } from "node:net";
import { networkInterfaces } from "node:os";

/** The words of `storage-networks` besides CIDR. */
const networkWords = ["public", "private", "loopback"] as const;
type NetworkWord = (typeof networkWords)[number];

export interface NetworkPolicy {
  /** `public`, `private`, `loopback`, CIDR or addresses, well-formed: what is in one of them is allowed. Default all three words. */
  readonly networks?: readonly string[] | undefined;
  /** Asked at each connection: the ports that this server listens on. Default none. */
  readonly ownPorts?: (() => readonly number[]) | undefined;
}

interface Family {
  readonly v4: readonly string[];
  readonly v6: readonly string[];
}

/** https://www.iana.org/assignments/iana-ipv4-special-registry and the same for IPv6. */
const never: readonly (readonly [what: string, ranges: Family])[] = [
  [
    // Before link-local, which most of them are: the word says more. Azure's, Alibaba's and Oracle's are not.
    "the metadata service of a cloud",
    {
      v4: ["169.254.169.254/32", "169.254.170.2/32", "168.63.129.16/32", "100.100.100.200/32", "192.0.0.192/32"],
      v6: ["fd00:ec2::254/128", "fd00:ec2::23/128", "fd20:ce::254/128"],
    },
  ],
  ["a link-local address", { v4: ["169.254.0.0/16"], v6: ["fe80::/10"] }],
  ["no address of one machine", { v4: ["0.0.0.0/8"], v6: ["::/128"] }],
  ["a multicast or reserved address", { v4: ["224.0.0.0/4", "240.0.0.0/4"], v6: ["ff00::/8"] }],
];
const loopback: Family = { v4: ["127.0.0.0/8"], v6: ["::1/128"] };
const privateUse: Family = {
  v4: ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "198.18.0.0/15"],
  v6: ["fc00::/7", "fec0::/10"],
};
/** IPv6 addresses that carry an IPv4 one, at this bit: translated on the way, so that one is judged too. */
const carriers: readonly (readonly [range: string, bit: number])[] = [
  ["::ffff:0:0/96", 96],
  ["::/96", 96],
  ["64:ff9b::/96", 96],
  ["2002::/16", 16],
];

const neverLists = never.map(([what, ranges]) => [what, listOf([...ranges.v4, ...ranges.v6])] as const);
const loopbackList = listOf([...loopback.v4, ...loopback.v6]);
const privateList = listOf([...privateUse.v4, ...privateUse.v6]);
const carrierLists = carriers.map(([range, bit]) => [listOf([range]), bit] as const);

/** Names that only metadata services have; they are refused before anything is resolved. */
const metadataNames = new Set([
  "metadata",
  "metadata.google.internal",
  "metadata.goog",
  "metadata.azure.internal",
  "instance-data",
  "instance-data.ec2.internal",
  "metadata.tencentyun.com",
]);

/**
 * Why `address` may not be connected to, as the end of a sentence that begins with the address; null when it may.
 *
 * @param address  an IP address, as the resolver gave it.
 */
export function addressProblem(address: string, port: number, policy: NetworkPolicy): string | null {
  const plain = plainAddress(address);
  if (plain === null) return "is no IP address";
  for (const [what, list] of neverLists) if (has(list, plain)) return `is ${what}`;
  if (isThisMachine(plain) && (policy.ownPorts?.() ?? []).includes(port)) return "is this server itself";
  const networks = policy.networks ?? networkWords;
  const word = wordOf(plain);
  if (networks.includes(word)) return null;
  const ranges = networks.filter((network) => !(networkWords as readonly string[]).includes(network));
  if (ranges.length > 0 && has(listOf(ranges), plain)) return null;
  return `is a ${word} address, which --storage-networks (${networks.join(",")}) does not allow`;
}

/** As `addressProblem`, for a host name that needs no resolving to be refused. */
export function hostProblem(host: string): string | null {
  return metadataNames.has(host.toLowerCase().replace(/\.$/, "")) ? "is the metadata service of a cloud" : null;
}

function wordOf(address: string): NetworkWord {
  if (has(loopbackList, address)) return "loopback";
  return has(privateList, address) ? "private" : "public";
}

/** Without a zone, and as IPv4 where the address carries one. Null for what is no address. */
function plainAddress(address: string): string | null {
  const bare = address.replace(/%.*$/, "");
  const family = isIP(bare);
  if (family !== 6) return family === 4 ? bare : null;
  // :: and ::1 stand in the range of IPv4-compatible addresses and are none.
  if (has(loopbackList, bare) || bytesOf(bare).every((byte) => byte === 0)) return bare;
  for (const [list, bit] of carrierLists) {
    // A BlockList finds an IPv4-mapped address in IPv4 ranges by itself; the other forms it does not know.
    if (list.check(bare, "ipv6"))
      return bytesOf(bare)
        .slice(bit / 8, bit / 8 + 4)
        .join(".");
  }
  return bare;
}

/** The 16 bytes of an IPv6 address. */
function bytesOf(address: string): readonly number[] {
  // The URL parser writes it in one form: hexadecimal groups, at most one `::`.
  const text = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const [head = "", tail] = text.split("::");
  const groupsOf = (part: string): readonly string[] => (part === "" ? [] : part.split(":"));
  const start = groupsOf(head);
  const end = tail === undefined ? [] : groupsOf(tail);
  const groups = [...start, ...Array.from({ length: 8 - start.length - end.length }, () => "0"), ...end];
  return groups.flatMap((group) => {
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 0xff];
  });
}

function isThisMachine(address: string): boolean {
  if (has(loopbackList, address)) return true;
  // Asked each time: interfaces come and go.
  return Object.values(networkInterfaces()).some((all) => (all ?? []).some((one) => one.address === address));
}

function has(list: BlockList, address: string): boolean {
  return list.check(address, isIP(address) === 6 ? "ipv6" : "ipv4");
}

/** @param networks  CIDR, or bare addresses. */
function listOf(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [address = "", bits] = network.split("/");
    const isV6 = isIP(address) === 6;
    list.addSubnet(address, bits === undefined ? (isV6 ? 128 : 32) : Number(bits), isV6 ? "ipv6" : "ipv4");
  }
  return list;
}
