import { timingSafeEqual } from "node:crypto";
import { describeError, NesonError, statusOf } from "@neson/kit/error";
import type { Log } from "@neson/kit/log";
import type { SiteRegistry } from "../sites/site-registry.ts";
import { failure } from "./failure.ts";
import { readJson } from "./read-json.ts";
import { answerTerminalCall, type TerminalCallsDeps } from "./terminal-calls.ts";

/** What the operator's API speaks to. */
export interface AdminApiDeps {
  sites: SiteRegistry;
  /** The figures of `GET /api/v1/status`. */
  status: () => Promise<object>;
  terminals: TerminalCallsDeps;
  /** Bearer token of the machine's operator, from `admin.json`. */
  token: string;
  log: Log;
}

/**
 * The operator's API under `/api/v1`: `GET status`, `GET sites`, `POST sites`, `DELETE sites/<name>`, and those of
 * `answerTerminalCall`. JSON in and out; every call needs `Authorization: Bearer <token>`. Errors are `{error: {code, message}}`.
 */
export async function answerAdmin(request: Request, path: string, deps: AdminApiDeps): Promise<Response> {
  try {
    if (!isAuthorised(request, deps.token)) {
      return failure(
        401,
        "unauthorised",
        "Send Authorization: Bearer <token>; the token is in admin.json of the Router's data directory",
      );
    }
    return await route(request, path.slice("/api/v1/".length), deps);
  } catch (error) {
    if (error instanceof NesonError) return failure(statusOf(error.fault), error.code, error.message);
    deps.log.error({ err: error, path }, "the admin API failed");
    return failure(500, "internal", describeError(error));
  }
}

async function route(request: Request, path: string, deps: AdminApiDeps): Promise<Response> {
  const call = `${request.method} ${path}`;
  if (call === "GET status") return Response.json(await deps.status());
  if (call === "GET sites") return Response.json({ sites: deps.sites.list() });
  if (call === "POST sites") return Response.json(await deps.sites.put(await readJson(request)), { status: 201 });
  const name = /^DELETE sites\/([a-z0-9-]{1,63})$/.exec(call)?.[1];
  if (name !== undefined) {
    if (await deps.sites.remove(name)) return new Response(null, { status: 204 });
    return failure(404, "no-such-site", `no site is named ${name}; GET /api/v1/sites lists them`);
  }
  const answer = await answerTerminalCall(request, call, deps.terminals);
  if (answer !== undefined) return answer;
  return failure(404, "no-such-call", `${request.method} /api/v1/${path} is not a call of this API`);
}

function isAuthorised(request: Request, token: string): boolean {
  const given = Buffer.from(request.headers.get("authorization") ?? "");
  const expected = Buffer.from(`Bearer ${token}`);
  return given.length === expected.length && timingSafeEqual(given, expected);
}
