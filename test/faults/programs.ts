import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryDirectory } from "../e2e/network.ts";
import { sha256Of } from "../e2e/origin.ts";

/** What a program that people use made of a download. */
export interface ProgramRun {
  code: number;
  /** Hex SHA-256 of what it wrote; "none" where it wrote nothing. */
  sha256: string;
}

/** Programs that follow the Router's redirects, and how each gives up a source that sends nothing. */
const COMMANDS = {
  // Asks the site again, as a person does who reloads a page.
  curl: (url: string, file: string) => [
    ...[
      "curl",
      "--silent",
      "--location",
      "--fail",
      "--noproxy",
      "*",
      "--connect-timeout",
      "3",
      "--speed-time",
      "3",
      "--speed-limit",
      "1",
    ],
    ...["--retry", "3", "--retry-delay", "1", "--retry-all-errors", "--output", file, url],
  ],
  // Goes on at the mirrors.
  aria2c: (url: string, file: string) => [
    ...[
      "aria2c",
      "--no-conf=true",
      "--no-netrc=true",
      "--all-proxy=",
      "--file-allocation=none",
      "--quiet=true",
      "--allow-overwrite=true",
    ],
    ...[
      "--timeout=3",
      "--connect-timeout=3",
      "--max-tries=3",
      "--split=3",
      "--max-connection-per-server=1",
      "--min-split-size=1M",
    ],
    ...["--dir", join(file, ".."), "--out", "file", url],
  ],
};

/** Downloads a URL with a program. */
export async function downloadWith(program: keyof typeof COMMANDS, url: string): Promise<ProgramRun> {
  await using directory = await temporaryDirectory();
  const file = join(directory.path, "file");
  const child = Bun.spawn(COMMANDS[program](url, file), { stdio: ["ignore", "ignore", "ignore"] });
  const code = await child.exited;
  const bytes = await readFile(file).catch(() => undefined);
  return { code, sha256: bytes === undefined ? "none" : sha256Of(bytes) };
}
