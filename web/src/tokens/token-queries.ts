// What the page of API tokens asks of the server.

import { queryOptions } from "@tanstack/react-query";
import { type Schema, answerOf, api } from "../api/client.ts";

export type ApiToken = Schema<"ApiToken">;

export const tokensQuery = queryOptions({
  queryKey: ["tokens"],
  queryFn: async () => (await answerOf(api.GET("/api/v1/tokens"))).items,
});
