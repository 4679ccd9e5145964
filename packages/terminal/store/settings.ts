import type { Database } from "bun:sqlite";

/** Small named texts that outlive the process: ticket keys, the scheme to send viewers back with. */
export class Settings {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  get(name: string): string | undefined {
    const query = this.#database.query<{ value: string }, [string]>("SELECT value FROM settings WHERE name = ?");
    return query.get(name)?.value;
  }

  set(name: string, value: string): void {
    this.#database.query("INSERT OR REPLACE INTO settings VALUES (?, ?)").run(name, value);
  }
}
