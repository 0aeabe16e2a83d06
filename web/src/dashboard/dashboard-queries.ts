// What the dashboard asks of the server, besides the live stream.

import { queryOptions } from "@tanstack/react-query";
import { answerOf, api } from "../api/client.ts";

export const statusQuery = queryOptions({
  queryKey: ["status", "whole"],
  queryFn: async () => await answerOf(api.GET("/api/v1/status")),
  refetchInterval: 10_000,
});

export const historyQuery = queryOptions({
  queryKey: ["status", "history"],
  queryFn: async () => await answerOf(api.GET("/api/v1/status/history")),
  refetchInterval: 30_000,
});

/** How many devices there are, and how many of them are real; none are fetched but one. */
export const deviceCountQuery = queryOptions({
  queryKey: ["devices", "count"],
  queryFn: async () => {
    const count = async (query: object): Promise<number> =>
      (await answerOf(api.GET("/api/v1/devices", { params: { query: { limit: 1, ...query } } }))).total;
    const [total, real] = await Promise.all([count({}), count({ simulated: false })]);
    return { total, real };
  },
});
