import { createHash } from "node:crypto";
import { NesonError } from "@neson/kit/error";
import { isUnavailable } from "../db/database-trouble.ts";
import type { Call } from "./call.ts";
import type { Caller } from "./caller.ts";
import type { KeptAnswer, KeptAnswers } from "./kept-answers.ts";
import { badInput } from "./problem.ts";

/** Marks an answer that was given before. */
export const REPEATED_FIELD = "Idempotency-Replayed";

/** Fields of an answer that belong to what was done, not to the one time it was told. */
const KEPT_FIELDS = ["content-type", "location", "etag"];
const WHOLE = /^application\/(problem\+)?json\b/;
const KEY = /^"?([\x21\x23-\x7e]{1,128})"?$/;

/** What makes a request the same as another. */
export interface Repeatable {
  call: Call;
  caller: Caller;
  /** Path and query. */
  target: string;
  text: string | undefined;
  headers: Headers;
}

/**
 * Carries a request out once, however often it comes with one Idempotency-Key (draft-ietf-httpapi-idempotency-key-header-07); without
 * the field, every time. Refusals are kept too, but nothing is kept of a call that failed inside the Router.
 * @throws NesonError `key-reused`, `still-running` or `answer-not-kept` (caller), and what `carryOut` throws
 */
export async function answerOnce(
  request: Repeatable,
  carryOut: () => Promise<Response>,
  deps: { kept: Pick<KeptAnswers, "begin" | "keep" | "forget">; told: (refusal: NesonError) => Response },
): Promise<Response> {
  const key = keyOf(request.headers);
  if (key === undefined) return await carryOut();
  const { call, caller, target, text = "" } = request;
  const digest = createHash("sha256")
    .update(JSON.stringify([call.id, target, text]))
    .digest("hex");
  const standing = await deps.kept.begin(caller.id, key, digest);
  if (standing.state === "other")
    throw refusal("key-reused", "it came with another request before; use a new one for each");
  if (standing.state === "running")
    throw refusal("still-running", "the same request is being carried out; ask again soon");
  if (standing.state === "done") return repeated(standing.answer);
  let answer: Response;
  try {
    answer = await carryOut();
  } catch (error) {
    // Of a call that was given up, or that the database broke off, nobody knows whether it happened: its mark stays until it is old.
    if (error instanceof NesonError && (error.code === "timed-out" || isUnavailable(error))) throw error;
    if (error instanceof NesonError && error.fault === "caller") {
      await deps.kept.keep(caller.id, key, await keptOf(deps.told(error), call));
    } else await deps.kept.forget(caller.id, key);
    throw error;
  }
  // It has happened: when this cannot be kept, the mark stays as well.
  await deps.kept.keep(caller.id, key, await keptOf(answer, call));
  return answer;
}

function keyOf(headers: Headers): string | undefined {
  const field = headers.get("idempotency-key");
  if (field === null) return undefined;
  const key = KEY.exec(field.trim())?.[1];
  if (key !== undefined) return key;
  const allowed = "1 to 128 visible ASCII characters, such as a UUID";
  throw badInput([{ field: "header.Idempotency-Key", found: JSON.stringify(field.slice(0, 100)), allowed }]);
}

async function keptOf(answer: Response, call: Call): Promise<KeptAnswer> {
  const headers = KEPT_FIELDS.flatMap((name): [string, string][] => {
    const value = answer.headers.get(name);
    return value === null ? [] : [[name, value]];
  });
  const isSecret = call.showsSecret === true && answer.ok;
  // What is streamed is not read to its end before the client gets any of it.
  const isWhole = answer.body === null || WHOLE.test(answer.headers.get("content-type") ?? "");
  return { status: answer.status, headers, body: isSecret || !isWhole ? null : await answer.clone().text() };
}

function repeated({ status, headers, body }: KeptAnswer): Response {
  if (body === null) {
    throw refusal("answer-not-kept", "this request was carried out before, and its answer was shown only then");
  }
  const answer = new Response(status === 204 ? null : body, { status, headers });
  answer.headers.set(REPEATED_FIELD, "true");
  return answer;
}

function refusal(code: string, message: string): NesonError {
  return new NesonError(code, `Idempotency-Key: ${message}`, { fault: "caller" });
}
