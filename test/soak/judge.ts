import type { Ask, Reply } from "./ask.ts";
import { bytesOf, type Page } from "./pages.ts";

/** What was so while a request was under way. */
export interface Circumstances {
  /** Whether the origin misbehaved at any time between the request and its answer, or just before. */
  wasFaulty: boolean;
  /** Whether the page had been answered whole before the request began. */
  wasStored: boolean;
}

/** What is wrong with a reply, in a few words; undefined when all is well. `page` is undefined for paths that the origin does not have. */
export function judge(asked: Ask, reply: Reply, page: Page | undefined, so: Circumstances): string | undefined {
  const { status } = reply;
  if (status === 0) return "no answer";
  const mayFail = so.wasFaulty && !(page?.isCovered === true && so.wasStored);
  if (status >= 500) return mayFail ? undefined : `status ${status} although it could be avoided`;
  if (reply.wasCut) return mayFail ? undefined : `the body of a ${status} broke off`;
  if (asked.method === "POST")
    return status === 200 && reply.body.equals(asked.body ?? Buffer.alloc(0)) ? undefined : "wrong echo";
  if (page === undefined) return status === 404 ? undefined : `status ${status} for a path that is not there`;
  if (status === 304) return asked.headers["If-None-Match"] === page.headers.ETag ? undefined : "304 unasked";
  if (asked.method === "HEAD")
    return status === 200 && reply.body.length === 0 ? undefined : `status ${status} for HEAD`;
  return judgeBody(asked, reply, page);
}

function judgeBody(asked: Ask, reply: Reply, page: Page): string | undefined {
  if (reply.status === 200) {
    return reply.body.equals(bytesOf(page.path, 0, page.size - 1))
      ? undefined
      : `wrong bytes in a 200 (${reply.body.length})`;
  }
  if (reply.status !== 206 || asked.headers.Range === undefined) return `unexpected status ${reply.status}`;
  const range = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(reply.headers["content-range"] ?? "");
  if (range === null || Number(range[3]) !== page.size) return "a 206 with a wrong Content-Range";
  return reply.body.equals(bytesOf(page.path, Number(range[1]), Number(range[2]))) ? undefined : "wrong bytes in a 206";
}
