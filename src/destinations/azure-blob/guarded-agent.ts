// Connections to a storage service, made only to addresses that the network policy allows (networks.ts).
//
// The address is judged between the look-up and the connection, and the connection is made to exactly that address: a name
// that means something else a moment later gains nothing. Redirects are not followed at all (service-client.ts), and no
// proxy is used: an agent of one's own makes the SDK leave HTTPS_PROXY alone.

import { lookup as systemLookup } from "node:dns";
import { Agent as HttpAgent, type AgentOptions } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import { isIP, type LookupFunction } from "node:net";
import { addressProblem, hostProblem, type NetworkPolicy } from "../networks.ts";

export const forbiddenCode = "endpoint-forbidden";

/** What the SDK hands back when a connection was refused here: its message ends the sentence, its code tells. */
class ForbiddenAddress extends Error {
  readonly code = forbiddenCode;
}

/** @param lookup  for tests: Node's look-up by default. */
export function guardedAgent(
  isTls: boolean,
  options: AgentOptions,
  policy: NetworkPolicy,
  lookup: LookupFunction = systemLookup,
): HttpAgent {
  const agent = isTls ? new HttpsAgent(options) : new HttpAgent(options);
  const connect = agent.createConnection.bind(agent);
  agent.createConnection = (wanted, callback) => {
    const host = bare(wanted.host ?? "localhost");
    const port = Number(wanted.port);
    const problem = isIP(host) === 0 ? hostProblem(host) : addressProblem(host, port, policy);
    if (problem === null) return connect({ ...wanted, host, lookup: guardedLookup(lookup, port, policy) }, callback);
    const refused = new ForbiddenAddress(`${host} ${problem}`);
    // Node's types want a stream beside an error; its agent looks at the error first.
    process.nextTick(() => (callback as ((error: Error) => void) | undefined)?.(refused));
    return undefined;
  };
  return agent;
}

/** Refuses a name as soon as one of its addresses is refused: which of them is taken would be luck. */
function guardedLookup(lookup: LookupFunction, port: number, policy: NetworkPolicy): LookupFunction {
  return (host, options, callback) => {
    lookup(host, { ...options, all: true }, (error, found) => {
      const addresses = Array.isArray(found) ? found : [];
      const [first] = addresses;
      if (error !== null || first === undefined) {
        callback(error ?? Object.assign(new Error(`${host} has no address`), { code: "ENOTFOUND" }), []);
        return;
      }
      for (const { address } of addresses) {
        const problem = addressProblem(address, port, policy);
        if (problem === null) continue;
        callback(new ForbiddenAddress(`${host} is ${address}, which ${problem}`), []);
        return;
      }
      if (options.all === true) callback(null, addresses);
      else callback(null, first.address, first.family);
    });
  };
}

/** The SDK leaves the brackets of an IPv6 address where a URL has them. */
function bare(host: string): string {
  return host.replace(/^\[(.*)\]$/, "$1");
}
