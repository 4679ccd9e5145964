// How to add calls to the control API: write `api/calls/<area>.ts` with a function `<area>Calls(deps): Call[]` that returns `defineCall({…})`
// for each, and add it to the list in `calls/all-calls.ts`. A call is data plus one function: the dispatcher (`dispatch.ts`) checks the key, its
// scope and its sites, reads path, query and body through the schemas, limits rate, size and time, replays what has the same Idempotency-Key,
// writes the audit trail for every method but GET, and renders answers; `openapi.ts` documents the call from the same data.
// - To refuse, throw `NesonError(code, message, {fault: "caller"})` and list the code in `refusals` with its status.
// - Say what was changed with `context.note(…)`; it is kept in the audit trail.
// - Stream by answering `{lines}` (NDJSON, or server-sent events if the client asks for them) and end when `context.signal` aborts.
// - Give a schema that several calls share a name with `namedSchema` (`named-schema.ts`), so that the document refers to it.
import { z } from "zod";
import type { Caller } from "./caller.ts";
import type { Scope } from "./scopes.ts";

/** Methods that calls have; HEAD comes with GET, OPTIONS with all. */
export type CallMethod = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

/**
 * What a call reaches, for keys that are bound to some sites: the site that a path parameter names; things of several sites among which
 * `handle` shows only those of `context.caller` (`maySee`); or the network, where bound keys have no business.
 */
export type Reach = { site: string } | "visible sites" | "network";

/** A way in which a call refuses, beside those that every call has. */
export interface RefusalDoc {
  status: number;
  /** The `code` of the NesonError and of the answer. */
  code: string;
  /** "no site has that name" */
  when: string;
}

/** What a call answers when it does what it is asked. */
export interface AnswerDoc {
  description: string;
  /** Of the JSON, or of one line of a stream; none for an empty answer. */
  schema?: z.ZodType;
  /** `lines` for NDJSON; a media type for text. JSON when absent. */
  form?: "lines" | `text/${string}`;
  /** An instance of `schema`, shown to readers and checked in tests. */
  example?: unknown;
}

/** What `handle` gives back: at most one of json, lines and text. */
export interface CallAnswer {
  /** 200, or 204 without content. */
  status?: number;
  json?: unknown;
  /** What the ETag is computed of, when it is not `json` itself; only for `isVersioned` calls. */
  version?: unknown;
  lines?: AsyncIterable<unknown>;
  text?: { type: `text/${string}`; content: string | AsyncIterable<string> };
  headers?: Record<string, string>;
}

/** What was changed, for the audit trail; field names and digests, never secrets. */
export interface ChangeNote {
  /** The site that was changed, where the path does not say. */
  site?: string;
  /** One line for people, up to 500 characters: "origin, rules (a1b2c3 → d4e5f6)". */
  summary: string;
}

/** One call that is being answered. */
export interface CallContext<Params, Query, Body> {
  params: Params;
  query: Query;
  body: Body;
  caller: Caller;
  /** Request fields, for what no schema covers. */
  headers: Headers;
  /** Aborts when the client has left or the time for the call is over. */
  signal: AbortSignal;
  /**
   * Holds a change to the version that If-Match or If-None-Match name; `current` is what the ETag is computed of, undefined when there is none.
   * @throws NesonError `version-mismatch` (412)
   */
  expectVersion(current: unknown): void;
  /** What the audit trail says of this call. */
  note(change: ChangeNote): void;
}

/** What a call is declared as. */
export interface CallSpec<Params extends z.ZodRawShape, Query extends z.ZodRawShape, Body extends z.ZodType> {
  /** Unique, "listSites". */
  id: string;
  method: CallMethod;
  /** Below /api/v1, with parameters in braces: "/sites/{name}". */
  path: string;
  /** What groups it in the document: "sites". */
  area: string;
  /** One line. */
  summary: string;
  /** More for readers, where the summary does not say it all. */
  about?: string;
  /** What the caller's key must allow; "public" needs no key at all. */
  scope: Scope | "public";
  reach: Reach;
  /** One schema per path parameter; text goes in. */
  params?: Params;
  /** One schema per query field; text goes in (`z.coerce.number()`), each at most once. */
  query?: Query;
  body?: Body;
  /** Of the body, for the document: an instance of its schema. */
  bodyExample?: unknown;
  /** "application/merge-patch+json" where the body is one (RFC 7396). */
  bodyType?: string;
  /** Answers carry an ETag, and changes heed If-Match and If-None-Match through `expectVersion`. */
  isVersioned?: boolean;
  /** The answer shows a secret once: it is never stored, not even to be replayed. */
  showsSecret?: boolean;
  /** A stream lives as long as its client; everything else has 30 s. */
  isEndless?: boolean;
  answers: { [Status in 200 | 201 | 202 | 204]?: AnswerDoc };
  refusals?: readonly RefusalDoc[];
  handle(
    context: CallContext<z.output<z.ZodObject<Params>>, z.output<z.ZodObject<Query>>, z.output<Body>>,
  ): CallAnswer | Promise<CallAnswer>;
}

/** A declared call, whatever its schemas are. */
export interface Call extends Omit<CallSpec<z.ZodRawShape, z.ZodRawShape, z.ZodType>, "params" | "query" | "handle"> {
  params: z.ZodObject;
  query: z.ZodObject;
  handle(context: CallContext<unknown, unknown, unknown>): CallAnswer | Promise<CallAnswer>;
}

/** Declares a call; what `handle` is given has the types of the schemas. */
export function defineCall<
  Params extends z.ZodRawShape = Record<never, never>,
  Query extends z.ZodRawShape = Record<never, never>,
  Body extends z.ZodType = z.ZodUndefined,
>(spec: CallSpec<Params, Query, Body>): Call {
  const { params, query, handle, ...rest } = spec;
  return {
    ...rest,
    params: z.strictObject(params ?? {}),
    query: z.strictObject(query ?? {}),
    // The dispatcher gives what these very schemas have read.
    handle: handle as Call["handle"],
  };
}
