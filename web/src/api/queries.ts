// What pages of several folders ask of the server. The cache holds an answer by its key, whoever asked: so a key has one
// definition, here when more than one folder asks, and holds the server's answer as it came; who wants a part of it selects.

import { queryOptions } from "@tanstack/react-query";
import { answerOf, api } from "./client.ts";

export const statusQuery = queryOptions({
  queryKey: ["status"],
  queryFn: async () => await answerOf(api.GET("/api/v1/status")),
});
