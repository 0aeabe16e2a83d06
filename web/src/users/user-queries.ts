// What the page of users asks of the server.

import { queryOptions } from "@tanstack/react-query";
import { type Schema, answerOf, api } from "../api/client.ts";

export type User = Schema<"User">;

export const usersQuery = queryOptions({
  queryKey: ["users"],
  queryFn: async () => (await answerOf(api.GET("/api/v1/users"))).items,
});

/** Changes one user. Without an etag it is changed however it is now. */
export async function changeUser(userId: string, change: Schema<"UserChange">): Promise<User> {
  return await answerOf(api.PATCH("/api/v1/users/{userId}", { params: { path: { userId } }, body: change }));
}
