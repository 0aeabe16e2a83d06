// What the API's calls are for, in the words of its own OpenAPI document: operationId → a sentence. Asked once.

import { queryOptions } from "@tanstack/react-query";
import { answerOf, api } from "./client.ts";

export interface Operation {
  /** The first of its sentences. */
  readonly summary: string;
  /** What part of the hub it is of: "devices". */
  readonly tag: string;
}

interface Document {
  readonly paths: Readonly<
    Record<
      string,
      Readonly<
        Record<string, { readonly operationId: string; readonly summary: string; readonly tags: readonly string[] }>
      >
    >
  >;
}

export const operationsQuery = queryOptions({
  queryKey: ["operations"],
  queryFn: async () => {
    // The document does not describe itself.
    const call = api.GET as unknown as (
      path: string,
    ) => Promise<{ readonly data?: Document; readonly response: Response }>;
    const { paths } = await answerOf(call("/api/v1/openapi.json"));
    return new Map<string, Operation>(
      Object.values(paths)
        .flatMap((methods) => Object.values(methods))
        .map(({ operationId, summary, tags }) => [operationId, { summary, tag: tags[0] ?? "" }]),
    );
  },
  staleTime: Infinity,
});
