import { join } from "node:path";
import { writeFileAtomic } from "@neson/kit/files";

/**
 * Tells the operator's own command line where this Router is and how to prove who is asking: `admin.json` in the data
 * directory, readable by its owner alone.
 */
export function writeAdminFile(dataDir: string, admin: { url: string; token: string }): Promise<void> {
  return writeFileAtomic(join(dataDir, "admin.json"), `${JSON.stringify(admin, null, 2)}\n`, 0o600);
}
