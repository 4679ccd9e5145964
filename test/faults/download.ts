import { createHash } from "node:crypto";
import http from "node:http";

/** How a client goes about a download. */
export interface Manner {
  /** No byte for so long, and it gives that source up. */
  idleMs: number;
  /** A source that gave less than this on average over its last `idleMs` is given up too; 0 for a client that does not mind. */
  leastBytesPerSecond: number;
  /** What it does then: ask the site again from the start, as a person reloads a page, or go on at a mirror, as aria2 does. */
  next: "reload" | "mirror";
}

/** What a person before a browser does, who wants to see something. */
export const PERSON: Manner = { idleMs: 4000, leastBytesPerSecond: 10_000, next: "reload" };
/** What aria2 does, less patient than by its defaults. */
export const DOWNLOADER: Manner = { idleMs: 3000, leastBytesPerSecond: 50_000, next: "mirror" };

/** One try to get bytes from one place. */
export interface Attempt {
  /** Origin of the URL. */
  at: string;
  /** Why it was given up; undefined for the one that brought the rest. */
  problem: string | undefined;
}

/** How one download went; times are from performance.now(). */
export interface Visit {
  target: string;
  manner: Manner;
  beganAtMs: number;
  endedAtMs: number;
  /** Each answer of the Router: when it came, and the origins it named, Location first; none where it sent the bytes itself. */
  steered: { atMs: number; to: string[] }[];
  attempts: Attempt[];
  /** Why the bytes were not had; undefined when they were, and were right. */
  problem: string | undefined;
}

/** Loads, mirrors and returns to the site that a client takes before it gives up. */
const MAX_LOADS = 6;
/** As in browsers (Fetch standard 4.4). */
const MAX_REDIRECTS = 20;

/** A download that begins now. */
export function newVisit(target: string, manner: Manner): Visit {
  const times = { beganAtMs: performance.now(), endedAtMs: Number.POSITIVE_INFINITY };
  return { target, manner, ...times, steered: [], attempts: [], problem: undefined };
}

/** Downloads a file as an ordinary client does, compares its SHA-256, and keeps book of it in `visit` all along. Never rejects. */
export async function download(site: string, visit: Visit, sha256: string): Promise<void> {
  const body = await load(site, visit);
  visit.endedAtMs = performance.now();
  if (body === undefined) visit.problem = visit.attempts.at(-1)?.problem ?? "nothing was tried";
  else if (createHash("sha256").update(body).digest("hex") !== sha256) visit.problem = `wrong bytes (${body.length})`;
}

async function load(site: string, visit: Visit): Promise<Buffer | undefined> {
  const { manner } = visit;
  let got = Buffer.alloc(0);
  for (let loads = 0; loads < MAX_LOADS; loads += 1) {
    const sources = [site + visit.target];
    for (let followed = 0; sources.length > 0 && followed <= MAX_REDIRECTS; followed += 1) {
      const url = sources.shift() as string;
      const reply = await get(url, manner, got.length);
      if (reply.location !== undefined) {
        if (url.startsWith(site)) {
          const mirrors = manner.next === "mirror" ? reply.mirrors : [];
          visit.steered.push({ atMs: performance.now(), to: [reply.location, ...reply.mirrors].map(originOf) });
          sources.splice(0, sources.length, reply.location, ...mirrors);
        } else sources.unshift(reply.location);
        if (followed === MAX_REDIRECTS) visit.attempts.push({ at: originOf(url), problem: "too many redirects" });
        continue;
      }
      got = Buffer.concat([reply.startsAt === 0 ? Buffer.alloc(0) : got, reply.body]);
      visit.attempts.push({ at: originOf(url), problem: reply.problem });
      if (reply.problem === undefined) return got;
      if (manner.next === "reload") got = Buffer.alloc(0);
    }
  }
  return undefined;
}

interface Reply {
  location: string | undefined;
  mirrors: string[];
  /** Offset of the body's first byte in the file. */
  startsAt: number;
  body: Buffer;
  problem: string | undefined;
}

function get(url: string, manner: Manner, from: number): Promise<Reply> {
  const { promise, resolve } = Promise.withResolvers<Reply>();
  const reply: Reply = { location: undefined, mirrors: [], startsAt: from, body: Buffer.alloc(0), problem: undefined };
  const headers = from === 0 ? {} : { Range: `bytes=${from}-` };
  const request = http.get(url, { agent: false, headers });
  const chunks: Buffer[] = [];
  const pace = watchPace(manner, (problem) => end(problem));
  const end = (problem: string | undefined) => {
    pace.stop();
    resolve({ ...reply, body: Buffer.concat(chunks), problem });
    request.destroy();
  };
  request.on("error", (error) => end(error.message));
  request.on("response", (response) => {
    const { statusCode = 0, headers: fields } = response;
    if (statusCode === 307 && fields.location !== undefined) {
      reply.location = fields.location;
      reply.mirrors = [...String(fields.link ?? "").matchAll(/<([^>]+)>; ?rel=duplicate/g)].map(([, mirror]) =>
        String(mirror),
      );
      return end(undefined);
    }
    if (statusCode === 200) reply.startsAt = 0;
    else if (statusCode !== 206) return end(`status ${statusCode}`);
    response.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      pace.note(chunk.length);
    });
    response.on("error", () => end("the body broke off"));
    response.on("close", () => end(response.complete ? undefined : "the body broke off"));
  });
  return promise;
}

/** Tells once when a source gives too little. */
function watchPace({ idleMs, leastBytesPerSecond }: Manner, tooSlow: (problem: string) => void) {
  let bytes = 0;
  const timer = setInterval(() => {
    if (bytes === 0) tooSlow(`no byte for ${idleMs} ms`);
    else if ((1000 * bytes) / idleMs < leastBytesPerSecond) tooSlow(`less than ${leastBytesPerSecond} bytes a second`);
    bytes = 0;
  }, idleMs);
  return {
    note: (count: number) => {
      bytes += count;
    },
    stop: () => clearInterval(timer),
  };
}

function originOf(url: string): string {
  return new URL(url).origin;
}
