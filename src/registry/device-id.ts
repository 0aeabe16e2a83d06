// Ids: what a device, a device template and their versions may be called.

import { registryError } from "./errors.ts";

/** IoT Hub's rule. https://learn.microsoft.com/azure/iot-hub/iot-hub-devguide-identity-registry */
const deviceIdPattern = /^[A-Za-z0-9\-:.+%_#*?!(),=@$']{1,128}$/;

export function isDeviceId(text: string): boolean {
  return deviceIdPattern.test(text);
}

export function deviceIdOf(input: unknown, field: string): string {
  // Every client of HTTP takes them for steps in a path: nobody could ask for such a device, or delete it.
  if (input === "." || input === "..") {
    throw registryError("input-invalid", `${field} cannot be "." or "..": no address could name such a device.`, {
      field,
    });
  }
  if (typeof input === "string" && isDeviceId(input)) return input;
  throw registryError(
    "input-invalid",
    `${field} must be 1 to 128 characters out of letters, digits and - : . + % _ # * ? ! ( ) , = @ $ '.`,
    { field },
  );
}

/** 50 is the column that Microsoft's own reader of these files keeps the template id in. */
export function templateIdOf(input: unknown, field: string): string {
  if (typeof input === "string" && /^[A-Za-z0-9][A-Za-z0-9._:-]{0,49}$/.test(input)) return input;
  throw registryError(
    "input-invalid",
    `${field} must be 1 to 50 letters, digits, '.', '_', ':' or '-', and start with a letter or digit.`,
    { field },
  );
}

/** `major.minor.patch`, each 0..99999 without leading zeros. */
export function templateVersionOf(input: unknown, field: string): string {
  if (typeof input === "string" && versionRank(input) !== null) return input;
  throw registryError("input-invalid", `${field} must be major.minor.patch, three numbers from 0 to 99999.`, {
    field,
    hint: 'Write a version such as "1.2.0".',
  });
}

/** A number that orders versions as their three parts do, or null when `version` is not one. */
export function versionRank(version: string): number | null {
  const match = /^(0|[1-9]\d{0,4})\.(0|[1-9]\d{0,4})\.(0|[1-9]\d{0,4})$/.exec(version);
  if (match === null) return null;
  return Number(match[1]) * 1e10 + Number(match[2]) * 1e5 + Number(match[3]);
}

/** The next minor version behind the newest of these: 1.3.0 after 1.2.7. The next major one where that would be too long. */
export function nextVersion(versions: readonly string[]): string {
  const newest = Math.max(...versions.map((version) => versionRank(version) ?? 0));
  const [major, minor] = [Math.floor(newest / 1e10), Math.floor(newest / 1e5) % 1e5];
  return minor < 99_999 ? `${major}.${minor + 1}.0` : `${major + 1}.0.0`;
}
