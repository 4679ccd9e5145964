import { homedir } from "node:os";
import { ownProgram } from "./own-program.ts";
import { restartAdvice } from "./restart-advice.ts";
import type { UpdateDeps } from "./update-program.ts";

const VERSION_MS = 20_000;

/** What an update of this very program on this very machine works with. */
export function updateSurroundings(asking: Pick<UpdateDeps, "agrees" | "say">): UpdateDeps {
  const onWindows = process.platform === "win32";
  const places = { systemUnits: "/etc/systemd/system", home: homedir(), onWindows };
  return {
    ...asking,
    own: ownProgram(),
    fetch: (url, init) => fetch(url, init),
    versionOf,
    restartAdvice: (path) => restartAdvice(path, places),
  };
}

async function versionOf(path: string): Promise<string> {
  const child = Bun.spawn([path, "--version"], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "ignore",
    timeout: VERSION_MS,
  });
  const [text, code] = await Promise.all([new Response(child.stdout).text(), child.exited]);
  if (code !== 0) throw new Error(`exit code ${code}`);
  return text;
}
