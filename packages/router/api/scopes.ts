/** What a key may be allowed to do, with the line that people read when they choose. A `:write` scope includes the `:read` of its area. */
export const SCOPES = {
  admin: "everything, over every site; needed for what touches the operator's own network",
  "sites:read": "see sites and their rules; secrets in them are hidden",
  "sites:write": "add, change and remove sites and their rules",
  purge: "take stored responses out of Routers and Terminals, and see how far that is",
  prefetch: "have responses fetched and stored ahead of demand",
  "stats:read": "see traffic figures",
  "usage:read": "see usage and what it costs",
  "logs:read": "read the log of single requests, which holds viewers' networks",
  "spend:write": "set spend caps, alerts and their webhook",
  "keys:read": "see keys that may do no more than this one; never their secrets",
  "keys:write": "create, rotate and revoke keys that may do no more than this one",
  "audit:read": "read who changed what",
  "metrics:read": "read the Router's metrics",
  "terminals:read": "see Terminals and their standing",
  "terminals:write": "check Terminals and delete objects on them",
} as const;

/** One thing a key may be allowed to do. */
export type Scope = keyof typeof SCOPES;

/** Every scope, in the order in which people read them. */
export const SCOPE_NAMES = Object.keys(SCOPES) as [Scope, ...Scope[]];

/** Whether these scopes let their holder do what needs that one. */
export function allows(held: readonly Scope[], needed: Scope): boolean {
  if (held.includes("admin") || held.includes(needed)) return true;
  if (!needed.endsWith(":read")) return false;
  const writing = needed.replace(/:read$/, ":write");
  return held.some((scope) => scope === writing);
}
