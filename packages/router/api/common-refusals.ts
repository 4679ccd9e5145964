import type { Call, RefusalDoc } from "./call.ts";

const ALWAYS: RefusalDoc[] = [
  {
    status: 400,
    code: "bad-input",
    when: "a field is wrong; `errors` names each with what was found and what is allowed",
  },
  {
    status: 429,
    code: "too-many-calls",
    when: "the caller's share of calls is used up; Retry-After says for how long",
  },
  { status: 500, code: "internal", when: "the Router failed; its log tells more under the request id" },
  {
    status: 503,
    code: "database-unavailable",
    when: "the Router cannot reach its database; Retry-After says when to ask again",
  },
  { status: 503, code: "timed-out", when: "the call took more than 30 s; what it began may still happen" },
];

const WITH_KEY: RefusalDoc[] = [
  { status: 401, code: "unauthorised", when: "no valid key came with the request" },
  { status: 403, code: "not-allowed", when: "the key lacks the scope, or is not for that site" },
];

const WITH_BODY: RefusalDoc[] = [
  { status: 400, code: "not-json", when: "the body is not JSON" },
  { status: 408, code: "body-too-slow", when: "the body did not arrive within 15 s" },
  { status: 413, code: "body-too-long", when: "the body is over 1 MiB" },
];

const WITH_VERSION: RefusalDoc[] = [
  { status: 412, code: "version-mismatch", when: "If-Match or If-None-Match name another version than there is" },
];

const REPEATABLE: RefusalDoc[] = [
  { status: 409, code: "still-running", when: "a request with the same Idempotency-Key is being carried out" },
  {
    status: 409,
    code: "answer-not-kept",
    when: "this very request was carried out, and its answer (a secret, or over 64 KiB) is not kept",
  },
  { status: 422, code: "key-reused", when: "the Idempotency-Key came with another request before" },
];

/** Refusals of requests that reach no call. */
export const NO_CALL: readonly RefusalDoc[] = [
  { status: 404, code: "no-such-call", when: "no call has that path" },
  { status: 405, code: "method-not-allowed", when: "the path has calls, but none of that method; Allow lists them" },
];

/** Everything a call may be refused with: its own and those that its kind of call has. */
export function refusalsOf(call: Call): RefusalDoc[] {
  return [
    ...ALWAYS,
    ...(call.scope === "public" ? [] : WITH_KEY),
    ...(call.body === undefined ? [] : WITH_BODY),
    ...(call.isVersioned && call.method !== "GET" ? WITH_VERSION : []),
    ...(call.method === "POST" ? REPEATABLE : []),
    ...(call.refusals ?? []),
  ];
}
