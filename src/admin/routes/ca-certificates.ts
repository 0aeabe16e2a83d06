// CA certificates, by administrators: whoever has the key of one can be any device of type x509-ca.

import { Type } from "typebox";
import type { AdminOptions } from "../options.ts";
import { type Api, ref } from "../schema.ts";
import { CaCertificate, CaCertificateList, CaCertificateProof, NewCaCertificate } from "../schemas/certificate.ts";
import { gone } from "../schemas/error.ts";

const tags = ["ca-certificates"];
const access = "administrator";
const one = Type.Object({ caCertificateId: Type.String() });

export function caCertificateRoutes(api: Api, { registry }: Pick<AdminOptions, "registry">): void {
  api.get(
    "/ca-certificates",
    {
      schema: {
        operationId: "listCaCertificates",
        summary: "All CA certificates.",
        tags,
        access,
        response: { 200: ref(CaCertificateList) },
      },
    },
    async () => ({ items: await registry.caCertificates() }),
  );

  api.post(
    "/ca-certificates",
    {
      schema: {
        operationId: "createCaCertificate",
        summary: "Adds a CA certificate, with a code to be signed; it lets nobody in before.",
        tags,
        access,
        body: ref(NewCaCertificate),
        response: { 201: ref(CaCertificate) },
        failures: [409],
      },
    },
    async (request, reply) => {
      reply.code(201);
      return await registry.createCaCertificate(request.body);
    },
  );

  api.get(
    "/ca-certificates/:caCertificateId",
    {
      schema: {
        operationId: "getCaCertificate",
        summary: "One CA certificate.",
        tags,
        access,
        params: one,
        response: { 200: ref(CaCertificate) },
        failures: [404],
      },
    },
    async (request) => await registry.caCertificate(request.params.caCertificateId),
  );

  api.delete(
    "/ca-certificates/:caCertificateId",
    {
      schema: {
        operationId: "deleteCaCertificate",
        summary: "Deletes a CA certificate; connections that came in by it are closed.",
        tags,
        access,
        params: one,
        response: { 204: gone },
        failures: [404],
      },
    },
    async (request, reply) => {
      await registry.deleteCaCertificate(request.params.caCertificateId);
      return await reply.code(204).send(null);
    },
  );

  api.post(
    "/ca-certificates/:caCertificateId/verification-code",
    {
      schema: {
        operationId: "createVerificationCode",
        summary: "Makes a new code to be signed, in place of the former one; good for a week.",
        tags,
        access,
        params: one,
        response: { 200: ref(CaCertificate) },
        failures: [404],
      },
    },
    async (request) => await registry.newVerificationCode(request.params.caCertificateId),
  );

  api.post(
    "/ca-certificates/:caCertificateId/verify",
    {
      schema: {
        operationId: "verifyCaCertificate",
        summary: "Takes the signed code: from then on the CA certificate lets devices in.",
        tags,
        access,
        params: one,
        body: ref(CaCertificateProof),
        response: { 200: ref(CaCertificate) },
        failures: [404],
      },
    },
    async (request) => await registry.verifyCaCertificate(request.params.caCertificateId, request.body.certificate),
  );
}
