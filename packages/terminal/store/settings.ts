import type { Database } from "bun:sqlite";

/** What SQLite says of a disk that is full, read-only or broken. */
const DISK_CODES = /^SQLITE_(FULL|READONLY|IOERR|CANTOPEN)/;

/**
 * Small named texts that outlive the process: ticket keys, the scheme to send viewers back with. What a bad disk does not take holds for as
 * long as the process lives, and is written along with the next one.
 */
export class Settings {
  readonly #database: Database;
  readonly #unsaved = new Map<string, string>();

  constructor(database: Database) {
    this.#database = database;
  }

  get(name: string): string | undefined {
    const query = this.#database.query<{ value: string }, [string]>("SELECT value FROM settings WHERE name = ?");
    return this.#unsaved.get(name) ?? query.get(name)?.value;
  }

  set(name: string, value: string): void {
    this.#unsaved.set(name, value);
    try {
      const query = this.#database.query("INSERT OR REPLACE INTO settings VALUES (?, ?)");
      this.#database.transaction(() => {
        for (const setting of this.#unsaved) query.run(...setting);
      })();
      this.#unsaved.clear();
    } catch (error) {
      const code = error instanceof Error && "code" in error ? String(error.code) : "";
      if (!DISK_CODES.test(code)) throw error;
    }
  }
}
