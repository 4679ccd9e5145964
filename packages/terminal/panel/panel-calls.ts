import { timingSafeEqual } from "node:crypto";
import { describeError, NesonError, statusOf } from "@neson/kit/error";
import type { Log } from "@neson/kit/log";
import { countOf, describeIssue } from "@neson/protocol/fields";
import { versionField } from "@neson/protocol/release";
import { z } from "zod";
import type { PanelActions } from "./sources.ts";

/** Longest body of a call, bytes. */
export const MAX_CALL_BYTES = 4096;

const nothing = z.strictObject({});
const quota = z.strictObject({ bytes: countOf(2 ** 50) });
const update = z.strictObject({ version: versionField });

/** What the calls that change something need. */
export interface PanelCallDeps {
  actions: PanelActions;
  token: string;
  log: Log;
}

/**
 * Answers `POST /api/{leave,quota,withdraw-storage,update}`. Bodies are JSON: `{}`, `{bytes}`, `{}`, `{version}`; answers are 200 with
 * `{}`, or `{freedBytes}` for withdraw-storage. `leave` is answered when the Terminal has left. Errors are `{error: {code, message}}`.
 */
export async function answerCall(request: Request, name: string, deps: PanelCallDeps): Promise<Response> {
  try {
    if (!isAuthorised(request, deps.token)) {
      const message = "Send Authorization: Bearer <token>; the token is in panel.json of the Terminal's data directory";
      return failure(401, "unauthorised", message);
    }
    const answer = await act(name, await readJson(request), deps.actions);
    deps.log.info({ call: name }, "done as asked through the panel");
    return Response.json(answer);
  } catch (error) {
    if (error instanceof NesonError) return failure(statusOf(error.fault), error.code, error.message);
    deps.log.error({ err: error, call: name }, "a call of the panel failed");
    return failure(500, "internal", describeError(error));
  }
}

/** An error as all of the panel's are told. */
export function failure(status: number, code: string, message: string): Response {
  return Response.json({ error: { code, message } }, { status });
}

async function act(name: string, body: unknown, actions: PanelActions): Promise<object> {
  switch (name) {
    case "leave":
      parse(nothing, body);
      await actions.leave();
      return {};
    case "quota":
      actions.setQuota(parse(quota, body).bytes);
      return {};
    case "withdraw-storage":
      parse(nothing, body);
      return await actions.withdrawStorage();
    case "update":
      actions.consentToUpdate(parse(update, body).version);
      return {};
    default: {
      const message = `/api/${name.slice(0, 60)} is not a call; there are leave, quota, withdraw-storage and update`;
      throw new NesonError("no-such-call", message, { fault: "caller" });
    }
  }
}

function isAuthorised(request: Request, token: string): boolean {
  const given = Buffer.from(request.headers.get("authorization") ?? "");
  const expected = Buffer.from(`Bearer ${token}`);
  return given.length === expected.length && timingSafeEqual(given, expected);
}

/** A form of a foreign page can send no such type without the browser asking first, which nothing here answers. */
async function readJson(request: Request): Promise<unknown> {
  const type = request.headers.get("content-type") ?? "";
  if (!/^application\/json\s*(;|$)/i.test(type)) {
    const message = `body: found type "${type.slice(0, 60)}", allowed: application/json`;
    throw new NesonError("not-json", message, { fault: "caller" });
  }
  const text = await request.text();
  if (Buffer.byteLength(text) > MAX_CALL_BYTES) {
    const message = `body: found ${Buffer.byteLength(text)} bytes, allowed: ${MAX_CALL_BYTES}`;
    throw new NesonError("body-too-long", message, { fault: "caller" });
  }
  try {
    return JSON.parse(text);
  } catch {
    throw new NesonError("not-json", "body: found text that is not JSON, allowed: a JSON object", { fault: "caller" });
  }
}

function parse<T>(schema: z.ZodType<T>, body: unknown): T {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  throw new NesonError("bad-body", describeIssue("body", parsed.error, body).text, { fault: "caller" });
}
