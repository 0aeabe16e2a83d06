// By which enrollments a registration id may come in, and what proves each: looked up at every request of a device that wants in.
//
// A device says its registration id and not its group, so its group is found by trying. The likeliest ones are first: the group
// that it came by before, then the one that the newest device came by. What is sealed is opened once, and again after a change.
//
//   A1  Whoever proves nothing goes through all of them, whether anybody knows the id or not.

import type { Certificate } from "../../lib/certificate.ts";
import { readCertificate } from "../../lib/certificate.ts";
import { derivedKeys } from "../derived-key.ts";
import type { Attestation, EnrollmentProof, KeyPair, RegistrationCalls, RegistryEvent } from "../registry.ts";
import type { Database } from "./database.ts";
import { enrollmentKeysOf, groupKeys, thumbprintsOf } from "./attestation.ts";
import type { EnrollmentRow } from "./schema.ts";
import type { SecretBox } from "./secrets.ts";

type GroupRow = {
  readonly id: string;
  readonly access_keys: Uint8Array | null;
  readonly certificate: Uint8Array | null;
};

interface Groups {
  /** By group id, those that are proved by keys. */
  readonly keys: ReadonlyMap<string, KeyPair>;
  /** Those that are proved by certificates; not those whose CA certificate is gone or not verified. */
  readonly authorities: ReadonlyMap<string, Certificate>;
}

export function enrollmentProofsIn(
  database: Database,
  secrets: SecretBox,
): Pick<RegistrationCalls, "enrollmentProofs"> {
  const { rawReader } = database;
  const allGroups = rawReader.prepare(
    `select g.id, g.access_keys, c.certificate from enrollment_groups g
      left join ca_certificates c on c.id = g.ca_certificate_id and c.verified_at is not null`,
  );
  const oneGroup = rawReader.prepare("select 1 from enrollment_groups where id = ?");
  const individual = rawReader.prepare(
    "select registration_id, access_keys, thumbprints from enrollments where registration_id = ?",
  );
  const formerly = rawReader.prepare("select enrollment_group_id as id from registrations where registration_id = ?");
  const newest = rawReader.prepare(
    "select enrollment_group_id as id from registrations where rowid = (select max(rowid) from registrations)",
  );

  let read: Groups | null = null;
  const readGroups = (): Groups => {
    const keys = new Map<string, KeyPair>();
    const authorities = new Map<string, Certificate>();
    for (const row of allGroups.all() as unknown as GroupRow[]) {
      const authority = row.certificate === null ? null : readCertificate(Buffer.from(row.certificate));
      if (row.access_keys !== null) keys.set(row.id, groupKeys(secrets, row));
      else if (authority !== null) authorities.set(row.id, authority);
    }
    return { keys, authorities };
  };
  const isOfGroups = (event: RegistryEvent): boolean => {
    if (event.kind !== "provisioning-changed") return event.kind === "ca-certificate-changed";
    // Individual enrollments, too, are told of so: a hundred thousand of them when a fleet moves.
    return (
      read?.keys.has(event.id) === true ||
      read?.authorities.has(event.id) === true ||
      oneGroup.get(event.id) !== undefined
    );
  };
  database.subscribe((event) => {
    if (read !== null && isOfGroups(event)) read = null;
  });

  const likeliestFirst = (registrationId: string, ids: Iterable<string>): readonly string[] => {
    const likely = [formerly.get(registrationId), newest.get()].flatMap((row) =>
      row?.["id"] ? [String(row["id"])] : [],
    );
    return [...new Set([...likely, ...ids])];
  };

  return {
    *enrollmentProofs(registrationId: string, attestation: Attestation): Generator<EnrollmentProof> {
      const one = individual.get(registrationId) as EnrollmentRow | undefined;
      if (one !== undefined) yield individualProof(secrets, one);
      const { keys, authorities } = (read ??= readGroups());
      for (const id of likeliestFirst(registrationId, (attestation === "x509" ? authorities : keys).keys())) {
        const pair = keys.get(id);
        const authority = authorities.get(id);
        if (attestation === "x509" && authority !== undefined) {
          yield { enrollmentGroupId: id, kind: "authority", authority };
        } else if (attestation === "symmetric-key" && pair !== undefined) {
          yield { enrollmentGroupId: id, kind: "keys", keys: derivedKeys(pair, registrationId) };
        }
      }
    },
  };
}

function individualProof(secrets: SecretBox, row: EnrollmentRow): EnrollmentProof {
  if (row.access_keys !== null) {
    return { enrollmentGroupId: null, kind: "keys", keys: enrollmentKeysOf(secrets, row) };
  }
  const { primaryThumbprint, secondaryThumbprint } = thumbprintsOf(row);
  const thumbprints = [primaryThumbprint, secondaryThumbprint].filter((each) => each !== null);
  return { enrollmentGroupId: null, kind: "thumbprints", thumbprints };
}
