import { allows, type Scope } from "./scopes.ts";

/** Who makes a call, once the secret it came with was found. */
export interface Caller {
  /** "operator" for the token of admin.json, else the id of the key; never secret. */
  id: string;
  /** For people: the key's name. */
  name: string;
  scopes: readonly Scope[];
  /** The only sites it may see or change; all when undefined. */
  sites?: readonly string[];
}

/** Whether a caller may do that at all, wherever. */
export function mayUse(caller: Caller, scope: Scope): boolean {
  return allows(caller.scopes, scope);
}

/** Whether a caller may see and change that site, as far as its scopes go. */
export function maySee(caller: Caller, site: string): boolean {
  return caller.sites === undefined || caller.sites.includes(site);
}
