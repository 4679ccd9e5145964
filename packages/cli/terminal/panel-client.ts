import { readFile, realpath } from "node:fs/promises";
import { join } from "node:path";
import { describeError, NesonError } from "@neson/kit/error";
import { type PanelFile, panelFileSchema, type Status, statusSchema } from "@neson/terminal/panel/status";
import { z } from "zod";
import { type Fetch, parseJson, printable, readBounded } from "../fetched.ts";

const READ_MS = 10_000;
/** A status lists objects and traffic; it stays far below this. */
const MAX_STATUS_BYTES = 4 * 1024 * 1024;
const MAX_ANSWER_BYTES = 64 * 1024;

const failureSchema = z.object({ error: z.object({ code: z.string().max(100), message: z.string().max(2000) }) });

/** The panel of the Terminal that runs on a data directory, or ran there until it was killed. */
export class PanelClient {
  readonly #file: PanelFile;
  readonly #dataDir: string;
  readonly #fetch: Fetch;

  constructor(file: PanelFile, dataDir: string, fetch: Fetch) {
    this.#file = file;
    this.#dataDir = dataDir;
    this.#fetch = fetch;
  }

  /** Page of the panel for a browser, with the right to change things. */
  get link(): string {
    return `${this.#file.url}/#token=${this.#file.token}`;
  }

  /**
   * What the Terminal says of itself, as far as `schema` asks; undefined when nobody answers.
   * @throws NesonError `panel-silent`, `bad-answer` (operator)
   */
  async read<T>(schema: z.ZodType<T>): Promise<T | undefined> {
    const url = new URL("/api/status", this.#file.url).href;
    const signal = AbortSignal.timeout(READ_MS);
    const answer = await this.#fetch(url, { signal, redirect: "error" }).catch(() => undefined);
    if (answer === undefined) return undefined;
    const text = await readBounded(answer, MAX_STATUS_BYTES);
    if (answer.status === 200) return parseJson(schema, text, url);
    const message = `asking the running Terminal at ${url}: found status ${answer.status}`;
    throw new NesonError("panel-silent", message, { fault: "operator" });
  }

  /** All of it; see `read`. Undefined too when the port now belongs to a Terminal with another data directory. */
  async status(): Promise<Status | undefined> {
    const status = await this.read(statusSchema);
    if (status === undefined) return undefined;
    return (await isSamePlace(status.identity.dataDir, this.#dataDir)) ? status : undefined;
  }

  /**
   * Has the Terminal do something: `POST /api/<name>`.
   * @throws NesonError with the Terminal's own words (operator), or `panel-silent` when it does not answer
   */
  async call<T>(name: string, body: object, schema: z.ZodType<T>, signal: AbortSignal): Promise<T> {
    const url = new URL(`/api/${name}`, this.#file.url).href;
    const headers = { "Content-Type": "application/json", Authorization: `Bearer ${this.#file.token}` };
    const init = { method: "POST", body: JSON.stringify(body), headers, signal, redirect: "error" } as const;
    let answer: Response;
    let text: string;
    try {
      answer = await this.#fetch(url, init);
      text = await readBounded(answer, MAX_ANSWER_BYTES);
    } catch (cause) {
      const message = `asking the Terminal at ${this.#file.url} for ${name} failed (${describeError(cause)})`;
      throw new NesonError("panel-silent", message, { fault: "operator", cause });
    }
    if (answer.ok) return parseJson(schema, text, url);
    const { error } = parseJson(failureSchema, text, url);
    throw new NesonError(error.code, `the Terminal refused ${name}: ${printable(error.message)}`, {
      fault: "operator",
    });
  }
}

/**
 * Reads `panel.json`; undefined when there is none, which is so while no Terminal runs.
 * @throws NesonError `panel-file-unreadable`, `bad-answer` (operator)
 */
export async function openPanel(dataDir: string, fetch: Fetch): Promise<PanelClient | undefined> {
  const path = join(dataDir, "panel.json");
  const text = await readFile(path, "utf8").catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === "ENOENT" || cause.code === "ENOTDIR") return undefined;
    const message = `cannot read ${path} (${describeError(cause)}), allowed: the user that the Terminal runs as`;
    throw new NesonError("panel-file-unreadable", message, { fault: "operator", cause });
  });
  return text === undefined ? undefined : new PanelClient(parseJson(panelFileSchema, text, path), dataDir, fetch);
}

async function isSamePlace(one: string, other: string): Promise<boolean> {
  const [a, b] = await Promise.all([one, other].map((path) => realpath(path).catch(() => path)));
  return a === b;
}

/** Why a command that needs a running Terminal cannot go on. */
export function notRunning(dataDir: string): NesonError {
  const message = `no Terminal runs on ${dataDir}; start it with neson terminal run, or name its directory with --data`;
  return new NesonError("not-running", message, { fault: "operator" });
}
