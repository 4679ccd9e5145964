import { z } from "zod";
import type { AuditTrail } from "../audit-trail.ts";
import { type Call, defineCall } from "../call.ts";
import { maySee } from "../caller.ts";
import { namedSchema } from "../named-schema.ts";
import { keyAfter, pageOf, pagingAnswer, pagingQuery } from "./paging.ts";

const auditRecord = namedSchema(
  "AuditRecord",
  z.object({
    id: z.string(),
    at: z.iso.datetime(),
    caller: z.string().describe('"operator", or the id of a key'),
    callerName: z.string(),
    address: z.string(),
    call: z.string().describe("operationId"),
    path: z.string(),
    site: z.string().optional(),
    status: z.number().int(),
    code: z.string().optional().describe("of the refusal"),
    summary: z.string().describe("what was changed; never secrets"),
    requestId: z.string(),
  }),
);

/** Reading who changed what. */
export function auditCalls({ trail }: { trail: Pick<AuditTrail, "read"> }): Call[] {
  return [
    defineCall({
      ...{ id: "listAuditRecords", method: "GET", path: "/audit", area: "audit" },
      summary: "Who changed what, newest first",
      about:
        "Every call but GET by whoever had a key, carried out or refused. Kept for 400 days, at most a million records.",
      ...{ scope: "audit:read", reach: "visible sites" },
      query: {
        site: z.string().max(63).optional().describe("only of this site"),
        caller: z.string().max(63).optional().describe("only of this caller"),
        ...pagingQuery,
      },
      answers: {
        200: { description: "records", schema: z.object({ records: z.array(auditRecord), ...pagingAnswer }) },
      },
      handle: async ({ query, caller }) => {
        const { site, limit, cursor } = query;
        const visible = site === undefined ? caller.sites : [site].filter((name) => maySee(caller, name));
        const beforeId = keyAfter(cursor);
        const read = await trail.read({ sites: visible, caller: query.caller, beforeId, limit: limit + 1 });
        const { items, next } = pageOf(read, limit, ({ id }) => id);
        const records = items.map(({ atMs, ...record }) => ({ ...record, at: new Date(atMs).toISOString() }));
        return { json: { records, ...next } };
      },
    }),
  ];
}
