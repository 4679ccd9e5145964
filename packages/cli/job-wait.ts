import { systemClock } from "@neson/kit/clock";
import type { z } from "zod";
import { type ApiClient, read } from "./api-client.ts";

const FIRST_POLL_MS = 100;
const LAST_POLL_MS = 2000;

/** How to wait for a job of the control API. */
export interface JobWait<Job> {
  /** Below /api/v1. */
  path: string;
  schema: z.ZodType<Job>;
  /** One line for people. */
  line: (job: Job) => string;
}

/** Asks until the job is done; on a terminal a line on standard error shows how far it is. */
export async function jobDone<Job extends { state: string }>(
  api: Pick<ApiClient, "call">,
  { path, schema, line }: JobWait<Job>,
): Promise<Job> {
  const isShown = process.stderr.isTTY;
  for (let pollMs = FIRST_POLL_MS; ; pollMs = Math.min(LAST_POLL_MS, pollMs * 1.5)) {
    const job = read(schema, await api.call("GET", path));
    if (isShown) process.stderr.write(`\r\x1b[K${line(job)}`);
    if (job.state === "done") {
      if (isShown) process.stderr.write("\r\x1b[K");
      return job;
    }
    await systemClock.sleep(pollMs);
  }
}
