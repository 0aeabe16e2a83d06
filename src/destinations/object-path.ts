// The path of an object: which names every destination takes.
//
// One rule for all adapters, so that an export that fits a folder fits a container: what Azure allows (1,024 characters,
// no segment that ends in a dot) cut down to what a file system holds (255 bytes a name, less the `.json` of a side record) and to what can never lead
// out of the root. `.coldpath` is refused in any case of letters: on some file systems they are one directory.

import { permanent } from "./failure.ts";
import type { Failure } from "./destination.ts";

/** The directory, or virtual directory, in a container that is ours and never an object. */
export const ownDirectory = ".coldpath";

const pathCharactersMax = 1_024;
const segmentBytesMax = 250;
const segmentsMax = 200;

/** Why `path` cannot be an object's, as the end of a sentence that begins with the path; null when it can. */
export function pathProblem(path: string): string | null {
  if (path.length === 0) return "is empty";
  if (path.length > pathCharactersMax) return `has ${path.length} characters, more than ${pathCharactersMax}`;
  if (path.startsWith("/")) return "begins with a slash";
  const segments = path.split("/");
  if (segments.length > segmentsMax) return `has ${segments.length} segments, more than ${segmentsMax}`;
  for (const segment of segments) {
    const problem = segmentProblem(segment);
    if (problem !== null) return problem;
  }
  if (segments[0]?.toLowerCase() === ownDirectory) return `lies below ${ownDirectory}, which is Coldpath's own`;
  return null;
}

/** The failure that a hostile or impossible path is answered with, before anything is touched; null when it is fine. */
export function refusePath(path: string): Failure | null {
  const problem = pathProblem(path);
  if (problem === null) return null;
  return permanent(
    "invalid-path",
    `the object name ${JSON.stringify(path.slice(0, 200))} ${problem}`,
    "Change the path template or the hub name so that each part between slashes is a plain file name.",
  );
}

/** True for what `list` shows: everything that is not below `.coldpath`. */
export function isListed(path: string): boolean {
  return path.toLowerCase() !== ownDirectory && !path.toLowerCase().startsWith(`${ownDirectory}/`);
}

function segmentProblem(segment: string): string | null {
  if (segment === "") return "has an empty segment";
  if (segment === "." || segment === "..") return `has the segment ${JSON.stringify(segment)}`;
  if (segment.includes("\\")) return "has a backslash";
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  if (/[\u0000-\u001f\u007f]/u.test(segment)) return "has a control character";
  if (/[\ud800-\udfff]/u.test(segment)) return "has half a surrogate pair";
  if (segment.endsWith(".") || segment.endsWith(" ")) return "has a segment that ends in a dot or a space";
  if (Buffer.byteLength(segment) > segmentBytesMax) return `has a segment of more than ${segmentBytesMax} bytes`;
  return null;
}
