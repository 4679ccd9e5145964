import { createHash } from "node:crypto";
import { open, rm } from "node:fs/promises";
import { NesonError } from "@neson/kit/error";
import type { Fetch } from "../fetched.ts";

/** A slow link may take its time; a Router that sends nothing may not. */
const STALL_MS = 60_000;
const TOTAL_MS = 2 * 3_600_000;
const PROGRAM_MODE = 0o755;

/** Where a program is, and what it must be. */
export interface WantedProgram {
  url: string;
  bytes: number;
  /** Lower-case hex. */
  sha256: string;
}

/**
 * Downloads a program to `path`, which is made executable and flushed. Whatever is not exactly the bytes wanted is removed again.
 * @throws NesonError `download-failed`, `wrong-program` or `program-unwritable` (operator: it is told at once, and nothing retries)
 */
export async function fetchProgram(wanted: WantedProgram, path: string, fetch: Fetch): Promise<void> {
  await rm(path, { force: true }).catch(() => undefined);
  const file = await open(path, "wx", PROGRAM_MODE).catch((cause: unknown) => {
    const message = `writing ${path} failed; allowed: a directory that this user may write (an installation by root is updated by root)`;
    throw new NesonError("program-unwritable", message, { fault: "operator", cause });
  });
  try {
    try {
      await receive(wanted, fetch, (block) => file.writeFile(block));
      await file.chmod(PROGRAM_MODE);
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (error) {
    await rm(path, { force: true });
    if (error instanceof NesonError) throw error;
    throw new NesonError("download-failed", `downloading ${wanted.url} failed`, { fault: "operator", cause: error });
  }
}

async function receive(
  wanted: WantedProgram,
  fetch: Fetch,
  write: (block: Uint8Array) => Promise<void>,
): Promise<void> {
  const stalled = new AbortController();
  const stall = () => stalled.abort(new Error(`no byte came for ${STALL_MS / 1000} s`));
  let timer = setTimeout(stall, STALL_MS);
  try {
    const signal = AbortSignal.any([stalled.signal, AbortSignal.timeout(TOTAL_MS)]);
    const answer = await fetch(wanted.url, { signal });
    if (answer.status !== 200) throw new Error(`found status ${answer.status}, expected 200`);
    const hash = createHash("sha256");
    let bytes = 0;
    for await (const block of answer.body ?? []) {
      clearTimeout(timer);
      timer = setTimeout(stall, STALL_MS);
      bytes += block.length;
      if (bytes > wanted.bytes) break;
      hash.update(block);
      await write(block);
    }
    refuseOther(wanted, bytes, hash.digest("hex"));
  } finally {
    clearTimeout(timer);
    stalled.abort();
  }
}

function refuseOther(wanted: WantedProgram, bytes: number, sha256: string): void {
  const found = bytes > wanted.bytes ? `more than ${wanted.bytes} bytes` : `${bytes} bytes with SHA-256 ${sha256}`;
  if (bytes === wanted.bytes && sha256 === wanted.sha256) return;
  const message = `${wanted.url}: found ${found}, announced are ${wanted.bytes} bytes with SHA-256 ${wanted.sha256}; nothing was changed`;
  throw new NesonError("wrong-program", message, { fault: "operator" });
}
