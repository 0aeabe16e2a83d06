// Provisioning for every protocol: who asks, and what it is told. As Azure's Device Provisioning Service, so that its SDKs' clients work
// unmodified. Forms: docs/formats.md "Provisioning".
//
// Each request is authenticated by itself, so that a key that was changed, or an enrollment that was taken away, is no good from
// the next request on.
//
//   D1  A device is only handed to whom has its key (registry).
//   D2  `assigned` is said when the device is durable.
//   A1  An ID scope or registration id that nobody knows and a wrong key are the same work and the same answer.

import { createHash, randomBytes } from "node:crypto";
import { must } from "../../lib/assert.ts";
import { type ShownCertificates, hasThumbprint, isValidAt, verifyChain } from "../../lib/certificate.ts";
import { ColdpathError, messageOf } from "../../lib/errors.ts";
import type { Log } from "../../lib/log.ts";
import type { KeyPair, Registry } from "../../registry/registry.ts";
import type { IngestCounters, RejectionReason } from "../ingest.ts";
import { type SasToken, isSignedWith, parseSasToken } from "../sas-token.ts";
import { type ProvisioningAnswer, assignedAnswer, errorAnswer, stoppedAnswer, waitingAnswer } from "./answer.ts";
import { readRegistrationRequest } from "./request.ts";

/** Who a device says to be, and its proof. */
export interface ProvisioningClaim {
  readonly idScope: string;
  readonly registrationId: string;
  /** A shared access signature; null or empty: none was given. */
  readonly token: string | null;
  /** Looked at only when there is no token. */
  readonly certificate: ShownCertificates | null;
}

export type ProvisioningOutcome =
  | {
      readonly kind: "known";
      readonly enrollmentGroupId: string | null;
      /** The key that signed; null: by certificate. */
      readonly key: string | null;
      /** Real time at which the token, or a certificate, ends. */
      readonly expiresMs: number;
    }
  | { readonly kind: "rejected"; readonly reason: RejectionReason };

export interface ProvisioningOptions {
  readonly registry: Pick<Registry, "isIdScope" | "enrollmentProofs" | "register">;
  readonly counters: IngestCounters;
  /** The host name that a provisioned device is told; asked at each use. */
  readonly assignedHub: () => string;
  readonly log: Log;
}

/** Keys of nobody: made at each start and never given out. */
const decoyKeys: KeyPair = {
  primaryKey: randomBytes(32).toString("base64"),
  secondaryKey: randomBytes(32).toString("base64"),
};

export class Provisioning {
  readonly #options: ProvisioningOptions;

  constructor(options: ProvisioningOptions) {
    this.#options = options;
  }

  /** @param nowMs  real time: tokens live in the devices' world. */
  authenticate(claim: ProvisioningClaim, nowMs: number): ProvisioningOutcome {
    const { registry } = this.#options;
    if (claim.certificate !== null && (claim.token ?? "") === "") {
      return this.#byCertificate(claim, claim.certificate, nowMs);
    }
    const token = claim.token === null ? null : parseSasToken(claim.token);
    if (token === null) return reject("token-malformed");
    const isIdScope = registry.isIdScope(claim.idScope);
    const { isKnown, proof } = this.#signedBy(token, claim.registrationId);
    if (!isIdScope) return reject("unknown-id-scope");
    if (!isKnown) return reject("unknown-registration");
    if (proof === null) return reject("token-signature");
    if (token.expiresMs <= nowMs) return reject("token-expired");
    if (token.resourceDecoded !== `${claim.idScope}/registrations/${claim.registrationId}`) {
      return reject("token-resource");
    }
    return { kind: "known", ...proof, expiresMs: token.expiresMs };
  }

  /** The enrollment whose key signed. A1: only who has a key is spared the other enrollments. */
  #signedBy(
    token: SasToken,
    registrationId: string,
  ): { readonly isKnown: boolean; readonly proof: { enrollmentGroupId: string | null; key: string } | null } {
    let isKnown = false;
    let hasIndividual = false;
    for (const { enrollmentGroupId, ...proof } of this.#options.registry.enrollmentProofs(
      registrationId,
      "symmetric-key",
    )) {
      isKnown = true;
      hasIndividual ||= enrollmentGroupId === null;
      const key = proof.kind === "keys" ? signingKey(token, proof.keys) : null;
      // Where there is an individual enrollment it comes first, and is the only one that counts.
      const counts = !hasIndividual || enrollmentGroupId === null;
      if (key !== null && counts) return { isKnown, proof: { enrollmentGroupId, key } };
    }
    if (!isKnown) signingKey(token, decoyKeys);
    return { isKnown, proof: null };
  }

  #byCertificate(claim: ProvisioningClaim, shown: ShownCertificates, nowMs: number): ProvisioningOutcome {
    const { registry } = this.#options;
    const { leaf } = shown;
    const isIdScope = registry.isIdScope(claim.idScope);
    const proofs = [...registry.enrollmentProofs(claim.registrationId, "x509")];
    const groups = proofs.filter((proof) => proof.kind === "authority");
    // A1: also where an individual enrollment is the one that counts.
    const authorities = groups.map((group) => group.authority);
    const chain = verifyChain(shown, authorities, nowMs);
    if (!isIdScope) return reject("unknown-id-scope");
    const [first] = proofs;
    if (first === undefined) return reject("unknown-registration");
    if (first.enrollmentGroupId === null) {
      const isShown = first.kind === "thumbprints" && first.thumbprints.some((one) => hasThumbprint(leaf, one));
      if (!isShown) return reject("certificate-untrusted");
      if (!isValidAt(leaf, nowMs)) return reject("certificate-expired");
      return { kind: "known", enrollmentGroupId: null, key: null, expiresMs: leaf.validUntilMs };
    }
    if (chain.kind === "refused") return reject(chain.reason);
    if (leaf.commonName !== claim.registrationId) return reject("certificate-name");
    const group = must(groups[authorities.indexOf(chain.authority)], "it is one of these");
    return { kind: "known", enrollmentGroupId: group.enrollmentGroupId, key: null, expiresMs: chain.expiresMs };
  }

  /** `PUT …/register`. Never rejects. @param body  JSON, anything. */
  async register(claim: ProvisioningClaim, body: Buffer): Promise<ProvisioningAnswer> {
    return await this.#answer(claim, (outcome) => {
      const request = readRegistrationRequest(body, claim.registrationId);
      if (typeof request === "string") return errorAnswer(400, request);
      return { modelId: request.modelId, outcome };
    });
  }

  /** `GET …/operations/{id}`. Never rejects. */
  async poll(claim: ProvisioningClaim, operationId: string): Promise<ProvisioningAnswer> {
    return await this.#answer(claim, (outcome) => {
      if (operationId === operationIdOf(claim)) return { isPoll: true, outcome };
      return errorAnswer(404, "There is no such operation of this registration; register again.");
    });
  }

  async #answer(
    claim: ProvisioningClaim,
    read: (outcome: Extract<ProvisioningOutcome, { kind: "known" }>) => ProvisioningAnswer | Asked,
  ): Promise<ProvisioningAnswer> {
    const { registry, counters, log } = this.#options;
    const { registrationId } = claim;
    try {
      const outcome = this.authenticate(claim, Date.now());
      if (outcome.kind === "rejected") {
        counters.rejections[outcome.reason]++;
        log.debug({ reason: outcome.reason, registrationId }, "A device was not provisioned.");
        return unauthorized;
      }
      const asked = read(outcome);
      if ("status" in asked) {
        counters.rejections["malformed-request"]++;
        return asked;
      }
      const { enrollmentGroupId, key } = outcome;
      const { modelId, isPoll } = asked;
      const registered = await registry.register({ registrationId, enrollmentGroupId, key, modelId, isPoll });
      const operationId = operationIdOf(claim);
      switch (registered.kind) {
        case "assigned":
          counters.registrations[registered.isNew ? "created" : "assigned"]++;
          if (registered.isNew) {
            log.info({ deviceId: registered.deviceId, enrollmentGroupId }, "A device was provisioned.");
          }
          return assignedAnswer({
            ...registered,
            operationId,
            registrationId,
            assignedHub: this.#options.assignedHub(),
          });
        case "waiting":
          counters.registrations.waiting++;
          return waitingAnswer(operationId, registered.waiting);
        case "blocked":
          counters.rejections["registration-blocked"]++;
          return stoppedAnswer("disabled", operationId, registrationId);
        case "taken":
          counters.rejections["registration-taken"]++;
          log.warn(
            { registrationId, enrollmentGroupId },
            "A device was not provisioned: there is a device of its id that its key does not open.",
          );
          return stoppedAnswer("failed", operationId, registrationId);
        case "unknown":
          counters.rejections["unknown-registration"]++;
          return isPoll === true ? errorAnswer(404, "This device did not register; register again.") : unauthorized;
        case "too-many":
          counters.rejections["registrations-full"]++;
          return errorAnswer(429, "Too many registrations wait to be approved.", 60);
      }
    } catch (error) {
      if (error instanceof ColdpathError && error.kind === "invalid") {
        counters.rejections["malformed-request"]++;
        return errorAnswer(400, error.message);
      }
      log.error({ registrationId, error: messageOf(error) }, "A registration could not be carried out.");
      counters.rejections["not-ready"]++;
      return errorAnswer(503, "The hub could not carry it out; try again.", 5);
    }
  }
}

/** Each key is tried, also when the first has signed. */
function signingKey(token: SasToken, { primaryKey, secondaryKey }: KeyPair): string | null {
  const isPrimary = isSignedWith(token, [primaryKey]);
  const isSecondary = isSignedWith(token, [secondaryKey]);
  return isPrimary ? primaryKey : isSecondary ? secondaryKey : null;
}

function reject(reason: RejectionReason): ProvisioningOutcome {
  return { kind: "rejected", reason };
}

interface Asked {
  readonly modelId?: string | undefined;
  readonly isPoll?: boolean;
}

const unauthorized = errorAnswer(401, "Neither the token nor the certificate opens this registration.");

/** Of a registration, always the same: there is nothing to remember, and a poll comes well after a restart. */
function operationIdOf({ idScope, registrationId }: ProvisioningClaim): string {
  return createHash("sha256").update(`${idScope}/${registrationId}`).digest("hex").slice(0, 32);
}
