import { describeError } from "@neson/kit/error";
import { equalBytes, fromBase64Url, hmacSha256, toBase64Url } from "@neson/protocol/bytes";
import { z } from "zod";
import { noticeSchema, signalSchema } from "./message.ts";

/** Longer frames are not read; the server refuses more than 1 MiB by itself. */
const MAX_FRAME_CHARS = 900_000;
const TAG_CHARS = 43;

const frameSchema = z.object({
  from: z.string().regex(/^[0-9a-f]{16,32}$/),
  message: z.union([noticeSchema, signalSchema]),
});

/** One message with its sender. */
export type Frame = z.infer<typeof frameSchema>;

/** A frame as text: a tag that only Routers with the network's keys can make, then JSON. */
export function sealFrame(frame: Frame, key: Uint8Array): string {
  const body = JSON.stringify(frame);
  return toBase64Url(hmacSha256(key, body)) + body;
}

/** Reads a frame; of what no Router of this network wrote, or what does not fit the schema, it gives why. */
export function openFrame(text: string, key: Uint8Array): { ok: true; frame: Frame } | { ok: false; why: string } {
  if (text.length > MAX_FRAME_CHARS) return { ok: false, why: `found ${text.length} characters` };
  const tag = fromBase64Url(text.slice(0, TAG_CHARS));
  const body = text.slice(TAG_CHARS);
  const expected = hmacSha256(key, body);
  if (tag === undefined || !equalBytes(tag, expected)) {
    return { ok: false, why: "its tag is not of this network's keys" };
  }
  try {
    return { ok: true, frame: frameSchema.parse(JSON.parse(body)) };
  } catch (error) {
    return { ok: false, why: describeError(error) };
  }
}
