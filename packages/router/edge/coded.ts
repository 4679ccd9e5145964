import type { Answer, EdgeRequest } from "@neson/kit/http/answer";
import { isConditional, rangedAnswer } from "@neson/kit/http/respond";
import type { CatalogEntry } from "../catalog/entry.ts";
import { codedHeaders } from "../compress/coded-headers.ts";
import { type Coding, chooseCoding } from "../compress/coding.ts";
import { isCompressible, MIN_CODED_BYTES } from "../compress/compressible.ts";
import type { Site } from "../sites/site.ts";
import type { Exchange } from "./exchange.ts";
import { type Prepared, unframed } from "./prepared.ts";

/** Whether viewers of the site may get a response in a content coding. A length that is not known yet counts as long enough. */
export function isCodableFor(
  site: Site,
  response: { status: number; headers: string[]; size: number | undefined },
): boolean {
  return site.cache.compression && isCompressible({ ...response, size: response.size ?? MIN_CODED_BYTES });
}

/** The coding for a body that is still coming in; none for requests that ask for less than all of it. */
export function liveCodingOf({ method, headers }: EdgeRequest): Coding | undefined {
  if (method !== "GET" || headers.range !== undefined || isConditional(headers)) return undefined;
  return chooseCoding(headers["accept-encoding"] as string | undefined);
}

/**
 * Answers from a stored entry in a content coding that the client likes. Undefined when the bytes should go out as they are: the client or the
 * site wants it so, coding gains nothing, or parts are asked for, which are parts of the bytes as they are.
 */
export function codedAnswer(
  x: Exchange,
  entry: CatalogEntry,
  prepared: Prepared,
  added: readonly string[],
): Answer | undefined | Promise<Answer | undefined> {
  const { headers } = x.request;
  if (!prepared.isCodable || headers.range !== undefined) return undefined;
  const coding = chooseCoding(headers["accept-encoding"] as string | undefined);
  if (coding === undefined) return undefined;
  const { objectId } = entry.object;
  const known = x.parts.coded.find(objectId, coding);
  if (known !== undefined) return inCoding(x, prepared, added, coding, known.bytes);
  return x.parts.coded
    .make(objectId, coding, () => readWhole(x, entry))
    ?.then(
      ({ bytes }) => inCoding(x, prepared, added, coding, bytes),
      (error) => {
        x.parts.log.debug({ err: error, objectId }, "coding an object failed");
        return undefined;
      },
    );
}

function inCoding(
  x: Exchange,
  prepared: Prepared,
  added: readonly string[],
  coding: Coding,
  bytes: Uint8Array | undefined,
): Answer | undefined {
  if (bytes === undefined) return undefined;
  return rangedAnswer({
    requestHeaders: x.request.headers,
    method: x.request.method,
    size: bytes.length,
    headers: codedHeaders(unframed(prepared), coding, bytes.length).concat(added),
    read: () => bytes,
    rangeAllowed: false,
    sent: x.parts.countSent,
  });
}

/** @throws when the shield has the object no more */
async function readWhole({ parts }: Exchange, { object }: CatalogEntry): Promise<Uint8Array> {
  const bytes = parts.shield.inMemory(object.objectId) ?? (await parts.shield.load(object));
  if (bytes !== undefined) return bytes;
  const file = parts.shield.open(object.objectId);
  if (file === undefined) throw new Error("the shield store has the object no more");
  const blocks: Uint8Array[] = [];
  for await (const block of parts.shield.read(file.path, 0, object.size - 1)) blocks.push(block);
  return Buffer.concat(blocks);
}
