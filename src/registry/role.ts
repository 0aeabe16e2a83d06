// Roles: what users and API tokens may do.

/** From the least to the most: each may do all that those before it may. */
export const roles = ["operator", "builder", "administrator"] as const;
export type Role = (typeof roles)[number];

/** Whether somebody of `role` may do what `least` may. */
export function isAtLeast(role: Role, least: Role): boolean {
  return roles.indexOf(role) >= roles.indexOf(least);
}
