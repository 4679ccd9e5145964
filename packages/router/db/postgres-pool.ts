import type { Clock } from "@neson/kit/clock";
import { describeError } from "@neson/kit/error";
import type { Log } from "@neson/kit/log";
import type { PostgresPool, PostgresPoolClient } from "kysely";
import pg from "pg";
import { isConnectionLost, unavailable } from "./database-trouble.ts";
import { postgresValues } from "./postgres-types.ts";

/** How connections are used. */
export interface PoolOptions {
  /** `postgres://…`. */
  url: string;
  /** Connections open at once; further statements wait for one. */
  maxConnections: number;
  /** The longest that one statement may take; 0 for no limit. */
  statementMs: number;
  /** As the server lists it; "neson-router" when absent. */
  program?: string;
}

/** For a connection to come up, or to become free. */
const CONNECT_MS = 5000;
/** Between two attempts to reach a server that is away. */
const TRY_AGAIN_MS = 250;
const IDLE_MS = 30_000;
/** Beyond the server's own limit: a server that does not even say that the time is over is gone. */
const ANSWER_GRACE_MS = 5000;
/** A Router that froze in the middle of a transaction does not hold its locks for longer. */
const IDLE_IN_TRANSACTION_MS = 30_000;

/**
 * Connections to PostgreSQL, as Kysely wants them. Broken ones are replaced when the next is needed. What fails since the server is away is
 * thrown as NesonError `database-unavailable` (operator).
 */
export function openPool(
  { url, maxConnections, statementMs, program = "neson-router" }: PoolOptions,
  { clock, log }: { clock: Clock; log: Log },
): PostgresPool {
  const config: pg.PoolConfig = {
    connectionString: url,
    max: maxConnections,
    connectionTimeoutMillis: CONNECT_MS,
    idleTimeoutMillis: IDLE_MS,
    keepAlive: true,
    application_name: program,
    types: postgresValues,
    ...(statementMs === 0 ? {} : { statement_timeout: statementMs, query_timeout: statementMs + ANSWER_GRACE_MS }),
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
  };
  const pool = new pg.Pool(config);
  const outage = new Outage(clock);
  // The pool listens while a connection lies idle, `PooledConnection` while it is used. On the way between, and while a broken one is closed, nobody
  // does, and an "error" that nobody hears ends the program.
  pool.on("connect", (client) => client.on("error", () => {}));
  pool.on("error", (error) => log.warn({ err: error }, `a connection to PostgreSQL broke: ${describeError(error)}`));
  return {
    options: pool.options,
    connect: async () => {
      outage.enter();
      try {
        const client = await pool.connect();
        outage.ended();
        return new PooledConnection(client);
      } catch (error) {
        outage.failed(error);
        throw isConnectionLost(error) ? unavailable("connecting", error) : error;
      }
    },
    end: () => pool.end(),
  };
}

/** While the server is away one at a time tries to reach it; all others are told at once, instead of each waiting its time. */
class Outage {
  readonly #clock: Clock;
  #cause: unknown;
  #nextTryMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  enter(): void {
    if (this.#cause === undefined) return;
    const nowMs = this.#clock.nowMs();
    if (nowMs < this.#nextTryMs) throw unavailable("connecting", this.#cause);
    this.#nextTryMs = nowMs + CONNECT_MS;
  }

  ended(): void {
    this.#cause = undefined;
  }

  failed(error: unknown): void {
    if (!isConnectionLost(error)) return;
    this.#cause = error;
    this.#nextTryMs = this.#clock.nowMs() + TRY_AGAIN_MS;
  }
}

/** One connection in use. It goes back into the pool only when it is sound. */
class PooledConnection implements PostgresPoolClient {
  readonly #client: pg.PoolClient;
  #isBroken = false;

  constructor(client: pg.PoolClient) {
    this.#client = client;
    // A connection that breaks between two statements says so here alone; the next statement then fails.
    client.on("error", this.#noteBroken);
  }

  // Kysely's signature also has cursors, which are not used here.
  readonly query = (async (sql: string, parameters: readonly unknown[] = []) => {
    try {
      return await this.#client.query(sql, parameters.map(storable));
    } catch (error) {
      if (!isConnectionLost(error)) throw error;
      this.#isBroken = true;
      throw unavailable("a statement", error);
    }
  }) as unknown as PostgresPoolClient["query"];

  release(mustClose = false): void {
    this.#client.off("error", this.#noteBroken);
    this.#client.release(mustClose || this.#isBroken);
  }

  readonly #noteBroken = () => {
    this.#isBroken = true;
  };
}

/** PostgreSQL's text cannot hold U+0000, which strangers may well send. */
function storable(value: unknown): unknown {
  return typeof value === "string" && value.includes("\0") ? value.replaceAll("\0", "\uFFFD") : value;
}
