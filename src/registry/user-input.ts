// Names and passwords of users, checked. Pure.
//
// A name is shown to people, who must be able to tell two of them apart: it is in Normalization Form C, unique without
// regard to case and compatibility forms (full-width letters, ligatures), without invisible characters, and does not mix
// Latin with letters of other scripts that look like it. A password is any text, in Normalization Form C, so that two
// keyboards send the same (RFC 8265, OpaqueString).

import { registryError } from "./errors.ts";
import { kindOf, nameOf, oneOf } from "./input.ts";
import { type Role, roles } from "./role.ts";

const userNameCharsMax = 64;
export const passwordCharsMin = 12;
export const passwordCharsMax = 128;

export function userNameOf(input: unknown): string {
  const field = "name";
  const name = nameOf(typeof input === "string" ? input.normalize("NFC") : input, field, userNameCharsMax);
  const refuse = (why: string) => registryError("input-invalid", `name must not ${why}.`, { field });
  if (/^\s|\s$|\s\s|[^\S ]/u.test(name)) throw refuse("begin or end with a space, or have several together");
  if (/[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}]/u.test(name.replaceAll(" ", ""))) {
    throw refuse("contain invisible characters");
  }
  if (
    /\p{Script=Latin}/u.test(name) &&
    /[\p{Script=Cyrillic}\p{Script=Greek}\p{Script=Armenian}\p{Script=Cherokee}]/u.test(name)
  ) {
    throw refuse("mix Latin letters with those of another alphabet that look like them");
  }
  return name;
}

/** Equal for names that are taken for the same. Also of text that is no name. */
export function userNameKey(name: string): string {
  // Up and down again: ß and SS, σ and ς are the same then.
  return name.normalize("NFKC").toUpperCase().toLowerCase().normalize("NFKC");
}

export function roleOf(input: unknown): Role {
  return oneOf(roles, input, "role");
}

/** @param name  the user's, which is no password. */
export function passwordOf(input: unknown, name: string, field = "password"): string {
  if (typeof input !== "string") {
    throw registryError("input-invalid", `${field} must be text, not ${kindOf(input)}.`, { field });
  }
  const refuse = (why: string, hint?: string) => registryError("input-invalid", `${field} ${why}.`, { field, hint });
  // Before anything that takes longer the longer it is.
  if (input.length > passwordCharsMax * 4 || !input.isWellFormed()) throw wrongLength(field);
  const password = input.normalize("NFC");
  const chars = Array.from(password).length;
  if (chars < passwordCharsMin || chars > passwordCharsMax) throw wrongLength(field);
  const folded = userNameKey(password);
  if (folded === userNameKey(name)) throw refuse("must not be the name");
  if (isCommon(folded))
    throw refuse("is one of those that are tried first", "Take four or five words that nobody would expect together.");
  return password;
}

function wrongLength(field: string) {
  return registryError("input-invalid", `${field} must have ${passwordCharsMin} to ${passwordCharsMax} characters.`, {
    field,
    hint: "Four or five words that nobody would expect together are long enough.",
  });
}

/** A few characters over and over, a row of the keyboard, or a word of the list with digits and signs around it. */
function isCommon(folded: string): boolean {
  if (new Set(folded).size <= 3) return true;
  if (keyboardRows.some((row) => row.includes(folded))) return true;
  const core = folded.replace(/^[\d\W_]+|[\d\W_]+$/g, "");
  return /^(.{1,8})\1+$/u.test(folded) || common.has(core) || common.has(folded.replace(/[\d\W_]+/g, ""));
}

const digits = "0123456789";
const keyboardRows = [
  digits.repeat(13),
  `${digits.slice(1)}0`.repeat(13),
  "9876543210".repeat(13),
  "abcdefghijklmnopqrstuvwxyz0123456789",
  "qwertyuiopasdfghjklzxcvbnm",
  "qwertzuiopasdfghjklyxcvbnm",
  "1q2w3e4r5t6y7u8i9o0p",
  "qazwsxedcrfvtgbyhnujmikolp",
  "1qaz2wsx3edc4rfv5tgb6yhn",
  "zaq12wsxcde34rfv",
];

/** Those of the lists of leaked passwords that fill twelve characters, alone or with digits and signs around them. */
const common: ReadonlySet<string> = new Set(
  `password passwort motdepasse contrasena administrator administrateur admin adminadmin root rootroot welcome welcomehome
  letmein letmeinplease changeme changemenow changeit pleasechangeme default secret topsecret iloveyou iloveyouforever
  qwerty qwertyuiop qwertz asdfgh asdfghjkl zxcvbnm sunshine princess football baseball basketball superman batman dragon
  monkey master trustno trustnoone whatever starwars michael jennifer computer internet mypassword thisismypassword
  passwordpassword mysecretpassword correcthorsebatterystaple coldpath coldpathadmin coldpathpassword iothub iotcentral
  azure azureiot microsoft operator builder testtest testpassword test testuser guest guestguest user username login
  temporary temppassword temp summer winter spring autumn january february october november december`.split(/\s+/),
);
