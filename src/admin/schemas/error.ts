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

/** What every call may answer. */
export const failures = {
  400: ref(ErrorAnswer, "The input names something impossible; `field` says which one."),
  401: ref(ErrorAnswer, "The administrator token is missing or wrong."),
  500: ref(ErrorAnswer, "Something failed inside the server; its log has the details."),
};
export const notFound = { 404: ref(ErrorAnswer, "There is no such thing.") };
export const conflict = { 409: ref(ErrorAnswer, "The present state forbids it, or the etag is stale.") };
export const unavailable = { 503: ref(ErrorAnswer, "Something outside the server does not answer; try again.") };
export const gone = { 204: Type.Null({ description: "Done." }) };
