// A control API on a database of its own, for tests of its calls.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Clock } from "@neson/kit/clock";
import { FakeClock } from "@neson/kit/fake-clock";
import { type Log, silentLog } from "@neson/kit/log";
import type { Db } from "../db/database.ts";
import { openTestDatabase } from "../db/testing/test-database.ts";
import type { PrefetchJob } from "../prefetch/prefetch-tables.ts";
import type { PurgeJob } from "../purge/purge-tables.ts";
import { createRegistry } from "../registry/registry.ts";
import { openSites, type SiteRegistry } from "../sites/site-registry.ts";
import { SpendGuard } from "../spend/guard.ts";
import { WebhookSecrets } from "../spend/webhook-secrets.ts";
import { LiveLog } from "../traffic/live-log.ts";
import { type ControlApiDeps, createControlApi } from "./control-api.ts";
import type { Scope } from "./scopes.ts";

// The operator's token in these tests.
const TOKEN = "operator-token";
const MASTER_KEY = new Uint8Array(32).fill(7);

/** How a test asks. */
interface Asking {
  /** The operator's token when absent; none at all when "". */
  key?: string;
  body?: unknown;
  /** Sent as it is, in the place of `body`. */
  text?: string;
  headers?: Record<string, string>;
  address?: string;
}

/** An answer with its body read. */
export interface Told {
  status: number;
  headers: Headers;
  text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers whose shapes they state themselves.
  json: any;
}

/** An API under test. */
export interface TestApi extends AsyncDisposable {
  clock: FakeClock;
  sites: SiteRegistry;
  db: Db;
  watched: Watched;
  /** Every row of every table, as it lies in the database. */
  tables(): Promise<{ name: string; rows: unknown[] }[]>;
  /** "GET", "/sites" → its answer. */
  call(method: string, path: string, asking?: Asking): Promise<Told>;
  /** Makes a key by the API and gives its secret. */
  keyWith(scopes: readonly string[], more?: { sites?: string[]; expiresAt?: string }): Promise<string>;
  /** Everything anew on the same database, as after a restart. */
  restart(): Promise<void>;
}

/** What calls on traffic and spending speak to. */
export type Watched = Pick<ControlApiDeps, "prices"> & { guard: SpendGuard; live: LiveLog; secrets: WebhookSecrets };

/** Traffic and spending of a Router that serves nobody. */
export function watchedAlone(deps: { db: Db; sites: SiteRegistry; clock: Clock }): Watched {
  const prices = { terminalGbMicros: 5000, routerGbMicros: 10_000 };
  const secrets = new WebhookSecrets({ masterKey: MASTER_KEY }, deps);
  return { prices, secrets, guard: new SpendGuard(prices, deps), live: new LiveLog({ maxReaders: 2 }) };
}

/** The one job that these deps know. */
export const JOB_ID = "1d9f0c1e-8a55-4e1b-9d55-0b0f0f2a7c11";
const PURGE: PurgeJob = {
  ...{ id: JOB_ID, order: { site: "films", by: "tag", value: "red", mode: "hard" }, acceptedAtMs: 1000 },
  ...{ doneAtMs: 2000, settledAtMs: undefined, found: 7, entries: 6, objects: 5 },
  ...{ terminals: 4, unconfirmed: 1, absent: 1 },
};
const PREFETCH: PrefetchJob = {
  ...{ id: JOB_ID, site: "films", followsPlaylists: true, acceptedAtMs: 1000, doneAtMs: undefined, bytes: 5 },
  counts: { waiting: 1, stored: 2, fresh: 3, "not-storable": 4, failed: 5 },
};

/** What calls speak to where a test is about something else. */
export const QUIET_DEPS: Omit<ControlApiDeps, "operatorToken" | "clock" | "sites" | "db" | "log" | keyof Watched> = {
  status: async () => ({ up: true }),
  metrics: async () => "# TYPE up gauge\nup 1\n",
  registry: createRegistry(),
  audits: { ask: async () => ({ outcome: "good", detail: "", asked: 1 }) },
  standings: {
    of: async () => {
      const track = { checks: 0, failures: 0, score: 0, limit: 13.8, consequence: "none" as const, reasons: [] };
      return {
        tracks: { corrupt: track, unknown: track, offline: track },
        earnings: [],
        refusals: [],
        totalPaidBytes: 7,
      };
    },
    noteChanged: () => {},
  },
  purges: { removeObject: async () => ({ entries: 1, isKnown: true, terminals: 0 }) },
  prefetches: {
    find: async (_site, id) => (id === JOB_ID ? PREFETCH : undefined),
    list: async (_site, limit) => Array.from({ length: limit }, () => PREFETCH),
    troubles: async () => [{ target: "/a", state: "failed", detail: "broken" }],
  },
  prefetcher: { prefetch: async (site) => ({ ...PREFETCH, site: site.name }) },
  purger: {
    purge: async (order) => ({ ...PURGE, order }),
    find: async (_site, id) => (id === JOB_ID ? PURGE : undefined),
    list: async (_site, limit, after) =>
      Array.from({ length: limit }, (_, i) => ({ ...PURGE, acceptedAtMs: (after?.acceptedAtMs ?? 1000) - 1 - i })),
  },
};

/** Opens an API in a temporary directory. */
export async function openTestApi({ log = silentLog }: { log?: Log } = {}): Promise<TestApi> {
  const directory = await mkdtemp(join(tmpdir(), "neson-api-"));
  const clock = new FakeClock(1_800_000_000_000);
  const open = async () => {
    const db = await openTestDatabase(join(directory, "router.sqlite"));
    const sites = await openSites({ db, clock, forgetStored: async () => {} });
    const watched = watchedAlone({ db, sites, clock });
    const own = { db, sites, ...watched, clock, log };
    return { db, sites, watched, dispatch: createControlApi({ ...QUIET_DEPS, ...own, operatorToken: TOKEN }) };
  };
  let running = await open();
  const call = async (method: string, path: string, asking: Asking = {}): Promise<Told> => {
    const { key = TOKEN, body, text, headers, address = "127.0.0.1" } = asking;
    const client = new AbortController();
    const request = new Request(`http://router.test/api/v1${path}`, {
      ...{ method, signal: client.signal },
      headers: { ...(key !== "" && { Authorization: `Bearer ${key}` }), ...headers },
      ...(text !== undefined ? { body: text } : body !== undefined && { body: JSON.stringify(body) }),
    });
    const answer = await running.dispatch(request, { address, keepOpen: () => {} });
    const isEndless = answer.headers.get("content-type") === "application/x-ndjson";
    const told = isEndless ? await firstLine(answer, () => client.abort()) : await answer.text();
    const isJson = answer.headers.get("content-type")?.includes("json") ?? false;
    return {
      status: answer.status,
      headers: answer.headers,
      text: told,
      json: isJson && told !== "" ? JSON.parse(told) : undefined,
    };
  };
  return {
    ...{ clock, call },
    tables: async () => {
      const { db } = running;
      const all = await db.introspection.getTables();
      return Promise.all(
        // The names are the database's own, whatever the schema of this version knows.
        all.map(async ({ name }) => ({
          name,
          rows: await db
            .selectFrom(name as "sites")
            .selectAll()
            .execute(),
        })),
      );
    },
    get sites() {
      return running.sites;
    },
    get db() {
      return running.db;
    },
    get watched() {
      return running.watched;
    },
    keyWith: async (scopes, more = {}) => {
      const made = await call("POST", "/keys", { body: { name: "test", scopes, ...more } });
      if (made.status !== 201) throw new Error(`making a key failed: ${made.text}`);
      return made.json.secret;
    },
    restart: async () => {
      await running.db.destroy();
      running = await open();
    },
    [Symbol.asyncDispose]: async () => {
      await running.db.destroy();
      await rm(directory, { recursive: true });
    },
  };
}

/** Of a stream; its client leaves after it. */
async function firstLine(answer: Response, leave: () => void): Promise<string> {
  const reader = answer.body?.getReader();
  const chunk = await reader?.read();
  leave();
  await reader?.cancel();
  return new TextDecoder().decode(chunk?.value);
}

/** A call as the document describes it. */
export interface Operation {
  id: string;
  method: string;
  /** With an instance of every parameter: of the site "films", of a key and a Terminal that are not there. */
  path: string;
  /** Undefined for what is public. */
  scope: Scope | undefined;
  /** Of its body. */
  example: unknown;
  /** By status: the JSON schema of the answer, undefined when it has none. */
  answers: Record<string, unknown>;
}

/** As much of an OpenAPI document as tests look at. */
interface Document {
  paths: Record<string, Record<string, DocumentedOperation>>;
}

interface DocumentedOperation {
  operationId: string;
  "x-scope"?: Scope;
  requestBody?: { content: Record<string, { example?: unknown }> };
  responses: Record<string, { content?: Record<string, { schema: unknown }> }>;
}

/** Every call of a document. */
export function operationsOf({ paths }: Document): Operation[] {
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => {
      const { operationId, requestBody, responses } = operation;
      const body = requestBody && Object.values(requestBody.content)[0];
      const answers = Object.entries(responses).map(([status, { content }]) => [
        status,
        content?.["application/json"]?.schema,
      ]);
      const id = path.startsWith("/keys") ? "0".repeat(12) : "ab".repeat(32);
      return {
        ...{ id: operationId, method: method.toUpperCase(), scope: operation["x-scope"] },
        path: path.replace("{name}", "films").replace("{id}", id),
        example: body && (body.example ?? {}),
        answers: Object.fromEntries(answers),
      };
    }),
  );
}
