import { countOf, objectIdField } from "@neson/protocol/fields";
import { z } from "zod";
import type { Purges } from "../catalog/purges.ts";
import type { Audits } from "../registry/audits.ts";
import type { ConnectedTerminal } from "../registry/connected-terminal.ts";
import { deleteAt } from "../registry/deletions.ts";
import type { Registry } from "../registry/registry.ts";
import type { Standings } from "../registry/standings.ts";
import { failure } from "./failure.ts";
import { readBody } from "./read-json.ts";

const CALL = /^(GET|POST) terminals\/([0-9a-f]{64})\/(audit|delete|standing)$/;
const REMOVE_OBJECT = /^DELETE objects\/([0-9a-f]{64})$/;

const auditBody = z.strictObject({ objectId: objectIdField, pieceIndex: countOf(2 ** 32) });
const deleteBody = z.strictObject({ objectId: objectIdField });

/** What these calls speak to. */
export interface TerminalCallsDeps {
  registry: Pick<Registry, "get">;
  audits: Pick<Audits, "ask">;
  standings: Pick<Standings, "of" | "noteChanged">;
  purges: Pick<Purges, "removeObject">;
}

/**
 * Calls that reach Terminals; undefined for any other. `call` is method and path behind `/api/v1/`:
 * - `GET terminals/<id>/standing`, of any Terminal, connected or not
 * - `POST terminals/<id>/audit` `{objectId, pieceIndex}` → `{outcome, detail, asked}`
 * - `POST terminals/<id>/delete` `{objectId}` → `{wasHeld}`
 * - `DELETE objects/<id>` → `{entries, terminals}`: how many entries went, and how many Terminals were told
 */
export async function answerTerminalCall(
  request: Request,
  call: string,
  deps: TerminalCallsDeps,
): Promise<Response | undefined> {
  const objectId = REMOVE_OBJECT.exec(call)?.[1];
  if (objectId !== undefined) return await removeObject(objectId, deps);
  const [, method, terminalId = "", verb] = CALL.exec(call) ?? [];
  if (verb === undefined || (method === "GET") !== (verb === "standing")) return undefined;
  if (verb === "standing") return Response.json(await deps.standings.of(terminalId));
  const terminal = deps.registry.get(terminalId);
  if (terminal === undefined) {
    return failure(
      404,
      "not-connected",
      `no Terminal ${terminalId} is connected; GET /api/v1/status lists those that are`,
    );
  }
  return verb === "audit" ? await audit(request, terminal, deps) : await removeAt(request, terminal);
}

async function removeObject(objectId: string, { purges }: TerminalCallsDeps): Promise<Response> {
  const { entries, isKnown, terminals } = await purges.removeObject(objectId);
  if (isKnown || terminals > 0) return Response.json({ entries, terminals });
  return failure(404, "no-such-object", `neither this Router nor a connected Terminal has an object ${objectId}`);
}

async function audit(request: Request, terminal: ConnectedTerminal, deps: TerminalCallsDeps): Promise<Response> {
  const report = await deps.audits.ask(terminal, await readBody(request, auditBody));
  deps.standings.noteChanged(terminal.id);
  return Response.json(report);
}

async function removeAt(request: Request, terminal: ConnectedTerminal): Promise<Response> {
  const { objectId } = await readBody(request, deleteBody);
  const wasHeld = terminal.holdsObject(objectId);
  deleteAt(terminal, [objectId], "deleted there by the Router's operator");
  return Response.json({ wasHeld });
}
