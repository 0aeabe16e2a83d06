// The one form of every error answer.

import { Type } from "typebox";
import { ref, shape } from "../schema.ts";

export const ErrorAnswer = shape("Error", "Why a call was refused or failed, and what to do.", {
  error: Type.Object(
    {
      code: Type.String({ description: "Stable, kebab-case. Scripts may depend on it." }),
      message: Type.String({ description: "A sentence for people." }),
      field: Type.Optional(Type.String({ description: "Path of the offending input, e.g. `settings.path`." })),
      hint: Type.Optional(Type.String({ description: "What to do." })),
    },
    { additionalProperties: false },
  ),
});

/** What a deletion answers. */
export const gone = Type.Null({ description: "Done." });

/** What every call may answer besides, and what those may that say so in `failures` of their schema. */
export const failuresOfAll = [400, 401, 403, 500] as const;
const meanings = {
  400: "The input names something impossible; `field` says which one.",
  401: "Nobody is signed in, or the token is wrong.",
  403: "The caller's role does not allow it, or the call comes from a page of another site.",
  404: "There is no such thing.",
  409: "The present state forbids it, or the etag is stale.",
  429: "It was tried too often; Retry-After says in how many seconds again.",
  500: "Something failed inside the server; its log has the details.",
  503: "Something outside the server does not answer; try again.",
  504: "It was asked of a device, which did not answer: what came of it is not known.",
};
export type FailureStatus = keyof typeof meanings;

export function failureResponse(status: FailureStatus) {
  return ref(ErrorAnswer, meanings[status]);
}

declare module "fastify" {
  interface FastifySchema {
    /** Only documented: error answers are made in one place (error-answer.ts), and need no serializer a route. */
    readonly failures?: readonly FailureStatus[];
  }
}
