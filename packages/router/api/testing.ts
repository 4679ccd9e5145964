// A control API on a database of its own, for tests of its calls.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FakeClock } from "@neson/kit/fake-clock";
import { type Log, silentLog } from "@neson/kit/log";
import { openDatabase } from "../db/database.ts";
import { createRegistry } from "../registry/registry.ts";
import { openSites, type SiteRegistry } from "../sites/site-registry.ts";
import type { AllCallsDeps } from "./calls/all-calls.ts";
import { createControlApi } from "./control-api.ts";

// The operator's token in these tests.
const TOKEN = "operator-token";

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
  directory: string;
  /** "GET", "/sites" → its answer. */
  call(method: string, path: string, asking?: Asking): Promise<Told>;
  /** Makes a key by the API and gives its secret. */
  keyWith(scopes: readonly string[], more?: { sites?: string[]; expiresAt?: string }): Promise<string>;
  /** Everything anew on the same database, as after a restart. */
  restart(): Promise<void>;
}

/** What calls speak to where a test is about something else. */
export const QUIET_DEPS: Omit<AllCallsDeps, "keys" | "trail" | "changes" | "clock" | "sites"> = {
  status: async () => ({ up: true }),
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
  purger: {
    purge: async () => {
      throw new Error("nothing is purged here");
    },
    find: async () => undefined,
    list: async () => [],
  },
};

/** Opens an API in a temporary directory. */
export async function openTestApi({ log = silentLog }: { log?: Log } = {}): Promise<TestApi> {
  const directory = await mkdtemp(join(tmpdir(), "neson-api-"));
  const clock = new FakeClock(1_800_000_000_000);
  const open = async () => {
    const db = await openDatabase(join(directory, "router.sqlite"));
    const sites = await openSites({ db, clock, forgetStored: async () => {} });
    return { db, sites, dispatch: createControlApi({ ...QUIET_DEPS, db, sites, clock, log, operatorToken: TOKEN }) };
  };
  let running = await open();
  const call = async (method: string, path: string, asking: Asking = {}): Promise<Told> => {
    const { key = TOKEN, body, text, headers, address = "127.0.0.1" } = asking;
    const request = new Request(`http://router.test/api/v1${path}`, {
      method,
      headers: { ...(key !== "" && { Authorization: `Bearer ${key}` }), ...headers },
      ...(text !== undefined ? { body: text } : body !== undefined && { body: JSON.stringify(body) }),
    });
    const answer = await running.dispatch(request, { address, keepOpen: () => {} });
    const told = await answer.text();
    const isJson = answer.headers.get("content-type")?.includes("json") ?? false;
    return { status: answer.status, headers: answer.headers, text: told, json: isJson ? JSON.parse(told) : undefined };
  };
  return {
    ...{ clock, directory, call },
    get sites() {
      return running.sites;
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
