// Which registrations are shown, as it stands in the page's address. Pure.

import { type RegistrationStatus, registrationStatuses } from "./registration-queries.ts";

export interface RegistrationSearch {
  /** Those that wait when left out. */
  readonly status?: RegistrationStatus;
}

export function registrationSearch(given: Record<string, unknown>): RegistrationSearch {
  const status = registrationStatuses.find((one) => one === given["status"]);
  return status === undefined ? {} : { status };
}
