import { NesonError } from "@neson/kit/error";
import { countOf, objectIdField } from "@neson/protocol/fields";
import { z } from "zod";
import type { Purges } from "../../catalog/purges.ts";
import type { Audits } from "../../registry/audits.ts";
import { deleteAt } from "../../registry/deletions.ts";
import type { Registry } from "../../registry/registry.ts";
import type { Standings } from "../../registry/standings.ts";
import { type Call, defineCall, type RefusalDoc } from "../call.ts";

/** What these calls speak to. */
export interface TerminalCallsDeps {
  registry: Pick<Registry, "get">;
  audits: Pick<Audits, "ask">;
  standings: Pick<Standings, "of" | "noteChanged">;
  purges: Pick<Purges, "removeObject">;
}

const terminalId = z.string().regex(/^[0-9a-f]{64}$/, "64 lower-case hex digits");
const params = { id: terminalId.describe("the Terminal's public key") };
const notConnected: RefusalDoc = { status: 404, code: "not-connected", when: "no such Terminal is connected" };
const OBJECT_EXAMPLE = "ab".repeat(32);

/** Calls that reach Terminals. */
export function terminalCalls(deps: TerminalCallsDeps): Call[] {
  return [standingCall(deps), auditCall(deps), deleteCall(deps), removeObjectCall(deps)];
}

function standingCall({ standings }: TerminalCallsDeps): Call {
  return defineCall({
    ...{ id: "getStanding", method: "GET", path: "/terminals/{id}/standing", area: "terminals" },
    summary: "What a Terminal is told of its score and pay, whether it is connected or not",
    ...{ scope: "terminals:read", reach: "network", params },
    answers: { 200: { description: "its tracks, earnings and refusals", schema: z.looseObject({}) } },
    handle: async ({ params: { id } }) => ({ json: await standings.of(id) }),
  });
}

function auditCall(deps: TerminalCallsDeps): Call {
  return defineCall({
    ...{ id: "checkTerminal", method: "POST", path: "/terminals/{id}/audit", area: "terminals" },
    summary: "Ask a Terminal for one piece of an object with its proof, and judge the answer",
    ...{ scope: "terminals:write", reach: "network", params },
    body: z.strictObject({ objectId: objectIdField, pieceIndex: countOf(2 ** 32) }),
    bodyExample: { objectId: OBJECT_EXAMPLE, pieceIndex: 0 },
    answers: {
      200: {
        description: "how it answered",
        schema: z.object({ outcome: z.string(), detail: z.string(), asked: z.number().optional() }),
      },
    },
    refusals: [
      notConnected,
      { status: 404, code: "no-such-object", when: "no such object is in this Router's catalog" },
      { status: 400, code: "no-such-piece", when: "the object has not so many pieces" },
      { status: 409, code: "not-held", when: "the Terminal has not said that it holds the object" },
      { status: 409, code: "audit-under-way", when: "one spot check of this Terminal is still under way" },
    ],
    handle: async ({ params: { id }, body }) => {
      const report = await deps.audits.ask(connected(id, deps), body);
      deps.standings.noteChanged(id);
      return { json: report };
    },
  });
}

function deleteCall(deps: TerminalCallsDeps): Call {
  return defineCall({
    ...{ id: "deleteAtTerminal", method: "POST", path: "/terminals/{id}/delete", area: "terminals" },
    summary: "Have one Terminal delete an object",
    ...{ scope: "terminals:write", reach: "network", params },
    body: z.strictObject({ objectId: objectIdField }),
    bodyExample: { objectId: OBJECT_EXAMPLE },
    answers: {
      200: { description: "whether it had said that it holds the object", schema: z.object({ wasHeld: z.boolean() }) },
    },
    refusals: [notConnected],
    handle: ({ params: { id }, body: { objectId }, note }) => {
      const terminal = connected(id, deps);
      const wasHeld = terminal.holdsObject(objectId);
      deleteAt(terminal, [objectId], "deleted there by the Router's operator");
      note({ summary: `object ${objectId}` });
      return { json: { wasHeld } };
    },
  });
}

function removeObjectCall({ purges }: TerminalCallsDeps): Call {
  return defineCall({
    ...{ id: "removeObject", method: "DELETE", path: "/objects/{id}", area: "terminals" },
    summary: "Take an object out of the Router and every Terminal, whichever sites use it",
    ...{ scope: "terminals:write", reach: "network", params: { id: objectIdField.describe("the object's id") } },
    answers: {
      200: {
        description: "how many entries went, and how many Terminals were told",
        schema: z.object({ entries: z.number(), terminals: z.number() }),
      },
    },
    refusals: [{ status: 404, code: "no-such-object", when: "neither the Router nor a connected Terminal has it" }],
    handle: async ({ params: { id } }) => {
      const { entries, isKnown, terminals } = await purges.removeObject(id);
      if (isKnown || terminals > 0) return { json: { entries, terminals } };
      const message = `neither this Router nor a connected Terminal has an object ${id}`;
      throw new NesonError("no-such-object", message, { fault: "caller" });
    },
  });
}

function connected(id: string, { registry }: TerminalCallsDeps) {
  const terminal = registry.get(id);
  if (terminal !== undefined) return terminal;
  const message = `no Terminal ${id} is connected; GET /api/v1/status lists those that are`;
  throw new NesonError("not-connected", message, { fault: "caller" });
}
