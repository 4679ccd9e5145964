import type { Answer } from "@neson/kit/http/answer";
import { isConditional, rangedAnswer } from "@neson/kit/http/respond";
import type { CatalogEntry } from "../catalog/entry.ts";
import { codedAnswer } from "./coded.ts";
import type { Exchange, Outcome } from "./exchange.ts";
import { isForMetalink, metalink } from "./metalink.ts";
import { miss } from "./miss.ts";
import { type Prepared, preparedOf, unframed } from "./prepared.ts";
import { isSettledHere, steered } from "./steered.ts";

/**
 * Answers from a stored entry: by a Terminal where the site lets it and one is there, else from this Router's own bytes, else by fetching
 * them again.
 * @param cacheStatus value of the Cache-Status field
 */
export function answerStored(x: Exchange, entry: CatalogEntry, cacheStatus: string, ageSeconds: number): Outcome {
  const prepared = preparedOf(entry, x.site);
  if (isForMetalink(x, entry, prepared)) {
    return metalink(x, entry, cacheStatus).then(
      (found) => found ?? answerHere(x, entry, prepared, cacheStatus, ageSeconds),
    );
  }
  return steered(x, entry, prepared, cacheStatus) ?? answerHere(x, entry, prepared, cacheStatus, ageSeconds);
}

function answerHere(
  x: Exchange,
  entry: CatalogEntry,
  prepared: Prepared,
  cacheStatus: string,
  ageSeconds: number,
): Outcome {
  const added = ["Age", String(ageSeconds), "Cache-Status", cacheStatus];
  const coded = codedAnswer(x, entry, prepared, added);
  if (coded instanceof Promise) return coded.then((found) => found ?? answerPlain(x, entry, prepared, added));
  return coded ?? answerPlain(x, entry, prepared, added);
}

function answerPlain(x: Exchange, entry: CatalogEntry, prepared: Prepared, added: string[]): Outcome {
  const { object } = entry;
  const bytes = x.parts.shield.inMemory(object.objectId);
  if (bytes !== undefined) return fromMemory(x, entry, prepared, added, bytes);
  const needsBytes = x.request.method === "GET" && object.size > 0 && !isSettledHere(x, entry);
  if (!needsBytes) return ranged(x, entry, prepared, added, () => null);
  return fromDisk(x, entry, prepared, added);
}

function fromMemory(x: Exchange, entry: CatalogEntry, prepared: Prepared, added: string[], bytes: Uint8Array): Answer {
  const { headers, method } = x.request;
  const isPlain = headers.range === undefined && !isConditional(headers) && entry.status === 200 && method === "GET";
  if (isPlain) return { status: 200, headers: prepared.whole.concat(added), body: bytes, sent: x.parts.countSent };
  return ranged(x, entry, prepared, added, (first, last) => bytes.subarray(first, last + 1));
}

async function fromDisk(x: Exchange, entry: CatalogEntry, prepared: Prepared, added: string[]): Promise<Answer> {
  const { shield } = x.parts;
  const bytes = await shield.load(entry.object);
  if (bytes !== undefined) return fromMemory(x, entry, prepared, added, bytes);
  const file = shield.open(entry.object.objectId);
  if (file !== undefined) {
    return ranged(x, entry, prepared, added, (first, last) => shield.read(file.path, first, last));
  }
  // The bytes made way for others: fetch them again.
  return miss(x, { kind: "miss", fwd: "miss", alone: x.request.headers.authorization !== undefined });
}

function ranged(
  x: Exchange,
  entry: CatalogEntry,
  prepared: Prepared,
  added: string[],
  read: Parameters<typeof rangedAnswer>[0]["read"],
): Answer {
  return rangedAnswer({
    requestHeaders: x.request.headers,
    method: x.request.method,
    size: entry.object.size,
    headers: unframed(prepared).concat(added),
    status: entry.status,
    read,
    sent: x.parts.countSent,
  });
}
