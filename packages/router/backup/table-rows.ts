import { type Kysely, sql } from "kysely";
import { isPostgres } from "../db/postgres.ts";
import type { Schema } from "../db/schema.ts";
import type { BackupItem, Cell } from "./backup-file.ts";

const ROWS_PER_FETCH = 1000;
/** Below the limits of SQLite (32766) and PostgreSQL (65535). */
const PARAMETERS_PER_STATEMENT = 30_000;
const ROWS_PER_STATEMENT = 500;

type AnyTable = Kysely<Record<string, Record<string, Cell>>>;

/** A database's own tables but those of the migrations, in the order in which they were made: what others refer to comes before them. */
export async function tableNames(db: Kysely<Schema>): Promise<string[]> {
  const names = isPostgres(db)
    ? sql<{ name: string }>`select relname as name from pg_class
        where relkind = 'r' and relnamespace = current_schema()::regnamespace order by oid`
    : sql<{
        name: string;
      }>`select name from sqlite_master where type = 'table' and name not like 'sqlite_%' order by rowid`;
  const { rows } = await names.execute(db);
  return rows.map(({ name }) => name).filter((name) => !name.startsWith("kysely_"));
}

/** A table's line and all its rows; call within a transaction that sees one state of the database. */
export async function* readTable(db: Kysely<Schema>, table: string): AsyncGenerator<BackupItem> {
  const columns = await columnsOf(db, table);
  yield { kind: "table", table, columns };
  for await (const row of isPostgres(db) ? fetchRows(db, table) : anyTable(db).selectFrom(table).selectAll().stream()) {
    yield { kind: "row", cells: columns.map((column) => row[column] ?? null) };
  }
}

async function* fetchRows(db: Kysely<Schema>, table: string): AsyncGenerator<Record<string, Cell>> {
  await sql`declare backup_rows no scroll cursor for select * from ${sql.table(table)}`.execute(db);
  for (;;) {
    const { rows } = await sql<Record<string, Cell>>`fetch ${sql.lit(ROWS_PER_FETCH)} from backup_rows`.execute(db);
    yield* rows;
    if (rows.length < ROWS_PER_FETCH) break;
  }
  await sql`close backup_rows`.execute(db);
}

/** Adds rows to a table, few statements for many of them. Call `flush` at the end. */
export class TableWriter {
  readonly #db: Kysely<Schema>;
  #table = "";
  #columns: string[] = [];
  #rows: Record<string, Cell>[] = [];

  constructor(db: Kysely<Schema>) {
    this.#db = db;
  }

  /** The rows that follow are this table's. */
  async begin(table: string, columns: string[]): Promise<void> {
    await this.flush();
    const known = await columnsOf(this.#db, table);
    const unknown = columns.filter((column) => !known.includes(column));
    if (known.length === 0 || unknown.length > 0) {
      throw new Error(`the database of this version has no ${table} with ${unknown.join(", ") || "any column"}`);
    }
    this.#table = table;
    this.#columns = columns;
  }

  async add(cells: readonly Cell[]): Promise<void> {
    if (cells.length !== this.#columns.length) throw new Error(`a row of ${this.#table} has ${cells.length} values`);
    this.#rows.push(Object.fromEntries(this.#columns.map((column, i) => [column, cells[i] ?? null])));
    const most = Math.min(ROWS_PER_STATEMENT, Math.floor(PARAMETERS_PER_STATEMENT / this.#columns.length));
    if (this.#rows.length >= most) await this.flush();
  }

  async flush(): Promise<void> {
    const rows = this.#rows;
    this.#rows = [];
    if (rows.length > 0) await anyTable(this.#db).insertInto(this.#table).values(rows).execute();
  }
}

/** The first table that has a row, if any has. */
export async function firstFilled(db: Kysely<Schema>, tables: readonly string[]): Promise<string | undefined> {
  for (const table of tables) {
    const row = await anyTable(db).selectFrom(table).select(sql`1`.as("one")).limit(1).executeTakeFirst();
    if (row !== undefined) return table;
  }
  return undefined;
}

async function columnsOf(db: Kysely<Schema>, table: string): Promise<string[]> {
  const names = isPostgres(db)
    ? sql<{ name: string }>`select column_name as name from information_schema.columns
        where table_schema = current_schema() and table_name = ${table} order by ordinal_position`
    : sql<{ name: string }>`select name from pragma_table_info(${table})`;
  return (await names.execute(db)).rows.map(({ name }) => name);
}

/** Tables by names that only the database knows. */
function anyTable(db: Kysely<Schema>): AnyTable {
  return db as unknown as AnyTable;
}
