// The names this hub answers to. A device may give any of them, with or without a port, in any case.

/** @param names  host names and IP addresses, without ports. */
export function hostNames(names: readonly string[]): (host: string) => boolean {
  const known = new Set(names.map((name) => name.toLowerCase()));
  return (host) => known.has(withoutPort(host).toLowerCase());
}

/** `host:8883` → `host`; `[::1]:8883` → `::1`. */
function withoutPort(host: string): string {
  const bracketed = /^\[([^\]]*)\](?::\d+)?$/.exec(host);
  if (bracketed !== null) return bracketed[1] as string;
  const plain = /^([^:]*):\d+$/.exec(host);
  return plain === null ? host : (plain[1] as string);
}
