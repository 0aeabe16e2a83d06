// Schemas of provisioning: ID scopes, enrollment groups, individual enrollments and registrations.

import { Type } from "typebox";
import { attestations, registrationStatuses, registrationWaits } from "../../registry/registry.ts";
import { count, etag, givenEtag, orNull, ref, shape, time, words } from "../schema.ts";

const next = orNull(Type.String({ description: "Give it as `after` for the next page; null on the last." }));
const key = Type.Optional(Type.String({ description: "Base64 of 16 to 64 bytes." }));
const terms = {
  templateId: orNull(
    Type.String({ description: "The device template of devices that name no model that a template has." }),
  ),
  templateVersion: orNull(Type.String({ description: "null: the newest published one." })),
  autoApprove: Type.Boolean({ description: "false: each registration waits until it is approved." }),
  enabled: Type.Boolean({ description: "false: none is let in any more; devices that were made go on." }),
};
const someTerms = {
  templateId: Type.Optional(terms.templateId),
  templateVersion: Type.Optional(terms.templateVersion),
  autoApprove: Type.Optional(terms.autoApprove),
  enabled: Type.Optional(terms.enabled),
};
const attestation = words(
  attestations,
  "How its devices prove themselves: by keys, or by certificates whose common name is the registration id.",
);
const caCertificateId = Type.String({ description: "The CA certificate that certificates must lead to; verified." });
const thumbprint = Type.String({ description: "SHA-1 or SHA-256." });

export const Provisioning = shape("Provisioning", "Where devices are provisioned, and what has come.", {
  idScope: Type.String({ description: "This installation's own; it never changes." }),
  furtherIdScopes: Type.Array(Type.String(), { description: "Taken besides it." }),
  host: Type.String({
    description: "What devices are given as the provisioning host; with the port when it is not MQTT's 8883.",
  }),
  assignedHub: Type.String({ description: "The host name that provisioned devices are told." }),
  registrations: Type.Object(
    { waiting: count(), assigned: count(), blocked: count() },
    { additionalProperties: false, description: "How many there are." },
  ),
});
export const ProvisioningChange = shape("ProvisioningChange", "What is left out stays.", {
  furtherIdScopes: Type.Optional(Type.Array(Type.String(), { description: "All of them." })),
});

const group = {
  id: Type.String(),
  name: Type.String(),
  attestation,
  caCertificateId: orNull(caCertificateId),
  ...terms,
  etag,
  createdAt: time(),
};
export const EnrollmentGroup = shape("EnrollmentGroup", "Devices that prove themselves by keys out of one.", group);
export const EnrollmentGroupList = shape("EnrollmentGroupList", "Enrollment groups, by name.", {
  items: Type.Array(ref(EnrollmentGroup)),
});
export const NewEnrollmentGroup = shape("NewEnrollmentGroup", "An enrollment group; keys left out are random.", {
  name: Type.String(),
  attestation: Type.Optional(attestation),
  caCertificateId: Type.Optional(caCertificateId),
  ...someTerms,
  primaryKey: key,
  secondaryKey: key,
});
export const EnrollmentGroupChange = shape("EnrollmentGroupChange", "What is left out stays.", {
  name: Type.Optional(Type.String()),
  caCertificateId: Type.Optional(caCertificateId),
  ...someTerms,
  etag: givenEtag,
});

export const EnrollmentKeys = shape(
  "EnrollmentKeys",
  "Either key is taken, so that one can be changed without a gap.",
  {
    primaryKey: Type.String(),
    secondaryKey: Type.String(),
  },
);
export const EnrollmentKeyChange = shape("EnrollmentKeyChange", "Keys to set, or one to make anew; not both.", {
  primaryKey: key,
  secondaryKey: key,
  regenerate: Type.Optional(words(["primary", "secondary"])),
});

const enrollment = {
  registrationId: Type.String(),
  deviceId: Type.String({ description: "The id of its device." }),
  attestation,
  primaryThumbprint: orNull(thumbprint),
  secondaryThumbprint: orNull(thumbprint),
  ...terms,
  etag,
  createdAt: time(),
};
export const Enrollment = shape("Enrollment", "One device that may be provisioned; before every group.", enrollment);
export const EnrollmentPage = shape("EnrollmentPage", "Individual enrollments, by registration id.", {
  items: Type.Array(ref(Enrollment)),
  next,
});
export const NewEnrollment = shape("NewEnrollment", "An individual enrollment; keys left out are random.", {
  registrationId: Type.String({ description: "As a device id." }),
  deviceId: Type.Optional(Type.String({ description: "The registration id when left out." })),
  attestation: Type.Optional(attestation),
  primaryThumbprint: Type.Optional(thumbprint),
  secondaryThumbprint: Type.Optional(thumbprint),
  ...someTerms,
  primaryKey: key,
  secondaryKey: key,
});
export const EnrollmentChange = shape("EnrollmentChange", "What is left out stays.", {
  primaryThumbprint: Type.Optional(thumbprint),
  secondaryThumbprint: Type.Optional(orNull(thumbprint)),
  ...someTerms,
  etag: givenEtag,
});

export const Registration = shape("Registration", "What became of one that came to be provisioned.", {
  registrationId: Type.String(),
  status: words(
    registrationStatuses,
    "waiting: for an administrator; assigned: it has a device; blocked: it gets none, and its device is disabled.",
  ),
  waitsFor: orNull(
    words(registrationWaits, "template: nobody said which it is to have; approval: its enrollment wants that."),
  ),
  enrollmentGroupId: orNull(Type.String({ description: "null: by an individual enrollment." })),
  deviceId: orNull(Type.String()),
  modelId: orNull(Type.String({ description: "What the device says it is." })),
  templateId: orNull(Type.String({ description: "What it would get when approved without one." })),
  createdAt: time(),
  updatedAt: time(),
});
export const RegistrationPage = shape("RegistrationPage", "Registrations, by registration id.", {
  items: Type.Array(ref(Registration)),
  next,
});
export const RegistrationApproval = shape("RegistrationApproval", "With which device template.", {
  templateId: Type.Optional(Type.String({ description: "Left out: the model's or the enrollment's." })),
  templateVersion: Type.Optional(Type.String({ description: "The newest published one when left out." })),
});
