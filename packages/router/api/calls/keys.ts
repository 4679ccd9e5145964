import type { Clock } from "@neson/kit/clock";
import { NesonError } from "@neson/kit/error";
import { z } from "zod";
import { type ApiKey, type ApiKeys, isActive } from "../api-keys.ts";
import { type Call, defineCall, type RefusalDoc } from "../call.ts";
import { type Caller, maySee, mayUse } from "../caller.ts";
import { namedSchema } from "../named-schema.ts";
import { badInput } from "../problem.ts";
import { SCOPE_NAMES, type Scope } from "../scopes.ts";
import { sentSiteSchema } from "../sent-site.ts";
import { keyAfter, pageOf, pagingAnswer, pagingQuery } from "./paging.ts";

const MAX_SITES = 100;
const DEFAULT_OVERLAP_SECONDS = 86_400;
const MAX_OVERLAP_SECONDS = 30 * 86_400;

/** What the calls about keys speak to. */
export interface KeyCallsDeps {
  keys: Pick<ApiKeys, "create" | "list" | "get" | "endAt" | "revoke" | "remove">;
  clock: Clock;
}

const time = z.iso.datetime();

/** A key as the API shows it. */
export const keySchema = namedSchema(
  "Key",
  z.object({
    id: z.string(),
    name: z.string(),
    scopes: z.array(z.enum(SCOPE_NAMES)),
    sites: z.array(z.string()).optional().describe("the only sites it is for; all when absent"),
    createdBy: z.string().describe('"operator", or the id of a key'),
    createdAt: time,
    expiresAt: time.optional(),
    lastUsedAt: time.optional().describe("accurate to a minute"),
    revokedAt: time.optional(),
    isActive: z.boolean().describe("whether it opens anything now"),
  }),
);

export type KeyAnswer = z.output<typeof keySchema>;

/** A key that was just made, with its secret. */
export const newKeySchema = z.object({
  key: keySchema,
  secret: z.string().describe("what to send; shown this once, stored nowhere"),
});

const grantSchema = z.strictObject({
  name: z.string().regex(/^[^\p{Cc}]{1,100}$/u, "1 to 100 characters on one line: who uses it, and for what"),
  scopes: z.array(z.enum(SCOPE_NAMES)).min(1).max(SCOPE_NAMES.length),
  sites: z
    .array(sentSiteSchema.shape.name)
    .min(1)
    .max(MAX_SITES)
    .optional()
    .describe("the only sites it is for; all when absent"),
  expiresAt: time.optional().describe("UTC; never when absent"),
});

const params = {
  id: z
    .string()
    .regex(/^[0-9a-f]{12}$/, "12 lower-case hex digits")
    .describe("the key's id"),
};
const NO_SUCH_KEY: RefusalDoc = { status: 404, code: "no-such-key", when: "no key that this one may see has that id" };
const TOO_MANY: RefusalDoc = { status: 409, code: "too-many-keys", when: "there are 10,000 keys" };

/** Calls about keys: a key sees and changes those that may do no more than itself. */
export function keyCalls(deps: KeyCallsDeps): Call[] {
  return [listCall(deps), createCall(deps), showCall(deps), rotateCall(deps), revokeCall(deps)];
}

function listCall({ keys, clock }: KeyCallsDeps): Call {
  return defineCall({
    ...{ id: "listKeys", method: "GET", path: "/keys", area: "keys" },
    summary: "Keys, those that may do no more than the one that asks",
    ...{ scope: "keys:read", reach: "visible sites", query: pagingQuery },
    answers: { 200: { description: "keys by id", schema: z.object({ keys: z.array(keySchema), ...pagingAnswer }) } },
    handle: async ({ query: { limit, cursor }, caller }) => {
      const found: ApiKey[] = [];
      let after = keyAfter(cursor) ?? "";
      // What the caller may not see is left out, so one page may take several reads.
      for (;;) {
        const read = await keys.list(after, limit + 1);
        found.push(...read.filter((key) => covers(caller, key)));
        after = read.at(-1)?.id ?? after;
        if (found.length > limit || read.length <= limit) break;
      }
      const { items, next } = pageOf(found, limit, ({ id }) => id);
      return { json: { keys: items.map((key) => shown(key, clock)), ...next } };
    },
  });
}

function createCall({ keys, clock }: KeyCallsDeps): Call {
  return defineCall({
    ...{ id: "createKey", method: "POST", path: "/keys", area: "keys" },
    summary: "Make a key that may do no more than the one that asks",
    about: "The secret is shown in this answer and never again. Only a hash of it is stored.",
    ...{ scope: "keys:write", reach: "visible sites", showsSecret: true },
    body: grantSchema,
    bodyExample: { name: "deploy of films", scopes: ["sites:write", "purge"], sites: ["films"] },
    answers: { 201: { description: "the key and its secret", schema: newKeySchema } },
    refusals: [TOO_MANY],
    handle: async ({ body, caller, note }) => {
      const expiresAtMs = body.expiresAt === undefined ? undefined : Date.parse(body.expiresAt);
      if (expiresAtMs !== undefined && expiresAtMs <= clock.nowMs()) {
        throw badInput([
          { field: "body.expiresAt", found: `${body.expiresAt}`, allowed: "a time that is yet to come" },
        ]);
      }
      const grant = {
        ...{ name: body.name, scopes: [...new Set<Scope>(body.scopes)] },
        ...(body.sites && { sites: [...new Set(body.sites)] }),
        ...(expiresAtMs !== undefined && { expiresAtMs }),
      };
      if (!covers(caller, grant)) throw beyond(caller);
      const { key, secret } = await keys.create(grant, caller.id);
      note({ summary: `key ${key.id} "${key.name}": ${key.scopes.join(", ")}${forSites(key)}` });
      return { status: 201, json: { key: shown(key, clock), secret }, headers: { Location: `/api/v1/keys/${key.id}` } };
    },
  });
}

function showCall({ keys, clock }: KeyCallsDeps): Call {
  return defineCall({
    ...{ id: "getKey", method: "GET", path: "/keys/{id}", area: "keys" },
    summary: "One key, without its secret",
    ...{ scope: "keys:read", reach: "visible sites", params },
    answers: { 200: { description: "the key", schema: keySchema } },
    refusals: [NO_SUCH_KEY],
    handle: async ({ params: { id }, caller }) => ({ json: shown(await visible(id, caller, keys), clock) }),
  });
}

function rotateCall({ keys, clock }: KeyCallsDeps): Call {
  return defineCall({
    ...{ id: "rotateKey", method: "POST", path: "/keys/{id}/rotate", area: "keys" },
    summary: "Make a key that takes the place of another",
    about:
      "The new key may do the same and ends when the old one would have; the old one goes on working for the overlap.",
    ...{ scope: "keys:write", reach: "visible sites", showsSecret: true, params },
    body: z.strictObject({
      overlapSeconds: z
        .number()
        .int()
        .min(0)
        .max(MAX_OVERLAP_SECONDS)
        .default(DEFAULT_OVERLAP_SECONDS)
        .describe("how long the old key goes on working; a day when absent, 30 days at most"),
    }),
    bodyExample: { overlapSeconds: 3600 },
    answers: { 201: { description: "the new key and its secret", schema: newKeySchema } },
    refusals: [NO_SUCH_KEY, TOO_MANY, { status: 409, code: "key-ended", when: "the key is revoked or has expired" }],
    handle: async ({ params: { id }, body, caller, note }) => {
      const old = await visible(id, caller, keys);
      const nowMs = clock.nowMs();
      if (!isActive(old, nowMs)) {
        const message = `rotating key ${id} failed: it is revoked or has expired; make a new one with POST /api/v1/keys`;
        throw new NesonError("key-ended", message, { fault: "caller" });
      }
      const { key, secret } = await keys.create(old, caller.id);
      await keys.endAt(id, nowMs + body.overlapSeconds * 1000);
      note({ summary: `key ${id} → ${key.id}, overlap ${body.overlapSeconds} s` });
      return { status: 201, json: { key: shown(key, clock), secret }, headers: { Location: `/api/v1/keys/${key.id}` } };
    },
  });
}

function revokeCall({ keys, clock }: KeyCallsDeps): Call {
  return defineCall({
    ...{ id: "revokeKey", method: "DELETE", path: "/keys/{id}", area: "keys" },
    summary: "Refuse a key from now on; forget it when it has ended already",
    ...{ scope: "keys:write", reach: "visible sites", params },
    answers: { 204: { description: "it opens nothing any more" } },
    refusals: [NO_SUCH_KEY],
    handle: async ({ params: { id }, caller, note }) => {
      const key = await visible(id, caller, keys);
      const isOver = !isActive(key, clock.nowMs());
      await (isOver ? keys.remove(id) : keys.revoke(id));
      note({ summary: `key ${id} "${key.name}" ${isOver ? "forgotten" : "revoked"}` });
      return {};
    },
  });
}

/** Whether a caller may do all that a key may. */
function covers(caller: Caller, { scopes, sites }: Pick<ApiKey, "scopes" | "sites">): boolean {
  if (!scopes.every((scope) => mayUse(caller, scope))) return false;
  return caller.sites === undefined || (sites?.every((site) => maySee(caller, site)) ?? false);
}

async function visible(id: string, caller: Caller, keys: Pick<ApiKeys, "get">): Promise<ApiKey> {
  const key = await keys.get(id);
  if (key !== undefined && covers(caller, key)) return key;
  throw new NesonError("no-such-key", `no key that this one may see has the id ${id}`, { fault: "caller" });
}

function beyond(caller: Caller): NesonError {
  const message = `a key cannot make one that may do more than itself; it has ${caller.scopes.join(", ")}${forSites(caller)}`;
  return new NesonError("not-allowed", message, { fault: "caller" });
}

function forSites({ sites }: { sites?: readonly string[] }): string {
  return sites === undefined ? "" : ` for ${sites.join(", ")}`;
}

function shown(key: ApiKey, clock: Clock): z.input<typeof keySchema> {
  const { id, name, scopes, sites, createdBy } = key;
  return {
    ...{ id, name, scopes, ...(sites && { sites }), createdBy, createdAt: isoOf(key.createdAtMs) },
    ...(key.expiresAtMs !== undefined && { expiresAt: isoOf(key.expiresAtMs) }),
    ...(key.lastUsedAtMs !== undefined && { lastUsedAt: isoOf(key.lastUsedAtMs) }),
    ...(key.revokedAtMs !== undefined && { revokedAt: isoOf(key.revokedAtMs) }),
    isActive: isActive(key, clock.nowMs()),
  };
}

function isoOf(ms: number): string {
  return new Date(ms).toISOString();
}
