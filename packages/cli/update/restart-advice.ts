import { existsSync } from "node:fs";
import { join } from "node:path";

const SERVICE = "neson-terminal.service";

/** Where services of the system and of a user are described; replaced in tests. */
export interface ServicePlaces {
  systemUnits: string;
  home: string;
  onWindows: boolean;
}

/** What to do so that the new program runs, by how the Terminal was installed. */
export function restartAdvice(programPath: string, { systemUnits, home, onWindows }: ServicePlaces): string {
  if (onWindows) return "log out and in again, or end neson.exe in the Task Manager: it is started again at once";
  const isOwn = programPath.startsWith(`${home}/`);
  if (isOwn && existsSync(join(home, ".config/systemd/user", SERVICE))) return `systemctl --user restart ${SERVICE}`;
  if (!isOwn && existsSync(join(systemUnits, SERVICE))) return `sudo systemctl restart ${SERVICE}`;
  return "stop the Terminal (Ctrl-C) and start it as before";
}
