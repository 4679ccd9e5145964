import { openDatabase } from "../db/database.ts";
import { tableNames } from "./table-rows.ts";

/** The tables that this program makes: a database may be shared with other programs, whose tables are theirs. */
export async function tablesOfProgram(): Promise<string[]> {
  const db = await openDatabase(":memory:");
  try {
    return await tableNames(db);
  } finally {
    await db.destroy();
  }
}
