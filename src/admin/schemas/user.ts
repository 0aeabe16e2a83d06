// Schemas of users, sessions, API tokens and the audit log. A password is in what they take and never in what they answer (A2).

import { Type } from "typebox";
import { actorKinds, roles } from "../../registry/registry.ts";
import { passwordCharsMax, passwordCharsMin } from "../../registry/user-input.ts";
import { etag, givenEtag, orNull, ref, shape, time, words } from "../schema.ts";

const role = words(roles, "Each may do all that those before it may.");
const passwordText = (description: string) => Type.String({ writeOnly: true, description });
const newPassword = passwordText(
  `${passwordCharsMin} to ${passwordCharsMax} characters, not the name, and none of the common ones.`,
);
const userName = Type.String({ description: "1 to 64 characters; case makes no difference." });

export const User = shape("User", "Somebody who signs in.", {
  id: Type.String(),
  name: Type.String(),
  role,
  disabled: Type.Boolean({ description: "Whether signing in is refused." }),
  createdAt: time(),
  lastSignInAt: orNull(time()),
  etag,
});
export const UserList = shape("UserList", "Users, by name.", { items: Type.Array(ref(User)) });
export const NewUser = shape("NewUser", "A user to be made.", { name: userName, password: newPassword, role });
export const UserChange = shape(
  "UserChange",
  "What is left out stays. A change of role, password or disabled ends the user's sessions.",
  {
    name: Type.Optional(userName),
    password: Type.Optional(newPassword),
    role: Type.Optional(role),
    disabled: Type.Optional(Type.Boolean()),
    etag: givenEtag,
  },
);

export const SessionUser = shape("SessionUser", "Who makes this call.", {
  id: Type.String({ description: 'Of the user or API token; "root" for the token of the data directory.' }),
  name: Type.String(),
  role,
});
export const Session = shape("Session", "Who is signed in, by what, and until when.", {
  signedIn: Type.Boolean(),
  user: orNull(ref(SessionUser)),
  via: orNull(words(["session", "token", "root"], "By cookie, API token, or the token of the data directory.")),
  csrfToken: orNull(Type.String({ description: "For the header x-csrf-token of unsafe calls by cookie." })),
  setupNeeded: Type.Boolean({ description: "Whether there is no user yet: see setUp." }),
  expiresAt: orNull(time("When it ends unless it is used; null for the token of the data directory.")),
});
export const Credentials = shape("SignIn", "Name and password.", {
  name: Type.String({ maxLength: 256 }),
  password: Type.String({ writeOnly: true, maxLength: 1024 }),
});
export const FirstUser = shape("SetUp", "The first administrator.", {
  setupToken: Type.String({ writeOnly: true, maxLength: 256, description: "From the set-up link." }),
  name: userName,
  password: newPassword,
});
export const PasswordChange = shape("PasswordChange", "One's own password.", {
  currentPassword: Type.String({ writeOnly: true, maxLength: 1024 }),
  newPassword,
});
export const EndedSessions = shape("EndedSessions", "Sessions that have ended.", { ended: Type.Integer() });
export const SetUpLink = shape("SetUpLink", "Where the first administrator is made.", {
  link: Type.String({ description: "For one use, until the server stops." }),
});

export const ApiToken = shape("ApiToken", "What a script shows.", {
  id: Type.String(),
  name: Type.String(),
  role,
  createdAt: time(),
  createdBy: Type.String({ description: "The name of whoever made it." }),
  expiresAt: time(),
  lastUsedAt: orNull(time("To the minute.")),
});
export const ApiTokenList = shape("ApiTokenList", "API tokens, by name; expired ones for 30 days.", {
  items: Type.Array(ref(ApiToken)),
});
export const NewApiToken = shape("NewApiToken", "An API token to be made.", {
  name: Type.String({ description: "What it is for." }),
  role: words(roles, "At most one's own."),
  expiresInDays: Type.Integer({ description: "1 to 366." }),
});
export const MadeApiToken = shape("MadeApiToken", "An API token, and the only time that it is shown.", {
  ...ApiToken.properties,
  token: Type.String(),
});

export const AuditLogActor = shape("AuditLogActor", "Who made a call.", {
  kind: words(actorKinds, "A user, an API token, the token of the data directory, or nobody who was known."),
  id: orNull(Type.String()),
  name: orNull(Type.String({ description: "As it was then." })),
});
export const AuditLogEntry = shape("AuditLogEntry", "A call that changed something, or that was refused.", {
  number: Type.Integer({ description: "Grows with each entry." }),
  at: time(),
  actor: ref(AuditLogActor),
  role: orNull(role),
  action: Type.String({ description: "The call's operationId." }),
  subject: orNull(Type.String({ description: "The id of what it was about; several are separated by /." })),
  outcome: Type.Integer({ description: "The answer's HTTP status." }),
  detail: Type.Unsafe<unknown>({ description: "What was sent, secrets hidden; of what is large only its length." }),
  address: Type.String({ description: "Where the call came from; behind a proxy, the proxy's." }),
});
export const AuditLogPage = shape("AuditLogPage", "Entries, newest first.", {
  items: Type.Array(ref(AuditLogEntry)),
  next: Type.Optional(Type.Integer({ description: "For `before` of the next page; absent on the last." })),
});
