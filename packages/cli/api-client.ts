import { describeError, NesonError } from "@neson/kit/error";
import { z } from "zod";

const CALL_MS = 35_000;
const MAX_PAGES = 1000;

const problemSchema = z.object({ code: z.string(), detail: z.string() });

/** Where a Router's control API is, and what proves who is asking. */
export interface ApiPlace {
  /** Of the control listener, "https://router.example.com:8081". */
  url: string;
  /** A key, or the operator's token. */
  key: string;
}

/** What goes with a call. */
export interface Sent {
  /** Undefined values are left out. */
  query?: Record<string, string | number | undefined>;
  body?: unknown;
  headers?: Record<string, string>;
  /** Ends a stream; other calls end by themselves after 35 s. */
  signal?: AbortSignal;
}

/** The control API of one Router (docs/api.md). Every call throws NesonError `router-down` or `router-refused` with the Router's own reason. */
export interface ApiClient {
  /** One call; `path` is below /api/v1, "/sites/films". Gives the JSON of the answer, undefined when it is empty. */
  call(method: string, path: string, sent?: Sent): Promise<unknown>;
  /** As `call`, but undefined when the Router answers 404. */
  find(path: string): Promise<unknown>;
  /** All items of a list, whatever number of pages it has: `field` is what the list is called in the answer. */
  list<Item>(path: string, field: string, item: z.ZodType<Item>, query?: Sent["query"]): Promise<Item[]>;
  /** A stream (NDJSON, CSV) as it comes, without a limit of time. */
  stream(path: string, sent?: Sent): Promise<Response>;
}

/** Opens the API at a place; nothing is sent yet. */
export function openApi({ url, key }: ApiPlace): ApiClient {
  const base = `${url.replace(/\/+$/, "")}/api/v1`;
  const ask = async (method: string, path: string, { query, body, headers, signal }: Sent): Promise<Response> => {
    const target = new URL(base + path);
    for (const [name, value] of Object.entries(query ?? {})) {
      if (value !== undefined) target.searchParams.set(name, String(value));
    }
    const type = method === "PATCH" ? "application/merge-patch+json" : "application/json";
    return await send(target.href, {
      method,
      // Whoever is redirected to must not get the key.
      redirect: "manual",
      headers: { Authorization: `Bearer ${key}`, ...(body !== undefined && { "Content-Type": type }), ...headers },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      ...(signal !== undefined && { signal }),
    });
  };
  const call: ApiClient["call"] = async (method, path, sent = {}) => {
    const answer = await ask(method, path, { signal: AbortSignal.timeout(CALL_MS), ...sent });
    if (!answer.ok) throw await refusalOf(answer);
    return answer.status === 204 ? undefined : await jsonOf(answer);
  };
  return {
    call,
    find: async (path) => {
      const answer = await ask("GET", path, { signal: AbortSignal.timeout(CALL_MS) });
      if (answer.status === 404) return undefined;
      if (!answer.ok) throw await refusalOf(answer);
      return await jsonOf(answer);
    },
    list: async (path, field, item, query) => {
      const page = z.object({ [field]: z.array(item), nextCursor: z.string().optional() });
      const items: z.output<typeof item>[] = [];
      let cursor: string | undefined;
      for (let pages = 0; pages < MAX_PAGES; pages += 1) {
        const answer = read(page, await call("GET", path, { query: { ...query, limit: 500, cursor } }));
        items.push(...(answer[field] as typeof items));
        cursor = answer.nextCursor as string | undefined;
        if (cursor === undefined) return items;
      }
      throw new NesonError("too-many-pages", `reading ${path} failed: more than ${MAX_PAGES} pages`, { fault: "peer" });
    },
    stream: async (path, sent = {}) => {
      const answer = await ask("GET", path, sent);
      if (!answer.ok) throw await refusalOf(answer);
      return answer;
    },
  };
}

/**
 * Reads what a Router has answered.
 * @throws NesonError `bad-answer` (operator) when it is of another version than this program
 */
export function read<Schema extends z.ZodType>(schema: Schema, answer: unknown): z.output<Schema> {
  const parsed = schema.safeParse(answer);
  if (parsed.success) return parsed.data;
  const field = parsed.error.issues[0]?.path.join(".") || "answer";
  const message = `the Router answered something else than this program expects (${field}); use the Router's own version of it`;
  throw new NesonError("bad-answer", message, { fault: "operator", cause: parsed.error });
}

async function jsonOf(answer: Response): Promise<unknown> {
  try {
    return await answer.json();
  } catch (cause) {
    const message = `${new URL(answer.url).origin} does not answer as a Router's control listener does`;
    throw new NesonError("bad-answer", message, { fault: "operator", cause });
  }
}

async function refusalOf(answer: Response): Promise<NesonError> {
  const problem = problemSchema.safeParse(await answer.json().catch(() => undefined));
  const message = problem.success ? problem.data.detail : `the Router answered status ${answer.status}`;
  const code = problem.success ? problem.data.code : undefined;
  return new NesonError("router-refused", message, { fault: "caller", details: { status: answer.status, code } });
}

async function send(url: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, init);
  } catch (cause) {
    const message = `the Router at ${new URL(url).origin} does not answer (${describeError(cause)}); start it with: neson router run`;
    throw new NesonError("router-down", message, { fault: "operator" });
  }
}
